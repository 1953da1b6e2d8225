"""How long accounts are kept. A member's id stays for ever: the log and every decision name it."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from mamori.ground.accounts.models import Invitation, User
from mamori.ground.accounts.services import FORGOTTEN, accounts_forget, invitations_forget
from mamori.ground.retention import DataClass


def _accounts_due(before: datetime, most: int) -> Sequence[UUID]:
    rows = User.objects.filter(is_active=False).exclude(email__endswith=FORGOTTEN)
    unused = Q(left_at__lt=before) | Q(left_at=None, last_login__lt=before)
    unused |= Q(left_at=None, last_login=None, created_at__lt=before)
    return list(rows.filter(unused).order_by("id").values_list("id", flat=True)[:most])


def _invitations_due(before: datetime, most: int) -> Sequence[UUID]:
    rows = Invitation.objects.filter(expires_at__lt=before).order_by("expires_at")
    return list(rows.values_list("id", flat=True)[:most])


RETENTION = [
    DataClass(
        "accounts.account",
        _("Name, mail address and factors of a member, after the last role was taken"),
        timedelta(days=2 * 365),
        _accounts_due,
        accounts_forget,
        tables=("accounts_user", "account_emailaddress", "account_emailconfirmation", "mfa_authenticator"),
    ),
    DataClass(
        "accounts.invitation",
        _("Invitations, after their link ended"),
        timedelta(days=90),
        _invitations_due,
        invitations_forget,
        tables=("accounts_invitation",),
    ),
]
