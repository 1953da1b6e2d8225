"""One colour and one word for each state, everywhere: rooms register theirs in `AppConfig.ready`."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, get_args

from django.utils.functional import Promise

from mamori.ground.ui.icons import PATHS

Tone = Literal["neutral", "info", "success", "warning", "error"]
TONES: tuple[Tone, ...] = get_args(Tone)


@dataclass(frozen=True)
class StateLook:
    """How a state is shown: a lazily translated word, a tone (its colour), an icon of `ui.icons`."""

    word: Promise | str
    tone: Tone = "neutral"
    icon: str = "dot"

    def __post_init__(self) -> None:
        if self.tone not in TONES:
            raise ValueError(f"no tone “{self.tone}”; known: {', '.join(TONES)}")
        if self.icon not in PATHS:
            raise ValueError(f"no icon “{self.icon}”")


_looks: dict[str, dict[str, StateLook]] = {}


def register_states(machine: str, looks: Mapping[str, StateLook]) -> None:
    """Add a machine's table, once. `machine` is the name of its `ground.states.Machine`."""
    table = {str(value): look for value, look in looks.items()}
    if machine in _looks and _looks[machine] != table:
        raise ValueError(f"the states of “{machine}” are registered twice")
    _looks[machine] = table


def look(machine: str, value: str) -> StateLook:
    """The look of a state; KeyError when nobody registered it."""
    try:
        return _looks[machine][str(value)]
    except KeyError:
        raise KeyError(f"no word and colour registered for state “{value}” of “{machine}”") from None


def choices(machine: str) -> list[tuple[str, Promise | str]]:
    """What a filter offers: each state that has a value, and its word."""
    return [(value, shown.word) for value, shown in _looks[machine].items() if value]


def registered() -> dict[str, dict[str, StateLook]]:
    """The whole table: machine -> value -> look."""
    return {machine: dict(table) for machine, table in _looks.items()}
