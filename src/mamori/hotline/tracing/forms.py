from django import forms
from django.utils.translation import gettext_lazy as _


class ReplaceForm(forms.Form):
    """Another contact for the place of this one."""

    mail = forms.EmailField(label=_("Mail address of the right contact"), max_length=254)
    organisation = forms.CharField(label=_("Organisation"), max_length=200)


class EnterForm(forms.Form):
    """A contact that a person knows."""

    mail = forms.EmailField(label=_("Mail address of the contact"), max_length=254)
    organisation = forms.CharField(label=_("Organisation"), max_length=200)


class KeyForm(forms.Form):
    """A public age key."""

    age_key = forms.CharField(
        label=_("Public age key"),
        max_length=80,
        required=False,
        help_text=_("Begins with age1. Attachments to this contact are then encrypted. Empty: no key."),
    )
