from typing import Any

from django import forms
from django.contrib.auth.password_validation import password_validators_help_texts
from django.utils.functional import lazy
from django.utils.translation import gettext_lazy as _

from mamori.ground.accounts.looks import KIND_WORDS, ROLE_WORDS
from mamori.ground.accounts.models import Organisation
from mamori.ground.accounts.queries import inviting_organisations
from mamori.ground.accounts.scopes import scopes
from mamori.ground.accounts.services import ROLES_OF
from mamori.ground.actors import Actor


def _password_help() -> str:
    return " ".join(str(text) for text in password_validators_help_texts())


class InvitationForm(forms.Form):
    """Accept an invitation. `account` as in `services.invitation_account`."""

    name = forms.CharField(
        label=_("Your name"),
        max_length=120,
        help_text=_("Colleagues see it. The audit log does not contain it."),
        widget=forms.TextInput(attrs={"autocomplete": "name"}),
    )
    password = forms.CharField(
        label=_("Password"),
        strip=False,
        max_length=200,
        help_text=lazy(_password_help, str)(),
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )
    password_again = forms.CharField(
        label=_("The same password again"),
        strip=False,
        max_length=200,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )

    def __init__(self, data: Any, *, account: str) -> None:
        super().__init__(data)
        if account != "new":
            del self.fields["name"]
        if account == "known":
            del self.fields["password_again"]
            self.fields["password"].help_text = _("The password you already use to log in here.")
            self.fields["password"].widget.attrs["autocomplete"] = "current-password"

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if "password_again" in self.fields and cleaned.get("password") != cleaned.get("password_again"):
            self.add_error("password_again", _("The two passwords differ. Enter the same one twice."))
        return cleaned


class InviteForm(forms.Form):
    """Invite a person in a role that the organisation's kind allows."""

    email = forms.EmailField(
        label=_("Mail address"), help_text=_("The invitation goes there. It works once, for seven days.")
    )
    organisation = forms.ModelChoiceField(label=_("Organisation"), queryset=Organisation.objects.none())
    role = forms.ChoiceField(label=_("Role"), widget=forms.RadioSelect)

    def __init__(self, data: Any, *, actor: Actor) -> None:
        super().__init__(data)
        places = inviting_organisations(actor).exclude(kind=Organisation.Kind.PROVIDER).order_by("name")
        kinds = {Organisation.Kind(kind) for kind in places.values_list("kind", flat=True)}
        self.fields["organisation"].queryset = places  # type: ignore[attr-defined]
        self.fields["role"].choices = [  # type: ignore[attr-defined]
            (str(role), word) for role, word in ROLE_WORDS.items() if any(role in ROLES_OF[kind] for kind in kinds)
        ]


class OrganisationForm(forms.Form):
    name = forms.CharField(label=_("Name"), max_length=200)
    kind = forms.ChoiceField(
        label=_("Kind"),
        help_text=_("The kind decides which roles its members may have. It cannot be changed later."),
        widget=forms.RadioSelect,
    )

    def __init__(self, data: Any) -> None:
        super().__init__(data)
        self.fields["kind"].choices = [(str(kind), word) for kind, word in KIND_WORDS.items()]  # type: ignore[attr-defined]


class TokenForm(forms.Form):
    """Give a partner a token."""

    organisation = forms.ModelChoiceField(label=_("Organisation"), queryset=Organisation.objects.order_by("name"))
    title = forms.CharField(label=_("What the token is for"), max_length=120)
    scopes = forms.MultipleChoiceField(label=_("What it may do"), choices=scopes, widget=forms.CheckboxSelectMultiple)
