"""The letters: a link and a reference, never an address, never a picture."""

from datetime import datetime

from django.conf import settings
from django.utils import timezone, translation
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from mamori.hotline.takedown.states import LetterKind

_RULE = "\n\n----------------------------------------\n\n"


def subject(reference: str, *, domestic: bool) -> str:
    """The same for all letters of a notice, so that they stand together in a mailbox."""
    with translation.override("ja" if domestic else "en"):
        return _("Request to remove illegal content [%(reference)s]") % {"reference": reference}


def body(*, kind: LetterKind, reference: str, count: int, token: str, due_at: datetime, domestic: bool) -> str:
    """The text of a letter: Japanese before English inside the country, English outside."""
    languages = ("ja", "en") if domestic else ("en",)
    parts = []
    for language in languages:
        with translation.override(language):
            lines = [_opening(kind, count), *_asking(link(token, language), reference, due_at)]
            parts.append("\n\n".join(lines))
    return _RULE.join(parts) + "\n"


def link(token: str, language: str) -> str:
    return f"{settings.PUBLIC_URL}/{language}/hoster/{token}/"


def _asking(url: str, reference: str, due_at: datetime) -> list[str]:
    due = timezone.localtime(due_at).strftime("%Y-%m-%d %H:%M %Z")
    return [
        _("The page below lists it, says on what ground, and takes your answer:"),
        url,
        _("Please act by %(due)s. Please keep what the law asks you to keep for the police, out of public reach.")
        % {"due": due},
        _("If you have removed it, say so on the page: it is looked at again at once."),
        _("If you do not agree, or cannot act, say so there too."),
        _("The link is for your abuse desk only. Please do not pass it on."),
        _("Reference: %(reference)s") % {"reference": reference},
    ]


def _opening(kind: LetterKind, count: int) -> str:
    if kind == LetterKind.REMINDER:
        text = ngettext(
            "%(count)d page with child sexual abuse material is still online in a service you run.",
            "%(count)d pages with child sexual abuse material are still online in a service you run.",
            count,
        )
    else:
        text = ngettext(
            "Analysts of the internet hotline found %(count)d page with child sexual abuse material in a service you "
            "run. We ask you to remove it.",
            "Analysts of the internet hotline found %(count)d pages with child sexual abuse material in a service you "
            "run. We ask you to remove them.",
            count,
        )
    return text % {"count": count}
