from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from mamori.ground.accounts.models import Organisation
from mamori.ground.errors import DomainError
from mamori.ground.ui.states import registered
from mamori.ground.ui.uploads import MOST_HELD
from mamori.lists.fingerprints.codes import PROFILES, Classification
from mamori.lists.fingerprints.formats import Format
from mamori.lists.fingerprints.formats.records import Wrong, digest
from mamori.lists.fingerprints.queries.shown import source_choices
from mamori.lists.fingerprints.services import NewFingerprint
from mamori.lists.fingerprints.states import HARMLESS_DAYS, Algorithm, End, Kind, Media, Outcome, Reason, Verdict

MOST_TYPED = 64 * 1024
MOST_UPLOAD = MOST_HELD
TOO_LARGE = DomainError(
    "file_too_large",
    _("The file is larger than 10 MB. Nothing was taken from it."),
    remedy=_(
        "The operator imports files of any size on the server: “mamori images import FILE --format FORMAT"
        " --source SOURCE --by MAIL”."
    ),
    status=413,
)
_LENGTHS = {32: Algorithm.MD5, 40: Algorithm.SHA1, 64: Algorithm.SHA256}


def words(machine: str, values: Any) -> list[tuple[str, Any]]:
    return [(str(value), registered()[machine][str(value)].word) for value in values]


def typed_values(text: str) -> list[NewFingerprint]:
    """Fingerprints of lines: a bare digest is known by its length, `pdq <64 hex>[,quality]` by its word."""
    found = []
    for number, line in enumerate(text.splitlines(), 1):
        said = line.strip().lstrip("\ufeff")
        if not said or said.startswith("#"):
            continue
        try:
            found.append(_typed(said))
        except (Wrong, ValueError) as error:
            raise ValidationError(
                _(
                    "Line %(number)d is no fingerprint: write MD5, SHA-1 or SHA-256 in hexadecimal, or “pdq” and its value."
                ),
                params={"number": number},
            ) from error
    if not found:
        raise ValidationError(_("An entry has at least one fingerprint."))
    return found


def _typed(said: str) -> NewFingerprint:
    word, _space, rest = said.partition(" ")
    text, _comma, quality = (rest or word).strip().partition(",")
    algorithm = Algorithm(word.lower().rstrip(":")) if rest else _LENGTHS.get(len(text), Algorithm.MD5)
    if algorithm == Algorithm.PHOTODNA or (quality and algorithm != Algorithm.PDQ):
        raise Wrong("bad_line")
    value = digest(algorithm, text.strip())
    if value is None:
        raise Wrong("bad_line")
    return NewFingerprint(value.algorithm, value.value, int(quality) if quality else None)


class AddForm(forms.Form):
    """What an analyst types, or a small file of such lines; never a picture."""

    source = forms.ChoiceField(label=_("Given by"))
    ref = forms.CharField(
        label=_("Its reference"),
        max_length=80,
        required=False,
        help_text=_("Empty: the first fingerprint stands for it."),
    )
    kind = forms.ChoiceField(label=_("Kind"))
    classification = forms.ChoiceField(label=_("Class"))
    typed = forms.CharField(
        label=_("Fingerprints"),
        required=False,
        max_length=MOST_TYPED,
        widget=forms.Textarea(attrs={"rows": 5, "spellcheck": "false", "autocomplete": "off"}),
        help_text=_("One on a line: MD5, SHA-1 or SHA-256 in hexadecimal, or “pdq” and its 64 characters."),
    )
    file = forms.FileField(
        label=_("Or a text file of such lines"),
        required=False,
        help_text=_("Fingerprints only. A picture is never sent here: its fingerprints are made where it is."),
    )

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.fields["source"] = forms.ChoiceField(label=_("Given by"), choices=source_choices())
        self.fields["kind"] = forms.ChoiceField(label=_("Kind"), choices=words("bank_media", Media))
        self.fields["classification"] = forms.ChoiceField(
            label=_("Class"), choices=words("bank_class", Classification), initial=Classification.NATIONAL
        )
        self.values: list[NewFingerprint] = []

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        text = cleaned.get("typed", "")
        file: Any = cleaned.get("file")
        if file is not None:
            if (file.size or 0) > MOST_TYPED:
                raise ValidationError(_("The file is too large: it should hold the fingerprints of one entry."))
            try:
                text += "\n" + file.read().decode("utf-8")
            except UnicodeDecodeError as error:
                raise ValidationError(
                    _("This is no text file. Pictures are not taken: send their fingerprints.")
                ) from error
        if not self.errors:
            self.values = typed_values(text)
        return cleaned


class ClassForm(forms.Form):
    classification = forms.ChoiceField(label=_("Class"))

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.fields["classification"] = forms.ChoiceField(label=_("Class"), choices=words("bank_class", Classification))


