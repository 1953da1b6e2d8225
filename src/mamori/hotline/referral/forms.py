from datetime import timedelta
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from mamori.ground import clock
from mamori.ground.ui.states import look
from mamori.hotline.referral.states import CHOICES, Channel, FeedbackKind, PolicyKind

_MOMENT = "%Y-%m-%dT%H:%M"


def _moment_field(label: Any, initial: Any) -> forms.DateTimeField:
    return forms.DateTimeField(
        label=label,
        initial=initial,
        widget=forms.DateTimeInput(format=_MOMENT, attrs={"type": "datetime-local"}),
        input_formats=[_MOMENT, "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M"],
    )


class AcknowledgeForm(forms.Form):
    """The police's own number."""

    reference = forms.CharField(label=_("Your own reference"), max_length=80, required=False)


class HoldForm(forms.Form):
    """Until when, and why."""

    until = _moment_field(_("Hold until"), lambda: timezone.localtime(clock.now() + timedelta(days=7)))
    reason = forms.CharField(
        label=_("Reason"),
        max_length=2000,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=_("It is sealed: only police read it."),
    )


class FeedbackForm(forms.Form):
    """What came of it."""

    kind = forms.ChoiceField(
        label=_("What came of it"),
        choices=lambda: [(str(k), look("referral_feedback", k).word) for k in FeedbackKind],
        widget=forms.RadioSelect,
    )
    case_no = forms.CharField(label=_("Case number"), max_length=80, required=False)


class PhoneForm(forms.Form):
    """A hand-over by phone."""

    officer = forms.CharField(label=_("Name of the officer"), max_length=120)
    number = forms.CharField(label=_("Number called"), max_length=40)
    talked_at = _moment_field(_("Time of the call"), lambda: timezone.localtime(clock.now()))
    note = forms.CharField(
        label=_("Note"),
        max_length=2000,
        required=False,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=_("Number and note are sealed."),
    )


class ChooseForm(forms.Form):
    """What clears this item."""

    kind = forms.ChoiceField(
        label=_("When may notices go?"),
        choices=lambda: [(str(k), look("referral_policy", k).word) for k in CHOICES],
        widget=forms.RadioSelect,
    )


class PolicyForm(forms.Form):
    """A new version of the policy."""

    kind = forms.ChoiceField(
        label=_("When may notices go?"),
        choices=lambda: [(str(k), look("referral_policy", k).word) for k in PolicyKind],
        widget=forms.RadioSelect,
    )
    silence_hours = forms.IntegerField(label=_("Hours of silence that count as consent"), min_value=1, max_value=720)
    longest_hold_days = forms.IntegerField(label=_("Longest hold, in days"), min_value=1, max_value=365)
    channel = forms.ChoiceField(
        label=_("Channel"),
        choices=[(Channel.DESK.value, _("The police desk here")), (Channel.API.value, _("The police's own system"))],
        widget=forms.RadioSelect,
    )
    organisation_id = forms.ChoiceField(label=_("Police organisation"), required=False)
    notification_mail = forms.EmailField(
        label=_("Mailbox for notifications"), required=False, help_text=_("The letters name nothing.")
    )
    duty_mail = forms.EmailField(label=_("Duty officer: mail"), required=False)
    duty_phone = forms.CharField(label=_("Duty officer: phone"), max_length=40, required=False)
    supervisors = forms.CharField(
        label=_("Supervisors"),
        required=False,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=_("One mail address on each line. They are told when a hold is over."),
    )

    def __init__(self, *args: Any, organisations: list[tuple[str, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["organisation_id"]
        if isinstance(field, forms.ChoiceField):
            field.choices = [("", _("Every police organisation")), *organisations]

    def clean_supervisors(self) -> list[str]:
        boxes = [line.strip() for line in self.cleaned_data["supervisors"].splitlines() if line.strip()]
        for box in boxes:
            try:
                validate_email(box)
            except ValidationError as error:
                raise ValidationError(_("“%(box)s” is not a mail address."), params={"box": box}) from error
        return boxes
