from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from mamori.lists.listing.states import LIVES, AppealState, Method, Reason, Test
from mamori.lists.listing.states import TESTS as TESTS_OF

QUESTIONS = {
    Test.PURPOSE: (
        _("Purpose: is the whole site there to offer such content?"),
        _("Say what else the site offers, and how you know."),
    ),
    Test.QUANTITY: (
        _("Quantity: is most of what the site offers such content?"),
        _("Say what was counted or sampled, without describing it."),
    ),
    Test.SAME_PUBLISHER: (
        _("Same publisher: is everything under this name published by the same sender?"),
        _("Say how you know: registration, site operator, no pages of other users."),
    ),
    Test.NO_OTHER_MEANS: (
        _("No other means: is there no other effective way, removal above all?"),
        _("Say what was tried and since when, and why waiting longer is too slow. Removal counts as too slow when the "
          "notices' clocks have run out."),
    ),
}  # fmt: skip
_YES_NO = [("yes", _("Yes")), ("no", _("No"))]


class ProposeForm(forms.Form):
    """The tests of a method, one by one with reasons, and how long the entry holds."""

    def __init__(self, *args: Any, method: Method, names: list[str], **options: Any) -> None:
        super().__init__(*args, **options)
        self.method = method
        if method == Method.DNS:
            self.fields["target"] = forms.ChoiceField(
                label=_("Name to block, with everything below it"), choices=[(n, n) for n in names], initial=names[0]
            )
        for test in TESTS_OF[method]:
            question, help_text = QUESTIONS[test]
            self.fields[f"{test}_yes"] = forms.ChoiceField(label=question, choices=_YES_NO, widget=forms.RadioSelect)
            self.fields[f"{test}_reason"] = forms.CharField(
                label=_("Reasons"),
                help_text=help_text,
                min_length=10,
                max_length=2000,
                widget=forms.Textarea(attrs={"rows": 3}),
            )
        self.fields["reason"] = forms.ChoiceField(
            label=_("Why removal at the source is no way"),
            choices=[
                (Reason.TOO_SLOW, _("Removal is too slow")),
                (Reason.REFUSED, _("Removal was refused")),
                (Reason.IMPOSSIBLE, _("Removal is impossible")),
            ],
        )
        self.fields["days"] = forms.TypedChoiceField(
            label=_("The entry holds for"),
            choices=[(days, _("%(days)d days") % {"days": days}) for days in LIVES],
            coerce=int,
            initial=90,
            help_text=_("Then it ends by itself unless two persons renew it. Re-checks lift it earlier."),
        )

    @property
    def answers(self) -> dict[str, dict[str, Any]]:
        return {
            str(test): {
                "yes": self.cleaned_data[f"{test}_yes"] == "yes",
                "reason": self.cleaned_data[f"{test}_reason"],
            }
            for test in TESTS_OF[self.method]
        }


class SignatureForm(forms.Form):
    signature = forms.CharField(
        label=_("Your signature (base64)"),
        max_length=200,
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
        help_text=_("What “mamori keys sign” printed, or what the button above filled in."),
    )


class KeyForm(forms.Form):
    public_key = forms.CharField(
        label=_("Your public key"),
        max_length=500,
        widget=forms.Textarea(attrs={"rows": 3, "spellcheck": "false"}),
        help_text=_("Make a key on your own device with “mamori keys new FILE”; paste FILE.pub here. The private key "
                    "never leaves your device."),
    )  # fmt: skip


class ReviewForm(forms.Form):
    keep = forms.ChoiceField(
        label=_("Shall the entry stay in force?"),
        choices=[("yes", _("Yes, keep it in force")), ("no", _("No, suspend it"))],
        widget=forms.RadioSelect,
    )
    note = forms.CharField(label=_("Why"), max_length=300)


class DecisionForm(forms.Form):
    outcome = forms.ChoiceField(
        label=_("Decision"),
        choices=[
            (AppealState.UPHELD, _("Keep the entry")),
            (AppealState.SUSPENDED, _("Suspend the entry")),
            (AppealState.REMOVED, _("Remove the entry")),
            (AppealState.REJECTED, _("Reject the complaint")),
        ],
        widget=forms.RadioSelect,
    )
    reason = forms.CharField(label=_("Reason"), max_length=300)


class RejectForm(forms.Form):
    reason = forms.CharField(label=_("Reason"), max_length=300)


class AppealForm(forms.Form):
    address = forms.CharField(label=_("Address of the page or site"), max_length=8192)
    text = forms.CharField(
        label=_("Why the block is wrong"), max_length=5000, widget=forms.Textarea(attrs={"rows": 6}), strip=True
    )
    contact = forms.CharField(
        label=_("How we can reach you"),
        max_length=300,
        help_text=_("An e-mail address or a telephone number. It is sealed; only the list body can read it."),
    )
    proof = forms.CharField(required=False, max_length=4000, widget=forms.HiddenInput)
    ticket = forms.CharField(required=False, max_length=300, widget=forms.HiddenInput)
