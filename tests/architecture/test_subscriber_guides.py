"""The guides for subscribers fill in every word of the shipped files they use."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
GUIDES = ROOT / "docs" / "guides" / "subscribe"
COMMON = (GUIDES / "README.md").read_text()
FILES = {
    "unbound": ["bind/relay.conf", "unbound/mamori.conf"],
    "bind": ["bind/mamori.conf", "bind/mamori.options.conf", "bind/mamori.logging.conf"],
    "powerdns": ["powerdns/mamori.lua", "powerdns/mamori.conf"],
}


def filled_in(text: str) -> list[str]:
    """Words of the form @WORD@ for which a sed command gives a value."""
    return re.findall(r"s\|(@[A-Z_]+@)\|[^|]+\|g", text)


@pytest.mark.parametrize("engine", FILES)
def test_a_guide_gives_a_value_for_every_word(engine: str) -> None:
    guide = (GUIDES / f"{engine}.md").read_text()
    told = filled_in(COMMON) + filled_in(guide)
    wanted = {word for file in FILES[engine] for word in re.findall(r"@[A-Z_]+@", (ROOT / "deploy" / file).read_text())}
    assert wanted <= set(told)
    for file in FILES[engine]:
        assert f"/opt/mamori/deploy/{file}" in guide or f"{Path(file).name}" in guide


@pytest.mark.parametrize("engine", FILES)
def test_each_has_the_hot_zone_first_and_the_side_zone_last(engine: str) -> None:
    for file in FILES[engine]:
        text = (ROOT / "deploy" / file).read_text()
        places = [
            text.find(f"{quote}{zone}{quote}") for zone in ("hot-@ZONE@", "@ZONE@", "@SIDE_ZONE@") for quote in ('"',)
        ]
        if engine == "unbound" and "rpz:" in text:
            places = [text.find(f"name: {zone}\n") for zone in ("hot-@ZONE@", "@ZONE@", "@SIDE_ZONE@")]
        if "@ZONE@" in text:
            assert -1 < places[0] < places[1] < places[2], file
            block = text.partition("side zone: begin")[2].partition("side zone: end")[0]
            assert block.count("@SIDE_ZONE@") == text.count("@SIDE_ZONE@"), (
                "all its lines go where none was handed over"
            )
    assert "/side zone: begin/,/side zone: end/d" in COMMON
