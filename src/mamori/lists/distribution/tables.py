"""Tables of editions, subscribers, and how these follow."""

from datetime import timedelta
from typing import Any

from django.conf import settings
from django.urls import reverse
from django.utils.translation import gettext as _text
from django.utils.translation import gettext_lazy as _

from mamori.engine.editions import LAST_RING
from mamori.ground.actors import Actor
from mamori.ground.ui.states import choices, look
from mamori.ground.ui.tables import ChoiceFilter, Column, DateFilter, Table
from mamori.lists.distribution import queries, standings
from mamori.lists.distribution.models import Edition
from mamori.lists.distribution.permissions import EXPORT, SUBSCRIBERS
from mamori.lists.distribution.states import EditionState


def _organisation(permission: str = "") -> Column:
    """Whose subscription it is, leading to its page; `permission`: for who may open that."""
    return Column(
        "organisation",
        _("Organisation"),
        sort=("organisation__name",),
        value=lambda row: row.organisation.name,
        link=lambda row: reverse("distribution_subscriber", args=[row.id]),
        link_permission=permission,
    )


class EditionTable(Table):
    id = "editions"
    caption = _("Editions")
    order = "-version"
    export_permission = EXPORT
    empty_title = _("No edition yet")
    empty_text = _("The first edition is published when the worker has its keys and folder.")
    columns = [
        Column(
            "version",
            _("Version"),
            sort=("version",),
            render="ordinal",
            link=lambda row: reverse("distribution_edition", args=[row.version]),
        ),
        Column("state", _("State"), render="state:edition"),
        Column("built_at", _("Signed"), render="moment"),
        Column("added", _("Entries added"), render="number"),
        Column("removed", _("Lifted"), render="number"),
        Column("effect", _("Seconds to effect"), value=lambda row: row.effect),
        Column("why", _("Why refused"), value=lambda row: row.why),
    ]
    filters = [
        ChoiceFilter("state", _("State"), choices=lambda: choices("edition")),
        DateFilter("built", _("Signed"), lookup="built_at"),
    ]

    def prepared(self, rows: list[Any]) -> list[Any]:
        return with_effect(self.actor, rows)


class SubscriberTable(Table):
    id = "subscribers"
    caption = _("Subscribers")
    order = "organisation"
    export_permission = EXPORT
    empty_title = _("No subscriber yet")
    empty_text = _("Add an internet provider: it gets a key of its own.")
    columns = [
        _organisation(),
        Column("delivery", _("How it takes the list"), render="state:delivery"),
        Column("ring", _("Gets additions with"), sort=("ring",), value=lambda row: early(row.ring)),
        Column("state", _("State"), render="state:subscriber"),
        Column("added_at", _("Since"), sort=("added_at",), render="moment"),
        Column("revoked_at", _("Revoked"), render="moment"),
    ]
    filters = [ChoiceFilter("state", _("State"), choices=lambda: choices("subscriber"))]


class FollowingTable(Table):
    id = "following"
    caption = _("How subscribers follow")
    order = "organisation"
    export_permission = EXPORT
    empty_title = _("No active subscriber")
    empty_text = _("A subscriber appears here when its key or token is set up.")
    columns = [
        _organisation(SUBSCRIBERS),
        Column("standing", _("Standing"), sort=("standing", "missing_since"), render="state:standing"),
        Column("version", _("Edition it has"), sort=("version",), render="ordinal"),
        Column("offered_at", _("Offered"), render="moment"),
        Column("fetched_at", _("Fetched"), sort=("fetched_at",), render="moment"),
        Column("seconds", _("Seconds to fetch"), value=lambda row: row.fetch_text),
        Column("effect", _("Seconds to effect"), value=lambda row: row.effect_text),
        Column("missing_since", _("Misses one since"), sort=("missing_since",), render="moment"),
    ]
    filters = [
        ChoiceFilter("standing", _("Standing"), choices=lambda: choices("standing")),
        ChoiceFilter("delivery", _("How it takes the list"), choices=lambda: choices("delivery")),
    ]

    def prepared(self, rows: list[Any]) -> list[Any]:
        done = standings.effects((row.id, row.resolvers, row.version, row.offered_at) for row in rows)
        for row in rows:
            row.fetch_text = _seconds(standings.seconds_between(row.offered_at, row.fetched_at))
            row.effect_text = effect_text(done[row.id])
        return rows


