from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.db.models import Q, QuerySet
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from mamori.ground.ui.filters import ChoiceFilter, TextFilter
from mamori.ground.ui.parts import case_url
from mamori.ground.ui.states import choices, look
from mamori.ground.ui.tables import Column, Table
from mamori.hotline.tracing.permissions import EXPORT
from mamori.hotline.tracing.queries import CONTACT_STATES, UNSETTLED, contact_state


@dataclass(frozen=True)
class StandingFilter(ChoiceFilter):
    """By the standing of a contact, which is computed from its moments."""

    def apply(self, rows: QuerySet[Any], cleaned: Mapping[str, Any]) -> QuerySet[Any]:
        return rows.filter(CONTACT_STATES[cleaned[self.name]]) if cleaned[self.name] else rows


class WaitsFilter(ChoiceFilter):
    """Whether a notice waits for a person to settle the host: "yes" or "no"."""

    def apply(self, rows: QuerySet[Any], cleaned: Mapping[str, Any]) -> QuerySet[Any]:
        waits = Q(state__in=UNSETTLED, needed_at__isnull=False)
        return {"yes": rows.filter(waits), "no": rows.exclude(waits)}.get(cleaned[self.name], rows)


class HostTable(Table):
    """Where content is, the newest finding first."""

    id = "hosts"
    caption = _("Hosts of content")
    order = "-opened_at"
    export_permission = EXPORT
    columns = (
        Column("host", _("Host"), render="address", export=False),
        Column(
            "case",
            _("Case"),
            value=lambda _row: _("Open the case"),
            link=lambda t: case_url(t.content_id),
            export=False,
        ),
        Column("state", _("State"), render="state:trace"),
        Column("country", _("Country"), render="code"),
        Column("contact", _("Contact"), value=lambda t: t.contact.current.mail if t.contact else ""),
        Column("needed_at", _("Needed since"), sort=("needed_at", "id"), render="moment"),
        Column("opened_at", _("First traced"), sort=("opened_at", "id"), render="moment"),
    )
    filters = (
        WaitsFilter("waits", _("A notice waits for it"), choices=[("yes", _("Yes")), ("no", _("No"))]),
        ChoiceFilter("state", _("State"), choices=lambda: choices("trace")),
    )
    empty_title = _("No host here")
    empty_text = _(
        "A host appears when a report is screened, and waits for you when its sources disagree or name nobody."
    )


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
