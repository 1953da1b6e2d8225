"""The retention command's words: what is due, and what a named person's review destroyed."""

from django.utils.translation import gettext_lazy as _
from rich.table import Table

from mamori.ground.accounts.models import User
from mamori.ground.actors import SYSTEM
from mamori.ground.errors import DomainError
from mamori.ground.retention import MOST, retention_destroy, retention_review


def due_table() -> Table:
    """What has reached the end of its period, class by class."""
    table = Table("data class", "what", "kept for", "due now", "on legal hold", title="Retention")
    for due in retention_review(actor=SYSTEM):
        days = due.data_class.period.days
        number = f"{due.due}+" if due.due >= MOST else str(due.due)
        table.add_row(due.data_class.name, str(due.data_class.title), f"{days} days", number, str(due.held))
    return table


def destroy_due(name: str, reviewed_by: str) -> str:
    """Destroy what is due in one class, in the name of the member who reviewed the list."""
    user = User.objects.filter(email__iexact=reviewed_by).first()
    if user is None:
        raise DomainError(
            "reviewer_unknown",
            _("Nothing was destroyed: a member must have reviewed what is due."),
            remedy=_("Give --reviewed-by with the mail address of the member."),
        )
    done = retention_destroy(actor=user.actor, name=name)
    return f"{done} destroyed in {name}, reviewed by {user.email}. This is in the log."
