"""Guides for people outside stand in English and Japanese, and say the same commands, tables and sections."""

import re
from pathlib import Path

import pytest

GUIDES = Path(__file__).resolve().parents[2] / "docs" / "guides"
OUR_OWN = {"add-a-page", "add-a-state", "add-an-outside-system"}  # for who builds Mamori
PAIRS = [
    (path, path.with_suffix(".ja.md"))
    for path in sorted(GUIDES.rglob("*.md"))
    if not path.name.endswith(".ja.md") and path.stem not in OUR_OWN
]
_BLOCK = re.compile(r"^```.*?^```", re.DOTALL | re.MULTILINE)
_LINK = re.compile(r"\]\(([^)#\s]+)")


def shape(text: str) -> list[str]:
    """Levels of headings and the number of cells of each row of a table, in order."""
    prose = _BLOCK.sub("", text)
    return [
        line.split(" ")[0] if line.startswith("#") else f"{line.count('|')} |"
        for line in prose.splitlines()
        if line.startswith(("#", "|"))
    ]


@pytest.mark.parametrize(("english", "japanese"), PAIRS, ids=lambda path: path.name)
def test_both_say_the_same(english: Path, japanese: Path) -> None:
    texts = english.read_text(), japanese.read_text()
    blocks = [_BLOCK.findall(text) for text in texts]
    assert blocks[0] == blocks[1]
    assert shape(texts[0]) == shape(texts[1])
    assert f"({japanese.name})" in texts[0]
    assert f"({english.name})" in texts[1]


@pytest.mark.parametrize("path", [path for pair in PAIRS for path in pair], ids=lambda path: path.name)
def test_links_lead_somewhere(path: Path) -> None:
    for link in _LINK.findall(_BLOCK.sub("", path.read_text())):
        if "://" not in link:
            assert (path.parent / link).exists(), link


def test_there_are_guides() -> None:
    assert len(PAIRS) > 8