class OfferTable(Table):
    """The editions one subscriber was offered."""

    id = "offers"
    caption = _("What it fetched")
    order = "-at"
    page_size = 20
    export_permission = EXPORT
    empty_title = _("Nothing offered yet")
    empty_text = _("The next edition appears here, with the moment it is fetched.")
    columns = [
        Column(
            "version",
            _("Edition"),
            render="ordinal",
            value=lambda row: row.edition.version,
            link=lambda row: reverse("distribution_edition", args=[row.edition.version]),
        ),
        Column("at", _("Offered"), sort=("at", "id"), render="moment"),
        Column("fetched_at", _("Fetched"), render="moment"),
        Column("seconds", _("Seconds to fetch"), value=lambda row: row.fetch_text),
        Column("effect", _("Seconds to effect"), value=lambda row: row.effect_text),
    ]

    def __init__(self, *args: Any, resolvers: list[str], **options: Any) -> None:
        self._resolvers = resolvers
        super().__init__(*args, **options)

    def prepared(self, rows: list[Any]) -> list[Any]:
        done = standings.effects((row.id, self._resolvers, row.edition.version, row.at) for row in rows)
        for row in rows:
            row.fetch_text = _seconds(standings.seconds_between(row.at, row.fetched_at))
            row.effect_text = _seconds(done[row.id].seconds) if done[row.id].asked else ""
        return rows


_OF_AN_ENTRY = [
    Column("target", _("Target"), render="address"),
    Column(
        "entry",
        _("Entry"),
        value=lambda row: str(row.entry_id)[:8],
        link=lambda row: reverse("listing_entry", args=[row.entry_id]),
    ),
    Column("method", _("Kind of list"), render="state:list_method"),
]


class ChangeTable(Table):
    """What came and went with one edition, with the seconds each resolver took."""

    id = "changes"
    caption = _("What it changed")
    order = "change"
    export_permission = EXPORT
    empty_title = _("Nothing changed")
    empty_text = _("The edition was signed anew.")
    columns = [
        Column("change", _("Change"), sort=("-change", "id"), render="state:list_change"),
        *_OF_AN_ENTRY,
        Column("ring", _("Only for"), value=lambda row: early(row.ring)),
        Column("since", _("Decided"), sort=("since", "id"), render="moment"),
        Column("effect", _("Seconds to effect"), value=lambda row: row.effect),
    ]
    filters = [
        ChoiceFilter("change", _("Change"), choices=lambda: choices("list_change")),
        ChoiceFilter("method", _("Kind of list"), choices=lambda: choices("list_method")),
    ]

    def prepared(self, rows: list[Any]) -> list[Any]:
        seconds = queries.seconds_of(rows)
        for row in rows:
            row.effect = ", ".join(_within(*each) for each in seconds.get((row.edition_id, row.entry_id), ()))
        return rows


def early(ring: int) -> str:
    """Who is in a ring, but for the last one, where all are."""
    return str(look("ring", str(ring)).word) if ring < LAST_RING else ""


class WaitingTable(Table):
    """Entries that not every ring has yet."""

    id = "waiting"
    caption = _("What waits")
    order = "since"
    export_permission = EXPORT
    empty_title = _("Nothing waits")
    empty_text = _("All subscribers have every entry, or those that wait may not be seen here.")
    columns = [
        *_OF_AN_ENTRY,
        Column("ring", _("Blocked at"), sort=("ring", "since"), value=lambda row: str(row.ring), render="state:ring"),
        Column("since", _("Since"), sort=("since",), render="moment"),
        Column("due_at", _("Goes on, unless halted"), render="moment"),
    ]

    def prepared(self, rows: list[Any]) -> list[Any]:
        for row in rows:
            row.due_at = row.since + timedelta(seconds=settings.RING_SECONDS[row.ring])
        return rows


def effect_text(effect: standings.Effect) -> str:
    """Seconds where listed names were asked, else what the canary names said."""
    if effect.seconds is not None:
        return _seconds(effect.seconds)
    if effect.asked or effect.canary is False:
        return _text("Not effective yet")
    return _text("In force, by our canary") if effect.canary else ""


def _seconds(value: float | None) -> str:
    return "" if value is None else f"{value:.1f} s"


def _within(resolver: str, seconds: float | None) -> str:
    return f"{resolver} {'>10' if seconds is None else f'{seconds:.2f}'} s"


def with_effect(actor: Actor, rows: list[Edition]) -> list[Any]:
    """Give each edition what its row shows: seconds by resolver, reasons of a refusal."""
    slowest = queries.slowest([row.id for row in rows])
    for row in rows:
        row.effect = ", ".join(_within(*each) for each in slowest.get(row.id, ()))  # type: ignore[attr-defined]
        reasons = reasons_of(actor, row)
        more = _text(" and %(n)d more") % {"n": len(reasons) - 1} if len(reasons) > 1 else ""
        row.why = f"{reasons[0]}{more}" if reasons else ""  # type: ignore[attr-defined]
    return rows


def reasons_of(actor: Actor, row: Edition) -> list[str]:
    """Why the gate refused, in plain language. It names listed targets: who may not see those learns how many faults."""
    if row.state != EditionState.REFUSED:
        return []
    if not queries.sees_targets(actor):
        return [_text("%(n)d faults; the list desk sees which.") % {"n": len(row.refusals)}]
    return [f"{_text(each['message']) % each['params']} {_text(each['remedy'])}" for each in row.refusals]
