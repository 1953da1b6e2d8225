from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.db.models import QuerySet
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from mamori.ground.ui.filters import ChoiceFilter, TextFilter
from mamori.ground.ui.states import look
from mamori.ground.ui.tables import Column, Table
from mamori.hotline.tracing.permissions import EXPORT
from mamori.hotline.tracing.queries import CONTACT_STATES, contact_state


@dataclass(frozen=True)
class StandingFilter(ChoiceFilter):
    """By the standing of a contact, which is computed from its moments."""

    def apply(self, rows: QuerySet[Any], cleaned: Mapping[str, Any]) -> QuerySet[Any]:
        return rows.filter(CONTACT_STATES[cleaned[self.name]]) if cleaned[self.name] else rows


class ContactTable(Table):
    """Abuse contacts, the newest first."""

    id = "contacts"
    caption = _("Abuse contacts")
    order = "-found_at"
    export_permission = EXPORT
    columns = (
        Column("mail", _("Mail address"), sort=("mail",), link=lambda c: reverse("tracing_contact", args=[c.id])),
        Column("organisation", _("Organisation")),
        Column("source", _("Named by"), render="state:trace_method"),
        Column("state", _("State"), render="state:contact", value=contact_state),
        Column("needed_at", _("Needed since"), sort=("needed_at",), render="moment"),
        Column("found_at", _("First found"), sort=("found_at",), render="moment"),
    )
    filters = (
        StandingFilter("state", _("State"), choices=lambda: [(s, look("contact", s).word) for s in CONTACT_STATES]),
        TextFilter("mail", _("Mail address"), lookup="mail__iexact"),
    )
    empty_title = _("No contact yet")
    empty_text = _("Contacts appear here when a host is traced.")
