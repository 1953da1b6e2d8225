from typing import Any

from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from mamori.ground import clock
from mamori.ground.ui.filters import ChoiceFilter, DateFilter
from mamori.ground.ui.icons import icon
from mamori.ground.ui.states import look
from mamori.ground.ui.tables import Column, Table
from mamori.hotline.referral.models import Referral
from mamori.hotline.referral.permissions import EXPORT
from mamori.hotline.referral.queries import clock_of, number_of
from mamori.hotline.referral.states import ReferralState


def _clock(referral: Referral) -> SafeString | str:
    running = clock_of(referral)
    if running is None:
        return ""
    reading = running.at(clock.now())
    return format_html('<span class="tag tone-{}">{}{}</span>', reading.tone, icon(reading.icon), reading.rest)


def _states() -> list[tuple[str, Any]]:
    return [(str(state), look("referral", state).word) for state in ReferralState]


class ReferralTable(Table):
    """Referrals to police; what concerns a child at risk now is first."""

    id = "referrals"
    caption = _("Referrals to police")
    order = "urgent"
    export_permission = EXPORT
    columns = (
        Column("number", _("Number"), value=number_of, link=lambda r: reverse("referral_page", args=[r.id])),
        Column("urgent", _("Urgency"), sort=("-urgent", "-opened_at", "id"), render="state:referral_urgency"),
        Column("state", _("State"), render="state:referral"),
        Column("clock", _("Clock"), value=_clock, export=False),
        Column("kind", _("Notices may go"), render="state:referral_policy"),
        Column("opened_at", _("Opened"), sort=("opened_at", "id"), render="moment"),
        Column("delivered_at", _("Delivered"), render="moment"),
    )
    filters = (
        ChoiceFilter("state", _("State"), choices=_states),
        DateFilter("opened_at", _("Opened")),
    )
    empty_title = _("No referral")
    empty_text = _("Content found illegal by two analysts appears here before anybody else is told.")
