from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from django.db.models import QuerySet
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from mamori.ground.ui.parts import case_url
from mamori.ground.ui.states import choices
from mamori.ground.ui.tables import ChoiceFilter, Column, DateFilter, Table, TextFilter
from mamori.hotline.takedown import queries
from mamori.hotline.takedown.models import LedgerEntry, Notice
from mamori.hotline.takedown.permissions import EXPORT


class SettledFilter(ChoiceFilter):
    """Whether a person dealt with an answer: "yes" or "no"."""

    def apply(self, rows: QuerySet[Any], cleaned: Mapping[str, Any]) -> QuerySet[Any]:
        asked = cleaned[self.name]
        return rows.filter(settled_at__isnull=asked == "no") if asked else rows


def _name(row: Notice | LedgerEntry) -> str:
    contact = row.contact.current
    return contact.organisation or contact.mail


CASE = Column(
    "content_id",
    _("Case"),
    value=lambda _row: _("Open the case"),
    link=lambda row: case_url(row.content_id),
    export=False,
)


def _notice_url(row: Notice) -> str:
    return reverse("takedown_notice", args=[row.id])


class NoticeTable(Table):
    caption = _("Notices")
    columns = (
        Column("reference", _("Reference"), render="code", link=_notice_url),
        Column("state", _("State"), sort=("state", "-opened_at"), render="state:notice"),
        Column("contact", _("Contact"), value=_name),
        Column("level", _("Level"), render="state:notice_level"),
        Column("item_count", _("Number of addresses"), render="number"),
        Column("letter_state", _("Last letter"), render="state:letter"),
        Column("opened_at", _("Opened"), sort=("opened_at", "id"), render="moment"),
        Column("next", _("Next reminder"), value=queries.next_reminder, render="moment"),
        Column("seen_at", _("Page opened"), render="moment"),
    )
    filters = (
        ChoiceFilter("state", _("State"), choices=lambda: choices("notice")),
        ChoiceFilter("level", _("Level"), choices=lambda: choices("notice_level")),
        TextFilter("mail", _("Contact's mail"), lookup="contact__mail"),
        DateFilter("opened", _("Opened"), lookup="opened_at"),
    )
    order = "-opened_at"
    export_permission = EXPORT
    empty_title = _("No notice yet")
    empty_text = _("A notice opens by itself when police are told, the contact is approved and nothing is held.")


class AddressTable(Table):
    id = "addresses"
    caption = _("Addresses in notices")
    columns = (
        Column("content__url", _("Address"), render="address", export=False),
        Column(
            "notice",
            _("Notice"),
            render="code",
            value=lambda row: row.notice.reference,
            link=lambda row: _notice_url(row.notice),
        ),
        CASE,
        Column("state", _("State"), render="state:notice_item"),
        Column("obstacle", _("Waits for"), render="state:obstacle", value=lambda row: row.obstacle or None),
        Column("joined_at", _("Joined"), sort=("joined_at", "id"), render="moment"),
        Column("told_at", _("Told at"), render="moment"),
        Column("claimed_at", _("Says removed"), render="moment"),
    )
    filters = (
        ChoiceFilter("state", _("State"), choices=lambda: choices("notice_item")),
        ChoiceFilter("obstacle", _("Waits for"), choices=lambda: choices("obstacle")),
    )
    order = "-joined_at"
    export_permission = EXPORT


class ItemTable(Table):
    """Addresses of one notice."""

    id = "items"
    caption = _("Addresses of this notice")
    columns = (
        Column("number", _("No."), sort=("number",), render="ordinal"),
        Column("content__url", _("Address"), render="address", export=False),
        CASE,
        Column("state", _("State"), render="state:notice_item"),
        Column("obstacle", _("Waits for"), render="state:obstacle", value=lambda row: row.obstacle or None),
        Column("told_at", _("Told at"), render="moment"),
        Column("claimed_at", _("Says removed"), render="moment"),
        Column("ended_at", _("Ended"), render="moment"),
    )
    filters = (ChoiceFilter("state", _("State"), choices=lambda: choices("notice_item")),)
    order = "number"
    export_permission = EXPORT


class AnswerTable(Table):
    id = "answers"
    caption = _("Answers of hosting providers")
    columns = (
        Column("kind", _("Answer"), render="state:hoster_answer"),
        Column(
            "notice",
            _("Notice"),
            render="code",
            value=lambda row: row.notice.reference,
            link=lambda row: _notice_url(row.notice),
        ),
        Column("contact", _("Contact"), value=lambda row: _name(row.notice)),
        Column("at", _("At"), sort=("at", "id"), render="moment"),
        Column("settled_at", _("Dealt with"), render="moment"),
    )
    filters = (
        ChoiceFilter("kind", _("Answer"), choices=[("dispute", _("Disputes")), ("question", _("Asks, or cannot act"))]),
        SettledFilter("settled", _("Dealt with"), choices=[("no", _("Not dealt with yet")), ("yes", _("Yes"))]),
    )
    order = "-at"
    export_permission = EXPORT
    empty_title = _("No hosting provider disputes or asks")
    empty_text = _("What a hosting provider writes on its page appears here until somebody has dealt with it.")


class EndedTable(Table):
    id = "ended"
    caption = _("Nobody is left to ask but the regulator")
    columns: ClassVar[Sequence[Column]] = (
        Column("content__url", _("Address"), render="address"),
        CASE,
        Column("level", _("Level"), render="state:notice_level"),
        Column("first_told_at", _("First told"), render="moment"),
        Column("exhausted_at", _("Since"), sort=("exhausted_at",), render="moment"),
    )
    filters = (
        ChoiceFilter("level", _("Level"), choices=lambda: choices("notice_level")),
        DateFilter("exhausted", _("Since"), lookup="exhausted_at"),
    )
    order = "exhausted_at"
    export_permission = EXPORT
    empty_title = _("For all content there is somebody to ask")
    empty_text = _("Content appears here when the last contact was told, its time is over and it is still online.")


class RegulatorTable(EndedTable):
    """The same for those who record that the regulator was told."""

    columns = (
        *EndedTable.columns,
        Column(
            "tell",
            _("Regulator"),
            value=lambda _row: _("Record"),
            link=lambda row: reverse("takedown_regulator", args=[row.pk]),
            export=False,
        ),
    )


class LedgerTable(Table):
    caption = _("Ledger of warnings")
    columns = (
        Column("kind", _("Kind"), render="state:ledger"),
        Column("contact", _("Administrator"), value=_name),
        Column("mail", _("Mail"), value=lambda row: row.contact.current.mail),
        Column("at", _("At"), sort=("at", "id"), render="moment"),
        Column("by", _("By"), value=lambda row: row.by.name),
        Column("reference", _("Reference")),
    )
    filters = (
        ChoiceFilter("kind", _("Kind"), choices=lambda: choices("ledger")),
        TextFilter("mail", _("Mail"), lookup="contact__mail"),
        DateFilter("at", _("At")),
    )
    order = "-at"
    export_permission = EXPORT
    empty_title = _("Nothing is entered yet")
    empty_text = _("A warning, recommendation or charge is entered from the notice it follows.")
