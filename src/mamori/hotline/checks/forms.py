from django import forms
from django.utils.translation import gettext_lazy as _

from mamori.hotline.checks.states import End


class AttestForm(forms.Form):
    """What a person saw."""

    found = forms.ChoiceField(
        label=_("What did you find?"),
        widget=forms.RadioSelect,
        choices=[
            ("online", _("It is still there")),
            (str(End.REMOVED), _("The host answers, and it is not there any more")),
            (str(End.UNAVAILABLE), _("The host does not answer at all")),
            (str(End.MOVED), _("It has moved to another address")),
        ],
    )
