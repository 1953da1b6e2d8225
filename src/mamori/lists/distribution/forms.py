from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from mamori.lists.distribution.states import Delivery

KILL_WORD = "EMPTY"


class ServersForm(forms.Form):
    """Where a DNS subscriber is told of changes, and from where it asks the primary."""

    notify = forms.CharField(
        label=_("Address told of changes"),
        required=False,
        max_length=80,
        help_text=_(
            "For DNS: address and port of its secondary, like 192.0.2.1@53. Without it, it looks once a minute."
        ),
    )
    asks_from = forms.CharField(
        label=_("Addresses it asks from"),
        required=False,
        max_length=4000,
        widget=forms.Textarea(attrs={"rows": 3, "spellcheck": "false"}),
        help_text=_(
            "For DNS: the servers that take its zones, addresses or networks, one a line. Whoever else asks is refused, and"
            " whoever is among them can ask for single names: no network with customers. Without any: the address told of"
            " changes."
        ),
    )


class SubscriberForm(ServersForm):
    organisation = forms.CharField(label=_("Organisation"), max_length=200)
    delivery = forms.ChoiceField(
        label=_("How it takes the list"),
        choices=[
            (Delivery.NXDOMAIN, _("DNS: the name does not exist")),
            (Delivery.STOP, _("DNS: stop page (works for http only, never for https)")),
            (Delivery.URL, _("URL list, fetched with a token")),
        ],
        widget=forms.RadioSelect,
    )
    ours = forms.BooleanField(
        label=_("A canary of our own: it gets additions before all others"),
        required=False,
        help_text=_(
            "A DNS subscriber that we run, whose resolver is watched. The rings of all others are drawn by lot."
        ),
    )
    field_order = ("organisation", "delivery", "ours")

    def __init__(self, *args: Any, has_rings: bool, **options: Any) -> None:
        super().__init__(*args, **options)
        if not has_rings:
            del self.fields["ours"]


class ResolversForm(forms.Form):
    """Which of the watched resolvers are a subscriber's own."""

    resolvers = forms.MultipleChoiceField(
        label=_("Watched resolvers that are its own"),
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text=_("Only our own are asked for listed names; all others for our canary names alone."),
    )

    def __init__(self, *args: Any, names: list[str], **options: Any) -> None:
        super().__init__(*args, **options)
        self.fields["resolvers"].choices = [(name, name) for name in names]  # type: ignore[attr-defined]


class ReasonForm(forms.Form):
    reason = forms.CharField(label=_("Reason"), max_length=300)


class KillForm(forms.Form):
    reason = forms.CharField(label=_("Reason"), max_length=300)
    word = forms.CharField(
        label=_("Type EMPTY to confirm"), max_length=10, widget=forms.TextInput(attrs={"autocomplete": "off"})
    )

    def clean_word(self) -> str:
        word = str(self.cleaned_data["word"]).strip().upper()
        if word != KILL_WORD:
            raise forms.ValidationError(_("Type the word EMPTY."))
        return word
