"""The store that keeps a proof, a ticket or a message form from being used twice."""

from django.db import connection
from django.utils.translation import gettext_lazy as _

from mamori.ground.errors import DomainError
from mamori.hotline.intake.gate import Spent


def spend(spent: Spent) -> None:
    """Use it up in the present transaction. DomainError when that was done before."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO intake_oneuse (digest, expires_hour) VALUES (%s, %s) ON CONFLICT DO NOTHING",
            [spent.digest, spent.expires_hour],
        )
        new = cursor.rowcount == 1
    if not new:
        raise DomainError(
            "already_sent",
            _("This was already sent."),
            remedy=_("It arrived the first time. For another report, open the form again."),
        )
