from collections.abc import Mapping

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from mamori.ground.ui.states import StateLook, register_states

_events: dict[str, Promise | str] = {}
_things: dict[str, Promise | str] = {}
_rooms: list[tuple[Promise | str, tuple[str, ...]]] = []


def register_events(room: Promise | str, phrases: Mapping[str, Promise | str]) -> None:
    """A room says in a few words what each event it records means, in `AppConfig.ready`. `phrases`: by the whole name."""
    _add(_events, phrases)
    _rooms.append((room, tuple(phrases)))


def register_things(words: Mapping[str, Promise | str]) -> None:
    """A room says what each kind of thing is called that its events happen to, in `AppConfig.ready`."""
    _add(_things, words)


def _add(known: dict[str, Promise | str], more: Mapping[str, Promise | str]) -> None:
    if twice := known.keys() & more.keys():
        raise ValueError(f"registered twice: {', '.join(sorted(twice))}")
    known.update(more)


def thing_word(kind: str) -> str:
    """What things of this kind are called; the kind itself where no room knows it."""
    return str(_things.get(kind, kind))


def things_known() -> set[str]:
    """The kinds that have a word."""
    return set(_things)


def event_phrase(event: str) -> str:
    """What an event means; "" for one that no room knows."""
    return str(_events.get(event, ""))


def events_known() -> dict[str, dict[str, str]]:
    """Room -> event -> phrase, in the language of the moment."""
    return {str(room): {event: str(_events[event]) for event in events} for room, events in _rooms}


register_states(
    "checkpoint",
    {
        "witnessed": StateLook(_("Co-signed"), "success", "check"),
        "alone": StateLook(_("Not co-signed"), "warning", "alert"),
    },
)
register_states(
    "verification",
    {
        "running": StateLook(_("Running"), "info", "clock"),
        "ok": StateLook(_("Whole and unchanged"), "success", "check"),
        "unconfirmed": StateLook(_("No change found, not confirmed by the witness itself"), "warning", "alert"),
        "bad": StateLook(_("Changed"), "error", "alert"),
    },
)

register_events(
    _("Audit"),
    {
        "audit.exported": _("The log was exported"),
        "retention.destroyed": _("Data past its time was destroyed"),
    },
)
register_things(
    {
        "audit": _("Audit log"),
        "retention": _("Class of data"),
    }
)
