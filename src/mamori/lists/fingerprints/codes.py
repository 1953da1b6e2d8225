"""The bank's own classes, and tables to and from the scales of others. Codes and neutral names only.

Scales: `iccam` (INHOPE/ICCAM: BA baseline, NA national), `us` (US industry: A1 A2 B1 B2), `iwf` (A B C), `jp` (items of
Article 2(3) of the Act), `vics:<profile>` (a Project VIC category, whose meaning differs by country profile). A code
that tells less than another scale asks for is not guessed: `told` leaves it out.
"""

from enum import StrEnum

from django.utils.translation import gettext_lazy as _


class Classification(StrEnum):
    """Our own list. Stored: never rename or reuse a value."""

    BASELINE_1 = "baseline_1"
    BASELINE_2 = "baseline_2"
    BASELINE = "baseline"
    NATIONAL_1 = "national_1"
    NATIONAL_2 = "national_2"
    NATIONAL = "national"
    UNSORTED = "unsorted"


C = Classification
NAMES = {
    C.BASELINE_1: _("Baseline, level 1"),
    C.BASELINE_2: _("Baseline, level 2"),
    C.BASELINE: _("Baseline"),
    C.NATIONAL_1: _("National, level 1"),
    C.NATIONAL_2: _("National, level 2"),
    C.NATIONAL: _("National"),
    C.UNSORTED: _("Illegal, not sorted"),
}
_FROM: dict[str, dict[str, Classification]] = {
    "own": {str(c): c for c in C},
    "iccam": {"BA": C.BASELINE, "NA": C.NATIONAL},
    "us": {"A1": C.BASELINE_1, "A2": C.BASELINE_2, "B1": C.NATIONAL_1, "B2": C.NATIONAL_2},
    "iwf": {"A": C.NATIONAL, "B": C.NATIONAL, "C": C.NATIONAL},
    "jp": {"JP-2-3-1": C.NATIONAL, "JP-2-3-2": C.NATIONAL, "JP-2-3-3": C.NATIONAL},
    # Categories that stand for illegal material in a profile; others, and 0 (not sorted yet), are no entries of this bank.
    "vics:us": {"1": C.NATIONAL},
    "vics:uk": {"1": C.NATIONAL, "2": C.NATIONAL, "3": C.NATIONAL},
    "vics:ca": {"1": C.NATIONAL},
    "vics:icse": {"1": C.BASELINE, "2": C.NATIONAL},
}
_TO: dict[str, dict[Classification, str]] = {
    "own": {c: str(c) for c in C},
    "iccam": {
        C.BASELINE_1: "BA", C.BASELINE_2: "BA", C.BASELINE: "BA",
        C.NATIONAL_1: "NA", C.NATIONAL_2: "NA", C.NATIONAL: "NA",
    },
    "us": {C.BASELINE_1: "A1", C.BASELINE_2: "A2", C.NATIONAL_1: "B1", C.NATIONAL_2: "B2"},
    "iwf": {},
    "jp": {},
    "vics:us": dict.fromkeys(C, "1"),  # one category for all that is illegal
    "vics:uk": {},
    "vics:ca": dict.fromkeys(C, "1"),
    "vics:icse": {
        C.BASELINE_1: "1", C.BASELINE_2: "1", C.BASELINE: "1",
        C.NATIONAL_1: "2", C.NATIONAL_2: "2", C.NATIONAL: "2",
    },
}  # fmt: skip
# UK categories 1 to 3 and IWF A to C are the same scale.
_SAME = {("vics:uk", "iwf"): {"1": "A", "2": "B", "3": "C"}, ("iwf", "vics:uk"): {"A": "1", "B": "2", "C": "3"}}
SCALES = tuple(scale for scale in _FROM if scale != "own")
PROFILES = tuple(scale.removeprefix("vics:") for scale in SCALES if scale.startswith("vics:"))


def read(scale: str, code: str) -> Classification | None:
    """Our class of another scale's code; None when the scale has no such code for illegal material."""
    return _FROM[scale].get(code.strip())


def is_unsorted(scale: str, code: str) -> bool:
    """Whether the source says that nobody has sorted it yet: VICS category 0, or none."""
    return scale.startswith("vics:") and code.strip() in {"", "0"}


def told(scale: str, classification: str, *, stated_scale: str = "", stated: str = "") -> str:
    """What an entry is called on `scale`: the code its source stated, else what our class surely means; else ""."""
    if stated and stated_scale == scale:
        return stated
    if stated and (found := _SAME.get((stated_scale, scale), {}).get(stated)):
        return found
    return _TO[scale].get(Classification(classification), "")


def told_all(classification: str, *, stated_scale: str = "", stated: str = "") -> dict[str, str]:
    """Scale -> code, of those scales on which something can be told."""
    found = {s: told(s, classification, stated_scale=stated_scale, stated=stated) for s in SCALES}
    return {scale: code for scale, code in found.items() if code}


def gravity(classification: str) -> str:
    """baseline, national, or "" where nothing is told."""
    return "" if classification == C.UNSORTED else classification.partition("_")[0]


def disagree(one: tuple[str, str, str], other: tuple[str, str, str]) -> bool:
    """Whether two sources say different things of one picture. Each: class, scale and code as stated.

    Baseline and national; two levels (A1 and A2, B1 and B2); two of IWF's categories, in words of VICS UK too. What one
    of them does not tell is no disagreement. Items of the Japanese Act do not exclude each other.
    """
    kinds = one[0], other[0]
    if not all(map(gravity, kinds)):
        return False
    if gravity(kinds[0]) != gravity(kinds[1]) or (kinds[0] != kinds[1] and all("_" in kind for kind in kinds)):
        return True
    first, second = (told("iwf", kind, stated_scale=scale, stated=stated) for kind, scale, stated in (one, other))
    return bool(first and second) and first != second
