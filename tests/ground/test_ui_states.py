"""One word and one colour for each state, legible in both modes."""

import re
from io import BytesIO
from itertools import product
from pathlib import Path

import pytest
from babel.messages.pofile import read_po
from django.utils.translation import override

import mamori.ground.ui
from mamori.ground.ui.cells import state
from mamori.ground.ui.states import TONES, StateLook, look, register_states, registered

CSS = (Path(mamori.ground.ui.__file__).parent / "static/mamori/mamori.css").read_text()
JAPANESE = re.compile(r"[぀-ヿ一-鿿]")
SURFACES = ("surface", "panel")


def tokens() -> dict[str, dict[str, str]]:
    """The colours of both modes: name -> #rrggbb."""
    light, dark = CSS.split("@media screen and (prefers-color-scheme: dark)")[:2]
    read = re.compile(r"--([\w-]+): (#[0-9a-f]{6});").findall
    of_light = dict(read(light))
    return {"light": of_light, "dark": of_light | dict(read(dark.split("\n}")[0]))}


def luminance(colour: str) -> float:
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    """WCAG 2.2 contrast ratio."""
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def text_pairs() -> list[tuple[str, str]]:
    """Every text colour with every ground it is used on."""
    grounds = [*SURFACES, "action-pale", *(f"{tone}-ground" for tone in TONES)]
    pairs = [*product(("text", "muted"), grounds), *product(("action", "action-hover", "error-text"), grounds)]
    pairs = [pair for pair in pairs if pair != ("error-text", "action-pale")]
    pairs += [(f"{tone}-text", ground) for tone in TONES for ground in (f"{tone}-ground", *SURFACES)]
    return [
        *pairs,
        ("on-action", "action"),
        ("on-action", "action-hover"),
        ("on-danger", "danger"),
        ("on-danger", "danger-hover"),
    ]


@pytest.mark.parametrize("mode", ["light", "dark"])
def test_text_has_a_contrast_of_at_least_four_and_a_half(mode: str) -> None:
    colours = tokens()[mode]
    low = {(a, b): round(contrast(colours[a], colours[b]), 2) for a, b in text_pairs()}
    assert {pair: ratio for pair, ratio in low.items() if ratio < 4.5} == {}


@pytest.mark.parametrize("mode", ["light", "dark"])
def test_marks_chart_colours_and_control_edges_stand_out_from_the_surface(mode: str) -> None:
    colours = tokens()[mode]
    marks = [f"{tone}-mark" for tone in TONES] + [name for name in colours if name.startswith("hue-")] + ["muted"]
    low = {name: round(contrast(colours[name], colours["surface"]), 2) for name in marks}
    assert {name: ratio for name, ratio in low.items() if ratio < 3} == {}
    assert contrast(colours["focus"], colours["focus-line"]) > 10


def test_the_two_modes_define_the_same_colours() -> None:
    modes = tokens()
    assert set(modes["light"]) == set(modes["dark"])
    assert contrast("#000000", "#ffffff") == pytest.approx(21)


NAME = re.compile(r"(?:[A-Z]{2,}(?:[- ]?\d+(?:\.\d)?)?|Abusix|PhotoDNA)(?: \((?:CSV|JSON)\)| CSV)?")
"""Names that Japanese text writes as they are, like DNS or SHA-256."""


def in_japanese() -> dict[str, str]:
    """All translations of the rooms, read from their sources."""
    package = Path(mamori.ground.ui.__file__).parents[2]
    catalogues = [
        read_po(BytesIO(path.read_bytes()), locale="ja") for path in package.rglob("locale/ja/LC_MESSAGES/django.po")
    ]
    return {str(entry.id): str(entry.string) for catalogue in catalogues for entry in catalogue if entry.id}


def test_every_registered_state_has_its_own_word_in_both_languages() -> None:
    known = in_japanese()
    missing: list[str] = []
    for machine, table in registered().items():
        if machine.startswith("ui_"):
            continue  # registered by these tests
        with override("en"):
            english = [str(shown.word) for shown in table.values()]
        japanese = [known.get(word, "") for word in english]
        missing += [
            f"{machine}: {word}"
            for word, shown in zip(english, japanese, strict=True)
            if not JAPANESE.search(shown) and not (shown in {"", word} and NAME.fullmatch(word))
        ]
        assert len(set(english)) == len(english), f"{machine}: two states have one word"
        assert len(set(filter(None, japanese))) == len(list(filter(None, japanese))), (
            f"{machine}: two states have one word"
        )
    assert missing == [], missing


def test_a_state_shows_its_word_colour_and_icon() -> None:
    register_states("ui_states_test", {"gone": StateLook("Gone", "success", "check")})
    shown = state("ui_states_test", "gone")
    assert "tone-success" in shown
    assert "#i-check" in shown
    assert "Gone" in shown
    assert look("ui_states_test", "gone").tone == "success"


def test_what_is_not_in_the_table_is_refused() -> None:
    register_states("ui_states_test", {"gone": StateLook("Gone", "success", "check")})
    with pytest.raises(KeyError, match="no word and colour"):
        look("ui_states_test", "elsewhere")
    with pytest.raises(ValueError, match="twice"):
        register_states("ui_states_test", {"gone": StateLook("Away", "error", "cross")})
    with pytest.raises(ValueError, match="no icon"):
        StateLook("Gone", "success", "unicorn")
    with pytest.raises(ValueError, match="no tone"):
        StateLook("Gone", "pink")  # type: ignore[arg-type]
