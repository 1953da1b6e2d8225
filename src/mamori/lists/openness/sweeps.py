from mamori.ground.jobs import sweep
from mamori.lists.openness import services


@sweep("openness.prove")
def prove() -> None:
    services.editions_prove()


@sweep("openness.figures")
def figures() -> None:
    services.figures_publish()
