from django import forms
from django.utils.translation import gettext_lazy as _

from mamori.engine.addresses import MAX_LENGTH


class SearchForm(forms.Form):
    """Find a content item by its exact address."""

    address = forms.CharField(
        label=_("Address"),
        max_length=MAX_LENGTH,
        help_text=_("The whole address. A defanged one (hxxps, [.]) is understood. It is not opened."),
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )
