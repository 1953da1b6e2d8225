from uuid import UUID

from mamori.ground.jobs import Lane, sweep, task
from mamori.ground.letters import services


@task("letters.send", Lane.OUTSIDE)
def send(letter_id: str) -> None:
    services.letter_send(UUID(letter_id))


@sweep("letters.recover")
def recover() -> None:
    services.letters_recover()