class VoteForm(forms.Form):
    verdict = forms.ChoiceField(label=_("Is the entry right?"), widget=forms.RadioSelect)
    reason = forms.ChoiceField(label=_("Why"))

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.fields["verdict"] = forms.ChoiceField(
            label=_("Is the entry right?"), choices=words("bank_verdict", Verdict), widget=forms.RadioSelect
        )
        self.fields["reason"] = forms.ChoiceField(label=_("Why"), choices=words("bank_reason", Reason))


class WithdrawForm(forms.Form):
    reason = forms.ChoiceField(label=_("Why"))

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        given = (End.MISTAKE, End.REJECTED, End.SOURCE, End.DISPUTE, End.FLOOD)
        self.fields["reason"] = forms.ChoiceField(label=_("Why"), choices=words("bank_end", given))


class HarmlessForm(forms.Form):
    """A value for the negative bank: one line as in AddForm."""

    value = forms.CharField(
        label=_("Fingerprint"),
        max_length=200,
        widget=forms.TextInput(attrs={"spellcheck": "false", "autocomplete": "off"}),
        help_text=_("MD5, SHA-1 or SHA-256 in hexadecimal, or “pdq” and its 64 characters."),
    )
    reason = forms.CharField(
        label=_("Why it is harmless"),
        min_length=10,
        max_length=300,
        help_text=_("Where the picture is known from, without describing it."),
    )
    days = forms.TypedChoiceField(
        label=_("It holds for"),
        choices=lambda: [(days, _("%(days)d days") % {"days": days}) for days in HARMLESS_DAYS],
        coerce=int,
        initial=180,
    )

    def clean_value(self) -> NewFingerprint:
        return typed_values(self.cleaned_data["value"])[0]


class SourceForm(forms.Form):
    code = forms.RegexField(
        r"^[a-z0-9][a-z0-9-]{1,39}$", label=_("Code"), help_text=_("Small letters, digits and hyphens. It stays.")
    )
    name = forms.CharField(label=_("Name"), max_length=120)
    kind = forms.ChoiceField(label=_("Kind of body"))
    organisation = forms.ModelChoiceField(
        label=_("Organisation"),
        queryset=Organisation.objects.none(),
        required=False,
        help_text=_("Its own tokens may add to this source and withdraw from it."),
    )
    contact_mail = forms.EmailField(
        label=_("Mail address for alarms"),
        required=False,
        help_text=_("Where we write when one of its entries is what the negative bank knows."),
    )
    shared_with_partners = forms.BooleanField(
        label=_("Its new entries are shared with partners"),
        required=False,
        help_text=_("Each only when a second person has agreed."),
    )

    def __init__(self, *args: Any, fixed: bool = False, **options: Any) -> None:
        super().__init__(*args, **options)
        if fixed:
            for name in ("code", "kind", "organisation"):
                del self.fields[name]
            return
        self.fields["kind"] = forms.ChoiceField(label=_("Kind of body"), choices=words("bank_source", Kind))
        self.fields["organisation"].queryset = Organisation.objects.order_by("name")  # type: ignore[attr-defined]


class SettleForm(forms.Form):
    outcome = forms.ChoiceField(label=_("How it is settled"), widget=forms.RadioSelect)

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        given = (Outcome.KEPT, Outcome.RECLASSIFIED)  # a withdrawal settles it by itself
        self.fields["outcome"] = forms.ChoiceField(
            label=_("How it is settled"), choices=words("bank_outcome", given), widget=forms.RadioSelect
        )


class FileForm(forms.Form):
    """Format and profile of a file to read or to write."""

    format = forms.ChoiceField(label=_("Format"))
    profile = forms.ChoiceField(
        label=_("Profile of VICS categories"), choices=[(p, p.upper()) for p in PROFILES], initial="us"
    )

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.fields["format"] = forms.ChoiceField(label=_("Format"), choices=words("bank_format", Format))


class ImportForm(FileForm):
    source = forms.ChoiceField(label=_("Given by"))
    kind = forms.ChoiceField(label=_("Kind"), help_text=_("What a plain list is of; other formats say it themselves."))
    file = forms.FileField(label=_("File"), help_text=_("At most 10 MB. Larger ones: “mamori images import”."))

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.fields["source"] = forms.ChoiceField(label=_("Given by"), choices=source_choices())
        self.fields["kind"] = forms.ChoiceField(
            label=_("Kind"),
            choices=words("bank_media", Media),
            help_text=_("What a plain list is of; other formats say it themselves."),
        )
        self.order_fields(["source", "format", "profile", "kind", "file"])

    def clean_file(self) -> Any:
        file = self.cleaned_data["file"]
        if (file.size or 0) > MOST_UPLOAD:
            raise ValidationError(f"{TOO_LARGE.message} {TOO_LARGE.remedy}")
        return file


class ExportForm(FileForm):
    source = forms.ChoiceField(label=_("Given by"), required=False)

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.fields["source"] = forms.ChoiceField(
            label=_("Given by"), choices=[("", _("All")), *source_choices()], required=False
        )
