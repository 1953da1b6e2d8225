from uuid import UUID

from mamori.ground.jobs import Lane, task
from mamori.lists.fingerprints import services
from mamori.lists.fingerprints.states import End


@task("fingerprints.compare", Lane.OUTSIDE)
def compare(entry_id: str) -> None:
    services.entry_compare(entry_id=UUID(entry_id))


@task("fingerprints.read_import", Lane.OUTSIDE)
def read_import(import_id: str) -> None:
    services.import_read(import_id=UUID(import_id))


@task("fingerprints.compare_import", Lane.OUTSIDE)
def compare_import(import_id: str) -> None:
    services.import_compare(import_id=UUID(import_id))


@task("fingerprints.confirm_import", Lane.OUTSIDE)
def confirm_import(import_id: str) -> None:
    services.import_carry_out(import_id=UUID(import_id))


@task("fingerprints.withdraw_import", Lane.OUTSIDE)
def withdraw_import(import_id: str) -> None:
    services.import_carry_out(import_id=UUID(import_id), withdraw=True)


@task("fingerprints.compare_harmless", Lane.OUTSIDE)
def compare_harmless(harmless_id: str) -> None:
    services.harmless_compare(harmless_id=UUID(harmless_id))


@task("fingerprints.withdraw")
def withdraw(entry_id: str, end: str) -> None:
    services.entry_end(entry_id=UUID(entry_id), end=End(end))


@task("fingerprints.hold")
def hold(entry_id: str) -> None:
    services.entry_hold(entry_id=UUID(entry_id))


@task("fingerprints.feedback")
def feedback(entry_id: str) -> None:
    services.feedback_tell(entry_id=UUID(entry_id))
