"""Script mixing inside one label, after UTS 39 "highly restrictive".

Python has no Script property; the first word of a character's Unicode name stands for it. That is coarser for
ancient scripts (OLD ..., NEW ...), which only makes two of those look alike.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable

# Scripts that one language writes together; Latin may stand beside each of these sets.
_TOGETHER = (
    frozenset({"HAN", "HIRAGANA", "KATAKANA"}),
    frozenset({"HAN", "HANGUL"}),
    frozenset({"HAN", "BOPOMOFO"}),
)
_NAMED_OTHERWISE = {"CJK": "HAN", "IDEOGRAPHIC": "HAN", "EXTENDED": "ARABIC", "MODIFIER": "", "MICRO": "GREEK"}


def script(character: str) -> str:
    """The script of a letter or number; empty for marks, symbols, ASCII digits and shared signs."""
    if character.isascii():
        return "LATIN" if character.isalpha() else ""
    if unicodedata.category(character)[0] not in "LN":
        return ""
    name = unicodedata.name(character, "UNKNOWN")
    if name.startswith("KATAKANA-HIRAGANA"):
        return ""
    word = name.split()[0].split("-")[0]
    return _NAMED_OTHERWISE.get(word, word)


def mixed_script(characters: Iterable[str]) -> bool:
    """True when one label mixes scripts that no language writes together."""
    scripts = {found for character in characters if (found := script(character))}
    if len(scripts) < 2:
        return False
    return not any(scripts - {"LATIN"} <= together for together in _TOGETHER)
