"""Forms of the public and the staff face."""

from datetime import date, timedelta
from typing import Any

from django import forms
from django.utils.translation import gettext, pgettext_lazy
from django.utils.translation import gettext_lazy as _

from mamori.engine.addresses import AddressError, canonicalize
from mamori.engine.receipts import normalize_receipt_code
from mamori.ground import clock
from mamori.hotline.intake import receipts
from mamori.hotline.intake.services.messages import MOST_MESSAGE
from mamori.hotline.intake.services.receive import MOST_ADDRESSES, MOST_CONTACT, MOST_TEXT
from mamori.hotline.intake.states import Channel, Screening

# What the engine says of a bad address, for translation.
_SAID = (
    _("No address was given."),
    _("Copy the address from the browser's address bar."),
    _("The address is longer than 8,192 characters."),
    _("Give the address up to the question mark."),
    _("The address holds a line break or another invisible character."),
    _("Give one address on one line."),
    _("Only addresses beginning with http:// or https:// can be taken."),
    _("Give the address of the web page."),
    _("The text holds no host name."),
    _("Give the whole address, for example https://site.example/page."),
    _("This looks like an e-mail address."),
    _("The host name in the address is not valid."),
    _("Compare it with the browser's address bar, letter by letter."),
)


class AddressesField(forms.CharField):
    """One to ten addresses, one a line. Cleans to a list of lines as typed; names each bad line by its number."""

    widget = forms.Textarea(
        attrs={"rows": 4, "spellcheck": "false", "autocapitalize": "off", "autocomplete": "off", "inputmode": "url"}
    )

    def clean(self, value: Any) -> list[str]:
        text = super().clean(value)
        found: list[str] = []
        wrong: list[str] = []
        for number, line in enumerate(text.splitlines(), 1):
            if not line.strip():
                continue
            found.append(line.strip())
            try:
                canonicalize(line)
            except AddressError as error:
                wrong.append(
                    gettext("Line %(line)d: %(message)s %(remedy)s")
                    % {"line": number, "message": gettext(error.message), "remedy": gettext(error.remedy)}
                )
        if len(found) > MOST_ADDRESSES:
            wrong.append(
                gettext(
                    "There are %(count)d addresses. Send at most %(most)d at a time, and the rest in another report."
                )
                % {"count": len(found), "most": MOST_ADDRESSES}
            )
        if wrong:
            raise forms.ValidationError(wrong)
        return found


class _Told(forms.Form):
    """What every way of telling us asks for."""

    addresses = AddressesField(
        label=_("Address of the page"),
        help_text=_("Copy it from the browser's address bar. One address a line, up to ten. Do not send pictures."),
        error_messages={"required": _("Enter at least one address, for example https://site.example/page.")},
    )
    text = forms.CharField(
        label=_("What did you see?"),
        help_text=_("In a few words, if you can. Please do not look at the page again for this."),
        required=False,
        max_length=MOST_TEXT,
        widget=forms.Textarea(attrs={"rows": 4, "autocomplete": "off"}),
    )
    seen_on = forms.DateField(
        label=_("When did you see it?"),
        required=False,
        widget=forms.DateInput(format="%Y-%m-%d", attrs={"type": "date", "autocomplete": "off"}),
        input_formats=["%Y-%m-%d", "%Y/%m/%d"],
        error_messages={"invalid": _("Enter the day as year, month and day, for example 2026-11-24.")},
    )
    child_at_risk = forms.BooleanField(label=_("A child may be in danger right now"), required=False)

    def clean_seen_on(self) -> Any:
        day = self.cleaned_data["seen_on"]
        if day is not None and not date(2000, 1, 1) <= day <= clock.now().date() + timedelta(days=1):
            raise forms.ValidationError(_("This day is in the future or too long ago. Check the year."))
        return day

    def told(self) -> dict[str, Any]:
        """The arguments of `submission_receive`."""
        names = ("addresses", "text", "contact", "seen_on", "child_at_risk")
        return {name: self.cleaned_data[name] for name in names if name in self.cleaned_data}


