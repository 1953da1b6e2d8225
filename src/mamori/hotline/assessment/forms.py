"""The forms of the assessment: plain, and quick by key."""

from typing import Any

from django import forms
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from mamori.ground.ui.states import look
from mamori.hotline.assessment.looks import REASONS
from mamori.hotline.assessment.models import Criteria
from mamori.hotline.assessment.services.exposure import MOST_MINUTES
from mamori.hotline.assessment.states import LEGAL_REASONS, UNSEEN_REASONS, Reason, Verdict

KEYS = {"BASELINE": "b", "NATIONAL": "n", "NOT_ILLEGAL": "x", "IGNORE": "i", "UNDETERMINED": "u"}


class _Keyed(forms.RadioSelect):
    """Each choice has its own key."""

    def create_option(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
        option = super().create_option(*args, **kwargs)
        option["attrs"]["data-key"] = KEYS[str(option["value"])]
        return option


def _reasons(reasons: tuple[Reason, ...], first: str = "") -> list[tuple[str, Any]]:
    return [("", _("No particular reason"))] * (first == "none") + [(str(r), REASONS[r]) for r in reasons]


class DecisionForm(forms.Form):
    """One opinion. What fits what is checked by the service."""

    verdict = forms.ChoiceField(label=_("Verdict"), widget=_Keyed)
    law_codes = forms.MultipleChoiceField(
        label=_("Law codes"),
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text=_("For baseline and national: at least one."),
    )
    reason = forms.ChoiceField(
        label=_("Why it is not illegal, or cannot be determined"),
        required=False,
        choices=_reasons(LEGAL_REASONS, "none"),
    )
    child_at_risk = forms.BooleanField(
        label=_("A child is at risk now"),
        required=False,
        help_text=_("Police are told at once, before any second opinion."),
        widget=forms.CheckboxInput(attrs={"data-key": "r"}),
    )
    note = forms.CharField(
        label=_("Note"),
        required=False,
        max_length=4000,
        help_text=_("Sealed. The person who gives the second opinion does not see it."),
        widget=forms.Textarea(attrs={"rows": 3, "data-key": "o"}),
    )

    def __init__(self, *args: Any, criteria: Criteria, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        language = "ja" if (get_language() or "").startswith("ja") else "en"
        verdict, codes = self.fields["verdict"], self.fields["law_codes"]
        assert isinstance(verdict, forms.ChoiceField)
        assert isinstance(codes, forms.MultipleChoiceField)
        verdict.choices = [(str(v), look("verdict", v).word) for v in Verdict]
        codes.choices = [(c["code"], f"{c['code']}  {c[language]}") for c in criteria.law_codes]


class UnseenForm(forms.Form):
    """Why the content cannot be seen."""

    unseen_reason = forms.ChoiceField(label=_("Why it cannot be seen"), choices=_reasons(UNSEEN_REASONS))


class LiftForm(forms.Form):
    """More time under lease today, for a colleague."""

    person = forms.UUIDField(widget=forms.HiddenInput)
    minutes = forms.IntegerField(label=_("Minutes"), min_value=1, max_value=MOST_MINUTES, initial=30)
    reason = forms.CharField(label=_("Reason"), max_length=300)


class AgainForm(forms.Form):
    """Why an item is looked at anew."""

    why = forms.ChoiceField(
        label=_("Why"),
        choices=[("reassess", _("The content changed or can be seen again")), ("appeal", _("An appeal asks for it"))],
        widget=forms.RadioSelect,
        initial="reassess",
    )
