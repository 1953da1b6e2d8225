from typing import Any

from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from mamori.ground.ui.parts import case_url
from mamori.ground.ui.states import choices
from mamori.ground.ui.tables import ChoiceFilter, Column, DateFilter, Table
from mamori.hotline.assessment.queries import content_urls
from mamori.lists.listing.models import Candidate
from mamori.lists.listing.permissions import CONFIRM_KEY, EXPORT
from mamori.lists.listing.queries.shown import appeal_due


class EntryTable(Table):
    id = "entries"
    caption = _("Entries")
    order = "-proposed"
    export_permission = EXPORT
    empty_title = _("No entry yet")
    empty_text = _("Entries begin with a proposal of content the hotline could not get removed in time.")
    columns = [
        Column(
            "number",
            _("Entry"),
            value=lambda row: str(row.id)[:8],
            link=lambda row: reverse("listing_entry", args=[row.id]),
        ),
        Column(
            "target",
            _("Target"),
            render="address",
        ),
        Column("method", _("Kind of list"), render="state:list_method"),
        Column("state", _("State"), sort=("state", "-proposed_at"), render="state:entry"),
        Column("proposed", _("Proposed"), sort=("proposed_at",), render="moment", value=lambda row: row.proposed_at),
        Column("expires_on", _("Holds until before"), render="day"),
    ]
    filters = [
        ChoiceFilter("state", _("State"), choices=lambda: choices("entry")),
        ChoiceFilter("method", _("Kind of list"), choices=lambda: choices("list_method")),
        DateFilter("proposed", _("Proposed"), lookup="proposed_at"),
    ]


class CandidateTable(Table):
    """What may be proposed, for those who only look on."""

    id = "candidates"
    caption = _("To consider")
    order = "since"
    page_size = 20
    export_permission = EXPORT
    empty_title = _("Nothing to consider")
    empty_text = _("Content appears here when the notices' clocks have run out and it is still online.")
    columns = [
        Column("url", _("Address"), render="address"),
        Column("why", _("Why"), render="state:candidate"),
        Column("since", _("Since"), sort=("since", "pk"), render="moment"),
        Column(
            "case", _("Case"), value=lambda _row: _("Open the case"), link=lambda row: case_url(row.pk), export=False
        ),
    ]
    filters = [ChoiceFilter("why", _("Why"), choices=lambda: choices("candidate"))]

    def prepared(self, rows: list[Candidate]) -> list[Candidate]:
        urls = content_urls(row.pk for row in rows)
        for row in rows:
            row.url = urls.get(row.pk, "")  # type: ignore[attr-defined]
        return rows


def _propose(method: str, title: Promise) -> Column:
    return Column(
        f"by_{method}",
        title,
        value=lambda _row: _("Propose"),
        link=lambda row: reverse("listing_propose", args=[row.pk, method]),
        export=False,
    )


class ProposalTable(CandidateTable):
    """The same for those who propose."""

    columns = [
        *CandidateTable.columns[:3],
        _propose("url", _("For the URL list")),
        _propose("dns", _("For the DNS list")),
        CandidateTable.columns[3],
    ]


class AppealTable(Table):
    id = "appeals"
    caption = _("Complaints")
    order = "received"
    export_permission = EXPORT
    empty_title = _("No complaint")
    empty_text = _("Complaints from the public page appear here within a minute.")
    columns = [
        Column("code", _("Reference"), link=lambda row: reverse("listing_appeal", args=[row.id])),
        Column("url", _("Address"), render="address"),
        Column("state", _("State"), render="state:appeal"),
        Column("proof", _("Control of the domain"), render="state:appeal_proof"),
        Column(
            "received", _("Received (hour)"), sort=("received_hour",), render="moment", value=lambda r: r.received_hour
        ),
        Column("due", _("Due"), render="moment", value=appeal_due),
    ]
    filters = [ChoiceFilter("state", _("State"), choices=lambda: choices("appeal"))]


def _key_step(name: str, title: Promise) -> Column:
    """A column that leads to the step, in the rows where it may be taken."""
    return Column(
        name,
        title,
        value=lambda row: title if row.steps[name] else "",
        link=lambda row: reverse("listing_key_step", args=[row.id, name]) if row.steps[name] else "",
        export=False,
    )


class KeyTable(Table):
    """Signing keys, with the steps whoever looks may take."""

    id = "keys"
    caption = _("Signing keys")
    order = "-registered_at"
    export_permission = EXPORT
    empty_title = _("No key is registered yet")
    empty_text = _("Make a pair of keys on your own device and register the public one below.")
    columns = (
        Column("person__name", _("Person"), sort=("person__name", "id")),
        Column("id", _("Number of the key"), render="spoken"),
        Column("state", _("State"), sort=("state", "id"), render="state:signing_key"),
        Column("registered_at", _("Registered"), sort=("registered_at",), render="moment"),
        Column("confirmed_by__name", _("Confirmed by")),
        _key_step("confirm", _("Confirm")),
        _key_step("revoke", _("Revoke")),
    )
    filters = (ChoiceFilter("state", _("State"), choices=lambda: choices("signing_key")),)

    def prepared(self, rows: list[Any]) -> list[Any]:
        confirms = self.actor.may(CONFIRM_KEY)
        for row in rows:
            own = row.person_id == self.actor.id
            row.steps = {
                "confirm": confirms and not own and row.state == "waits",
                "revoke": (confirms or own) and row.revoked_at is None,
            }
        return rows
