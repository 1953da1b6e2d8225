"""A plot of ratios from the benchmarks' JSON, on a logarithmic axis; a tick marks what must be reached.

    python -m benchmarks.plot docs/figures/{hashing,index*,matching*,scan}.json --out docs/figures/known-images.svg
    python -m benchmarks.plot --goals docs/figures/{addresses,formats,publish}.json --out docs/figures/address-list.svg

Reads the files that `--json FILE` of the benchmarks wrote. Each goal told as "times" something is a bar: how many times the
peer. With `--goals` every goal is one: how many times as good as it must be (seconds, megabytes and octets count downwards).
"""

import argparse
import json
import math
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

ROW, LEFT, WIDTH, TOP = 26, 460, 480, 34
PEER, GOALS = "Times the peer", "Times as good as it must be"


@dataclass(frozen=True)
class Bar:
    """One ratio: how many times the peer, and the least it must be."""

    name: str
    ratio: float
    goal: float


def bars(found: dict[str, Any]) -> list[Bar]:
    """The goals of one result that are ratios to be reached."""
    goals: list[dict[str, Any]] = found.get("goals", [])
    size = f"{found['size'] // 1_000_000}M " if "size" in found else ""
    return [
        Bar(size + each["what"], each["value"], each["limit"])
        for each in goals
        if each["at_least"] and "times" in each["what"]
    ]


def against_goals(found: dict[str, Any]) -> list[Bar]:
    """All goals of one result that are numbers above zero, as how many times as good as they must be."""
    return [
        Bar(
            each["what"],
            each["value"] / each["limit"] if each["at_least"] else each["limit"] / each["value"],
            1.0,
        )
        for each in found.get("goals", [])
        if each["value"] > 0 and each["limit"] > 0
    ]


def draw(rows: list[Bar], title: str = PEER) -> str:
    """An SVG with its own background, legible in light and dark pages."""
    first = min(0, math.floor(math.log10(min(bar.ratio for bar in rows))))
    decades = max(1, math.ceil(math.log10(max(max(bar.ratio, bar.goal) for bar in rows)))) - first

    def x(value: float) -> float:
        return LEFT + WIDTH * (math.log10(max(10.0**first, value)) - first) / decades

    height = TOP + ROW * len(rows) + 12
    parts = [
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {LEFT + WIDTH + 80} {height}"'
            ' role="img" font-family="sans-serif" font-size="13">'
        ),
        f"<title>{title}, on a logarithmic axis; the tick is what must be reached</title>",
        '<rect width="100%" height="100%" fill="#fff"/>',
    ]
    for power in range(first, first + decades + 1):
        at = x(10.0**power)
        parts.append(f'<line x1="{at:.1f}" x2="{at:.1f}" y1="{TOP - 8}" y2="{height - 8}" stroke="#ddd"/>')
        parts.append(f'<text x="{at:.1f}" y="{TOP - 14}" text-anchor="middle" fill="#555">{10.0**power:,g}x</text>')
    for place, bar in enumerate(rows):
        y = TOP + ROW * place
        fill = "#1f6f78" if bar.ratio >= bar.goal else "#b3541e"
        parts += [
            f'<text x="{LEFT - 8}" y="{y + 16}" text-anchor="end" fill="#222">{escape(bar.name)}</text>',
            f'<rect x="{LEFT}" y="{y + 4}" width="{x(bar.ratio) - LEFT:.1f}" height="{ROW - 10}" fill="{fill}"/>',
            f'<text x="{x(bar.ratio) + 6:.1f}" y="{y + 16}" fill="#222">{bar.ratio:,.3g}x</text>',
            f'<line x1="{x(bar.goal):.1f}" x2="{x(bar.goal):.1f}" y1="{y + 1}" y2="{y + ROW - 3}" stroke="#111" stroke-width="2"/>',
        ]
    return "\n".join([*parts, "</svg>", ""])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("results", type=Path, nargs="+")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--goals", action="store_true", help="every goal, against what must be reached")
    given = parser.parse_args()
    read = against_goals if given.goals else bars
    rows = [bar for path in given.results for bar in read(json.loads(path.read_text()))]
    if not rows:
        parser.error("no ratio with a goal in these files")
    given.out.write_text(draw(rows, GOALS if given.goals else PEER))


if __name__ == "__main__":
    main()
