from uuid import UUID

from django import forms
from django.utils.translation import gettext_lazy as _

from mamori.hotline.takedown.states import AnswerKind, WarningKind

MOST_TEXT = 4000


class HosterForm(forms.Form):
    """A hoster's answer. The addresses are ticked in the page's own list."""

    answer = forms.ChoiceField(
        label=_("Your answer"),
        widget=forms.RadioSelect,
        choices=[
            (str(AnswerKind.ACKNOWLEDGE), _("We have received this and are acting")),
            (str(AnswerKind.REMOVED), _("We have removed it: please check")),
            (str(AnswerKind.DISPUTE), _("We do not agree")),
            (str(AnswerKind.QUESTION), _("We cannot act, or have a question")),
        ],
    )
    text = forms.CharField(
        label=_("Reason or question"),
        help_text=_("Needed if you do not agree or cannot act. Stored encrypted; only the hotline's analysts read it."),
        widget=forms.Textarea(attrs={"rows": 5}),
        max_length=MOST_TEXT,
        required=False,
    )

    def clean(self) -> dict[str, object]:
        cleaned: dict[str, object] = super().clean() or {}
        needs = {str(AnswerKind.DISPUTE), str(AnswerKind.QUESTION)}
        if cleaned.get("answer") in needs and not cleaned.get("text"):
            self.add_error("text", _("Please say why."))
        return cleaned


class ReferenceForm(forms.Form):
    reference = forms.CharField(label=_("Reference of the authority"), max_length=80)


class WarningForm(forms.Form):
    """An entry of the ledger; the contact comes from the notice."""

    kind = forms.ChoiceField(
        label=_("Kind"),
        choices=[
            (str(WarningKind.WARNING), _("Warning")),
            (str(WarningKind.RECOMMENDATION), _("Recommendation")),
            (str(WarningKind.CHARGE), _("Charge")),
        ],
    )
    reference = forms.CharField(label=_("Reference"), max_length=80, required=False)


def ids(values: list[str]) -> list[UUID]:
    """The ids among texts; what is none is left out."""
    found = []
    for value in values:
        try:
            found.append(UUID(value))
        except ValueError:
            continue
    return found
