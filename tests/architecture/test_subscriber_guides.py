"""The guides for subscribers fill in every word of the shipped files they use."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from demo.dns import long_polled
from mamori.engine.formats import FORMATS
from tests.engine.formats.cases import listing

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


@pytest.mark.parametrize("language", ["", ".ja"])
def test_the_guides_sed_puts_the_long_poll_before_the_hot_zone_alone(language: str, tmp_path: Path) -> None:
    """As `tests/demo/test_powerdns.py` runs it."""
    guide = (GUIDES / f"powerdns{language}.md").read_text()
    (program,) = re.findall(r"^sed -i '([^']+)' /etc/powerdns/mamori\.lua", guide, re.MULTILINE)
    shipped = (ROOT / "deploy" / "powerdns" / "mamori.lua").read_text()
    (tmp_path / "mamori.lua").write_text(shipped)
    subprocess.run(["sed", "-i", program, tmp_path / "mamori.lua"], check=True)
    assert (tmp_path / "mamori.lua").read_text() == shipped.replace(*long_polled("127.0.0.1:5301"), 1) != shipped


@pytest.mark.parametrize("language", ["", ".ja"])
def test_the_vendors_guide_finds_what_is_listed_and_nothing_else(language: str, tmp_path: Path) -> None:
    """Its own look_up.py, over the engine's own list of hashes."""
    guide = (GUIDES / f"vendor{language}.md").read_text()
    (program,) = re.findall(r"^cat > /root/look_up\.py <<'END'\n(.*?)^END$", guide, re.DOTALL | re.MULTILINE)
    (canary,) = re.findall(r"/root/look_up\.py (https://\S+)", guide)
    where = "/var/lib/mamori-list/hashes-32.bin"
    assert program.count(where) == 1
    list_file, look_up = tmp_path / "hashes-32.bin", tmp_path / "look_up.py"
    targets = ["canary.mamori.example", "bad.example", "https://page.example/board/1.html"]
    list_file.write_bytes(FORMATS["hashes-32.bin"].write(listing(*targets)).data)
    look_up.write_text(program.replace(where, str(list_file)))

    def told(url: str) -> str:
        done = subprocess.run([sys.executable, look_up, url], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    assert told(canary) == "listed: canary.mamori.example/"
    assert told("http://bad.example/") == told("http://www.bad.example/any") == "listed: bad.example/"
    assert told(targets[2]) == "listed: page.example/board/1.html"
    for url in ("https://page.example/", "https://page.example/board/2.html", "https://good.example/board/1.html",
                "https://notbad.example/", "https://bad.example.org/"):  # fmt: skip
        assert told(url) == "not listed", url