class _Receipted(_Told):
    """Whoever tells us something may ask for a signed receipt, at the form or from the person who writes it down."""

    signed = forms.BooleanField(
        label=_("I also want a signed receipt"),
        help_text=_("A short text that proves to others that this report was made. It names no address."),
        required=False,
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not receipts.may_sign():
            del self.fields["signed"]


class ReportForm(_Receipted):
    """The public form. `proof` is filled by the browser, `ticket` by us."""

    child_at_risk = forms.BooleanField(
        label=_("A child may be in danger right now"),
        help_text=_("Please call the police at once: 110. A report is read by people, and nobody is called by it."),
        required=False,
    )
    contact = forms.CharField(
        label=_("How can we reach you?"),
        help_text=_("Only if you want. Without it, our questions wait for you at your receipt."),
        required=False,
        max_length=MOST_CONTACT,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    proof = forms.CharField(required=False, max_length=4000, widget=forms.HiddenInput)
    ticket = forms.CharField(required=False, max_length=300, widget=forms.HiddenInput)
    field_order = ["addresses", "text", "seen_on", "child_at_risk", "contact", "signed"]


class OperatorForm(_Receipted):
    """What an operator writes down for somebody who calls, comes or writes."""

    channel = forms.ChoiceField(
        label=_("How did they reach us?"),
        choices=[
            (Channel.PHONE, _("By phone")),
            (Channel.WALK_IN, _("In person")),
            (Channel.LETTER, _("By letter")),
        ],
        widget=forms.RadioSelect,
    )
    contact = forms.CharField(
        label=_("How can we reach them?"), required=False, max_length=MOST_CONTACT, widget=forms.TextInput
    )
    field_order = ["channel", "addresses", "text", "seen_on", "child_at_risk", "contact", "signed"]


class PatrolForm(_Receipted):
    """What the police's cyber patrol hands over."""

    category = forms.ChoiceField(
        label=_("Category"),
        choices=[
            ("csam", _("Child sexual abuse material")),
            ("csem", _("Sexual exploitation of a child")),
            ("grooming", _("Grooming or solicitation")),
            ("trade", _("Offer or trade")),
            ("other", pgettext_lazy("category", "Other")),
        ],
    )
    found_by = forms.ChoiceField(
        label=_("How was it found?"),
        choices=[
            ("patrol", _("Patrol")),
            ("tip", _("A tip")),
            ("investigation", _("An investigation")),
            ("partner", _("A foreign partner")),
        ],
    )
    prefecture = forms.CharField(
        label=_("Prefecture code"),
        help_text=_("01 to 47 (JIS X 0401)."),
        max_length=2,
        widget=forms.TextInput(attrs={"inputmode": "numeric"}),
    )
    case = forms.CharField(
        label=_("Case reference"), required=False, max_length=40, help_text=_("It is sealed, like the text.")
    )
    field_order = [
        "addresses",
        "category",
        "found_by",
        "prefecture",
        "case",
        "text",
        "seen_on",
        "child_at_risk",
        "signed",
    ]

    def clean_prefecture(self) -> str:
        code = str(self.cleaned_data["prefecture"]).strip()
        if not (code.isascii() and code.isdecimal() and 1 <= int(code) <= 47):
            raise forms.ValidationError(_("The code is a number from 01 to 47."))
        return f"{int(code):02d}"

    def details(self) -> dict[str, str]:
        return {name: self.cleaned_data[name] for name in ("category", "found_by", "prefecture")}


class CodeForm(forms.Form):
    """The receipt code, in any spelling."""

    code = forms.CharField(
        label=_("Receipt number"),
        help_text=_("16 digits, for example 1234-5678-9012-3456."),
        max_length=60,
        widget=forms.TextInput(attrs={"autocomplete": "off", "inputmode": "numeric"}),
        error_messages={"required": _("Enter the 16 digits of your receipt.")},
    )

    def clean_code(self) -> str:
        try:
            return normalize_receipt_code(self.cleaned_data["code"])
        except ValueError as error:
            raise forms.ValidationError(_("A receipt number has 16 digits. Check what you wrote down.")) from error


class AnswerForm(forms.Form):
    """A message of a reporter; the code and a word of its own go with it."""

    message = forms.CharField(
        label=_("Write to the hotline"),
        help_text=_("Up to 4,000 characters. Do not send pictures."),
        max_length=MOST_MESSAGE,
        widget=forms.Textarea(attrs={"rows": 4, "autocomplete": "off"}),
        error_messages={"required": _("Write something first.")},
    )
    once = forms.CharField(max_length=64, widget=forms.HiddenInput)


class ReplyForm(forms.Form):
    """A message to a reporter."""

    message = forms.CharField(
        label=_("Write to the reporter"),
        help_text=_("Only the holder of the receipt can read it. It stays encrypted for them."),
        max_length=MOST_MESSAGE,
        widget=forms.Textarea(attrs={"rows": 4}),
    )


class ScreenForm(forms.Form):
    """What screening finds."""

    outcome = forms.ChoiceField(
        label=_("What is it?"),
        choices=[
            (Screening.URGENT_CHILD_AT_RISK, _("A child is at risk now: police at once")),
            (Screening.ACCEPTED, _("Accept: to assessment in the usual order")),
            (Screening.DUPLICATE, _("The same page was reported before: link it")),
            (Screening.OUT_OF_REMIT, _("Not for us: close")),
            (Screening.SPAM, _("Spam: close")),
        ],
        widget=forms.RadioSelect,
    )
