"""docs/operations.md names every setting and every retention period as the code has them."""

import re
from pathlib import Path

from mamori.ground.retention import data_classes

ROOT = Path(__file__).resolve().parents[2]
PAPER = (ROOT / "docs" / "operations.md").read_text()
READS = re.compile(r"env\.(?:text|flag|number|items|path|sources)\(\s*f?\"([A-Z_]+)")


def settings_read(source: str) -> set[str]:
    """Names of environment variables a module reads."""
    return set(READS.findall(source))


def rows(heading: str) -> list[list[str]]:
    """Cells of the rows of the table below a heading."""
    part = PAPER.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    lines = [line for line in part.splitlines() if line.startswith("|") and not line.startswith("|-")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[1:]]


def test_every_setting_stands_in_the_table_and_no_other() -> None:
    told = {name for row in rows("Settings") for name in re.findall(r"`([A-Z_]+)`", row[0])}
    read = settings_read((ROOT / "src/mamori/site/settings.py").read_text())
    assert {"DATABASE_URL", "MAMORI_RECHECK_PORT_MAP", "MAMORI_LOG_KEY"} <= read
    passwords = {f"MAMORI_PASSWORD_{face}" for face in ("PUBLIC", "STAFF", "PARTNER", "WORKER")}
    assert told == read | passwords


def test_the_rule_sees_each_way_a_setting_is_read() -> None:
    assert settings_read('env.text("A", ""); int(env.number("B_C", 1))\nx = env.items(\n    "D")') == {"A", "B_C", "D"}


def test_retention_periods_are_those_of_the_code() -> None:
    told = {row[0].strip("`"): row[2] for row in rows("Retention")}
    assert told == {each.name: f"{each.period.days} days" for each in data_classes()}
