from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from mamori.ground.letters.looks import WORDS, kind_word
from mamori.ground.letters.permissions import EXPORT
from mamori.ground.ui.tables import ChoiceFilter, Column, DateFilter, Table


class LetterTable(Table):
    caption = _("Letters")
    columns = [
        Column("subject", _("Subject"), link=lambda row: reverse("letters_letter", args=[row.pk])),
        Column("state", _("State"), sort=("state", "-queued_at"), render="state:letter"),
        Column("to", _("To")),
        Column("kind", _("Kind"), value=lambda row: kind_word(row.kind)),
        Column("queued_at", _("Written"), sort=("queued_at",), render="moment"),
        Column("handed_at", _("Handed over"), render="moment"),
        Column("attempts", _("Attempts"), render="number"),
    ]
    filters = [
        ChoiceFilter("state", _("State"), choices=[(str(state), look.word) for state, look in WORDS.items()]),
        DateFilter("queued", _("Written"), lookup="queued_at"),
    ]
    order = "-queued_at"
    export_permission = EXPORT
    empty_title = _("No letter was written yet")
    empty_text = _("Notices, invitations and calls to the police appear here, with what became of them.")
