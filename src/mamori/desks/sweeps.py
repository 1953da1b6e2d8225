from mamori.desks import services
from mamori.ground.jobs import sweep


@sweep("desks.figures")
def figures() -> None:
    services.figures_refresh()
