"""A plot of ratios from the benchmarks' JSON: how many times the peer, beside what must be reached.

    python -m benchmarks.plot docs/figures/*.json --out docs/figures/known-images.svg

Reads the files that `--json FILE` of matching, hashing and scan wrote. Each goal told as "times" something is a bar on a
logarithmic axis; a tick marks what must be reached.
"""

import argparse
import json
import math
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

ROW, LEFT, WIDTH, TOP = 26, 460, 480, 34


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


def draw(rows: list[Bar]) -> str:
    """An SVG with its own background, legible in light and dark pages."""
    decades = math.ceil(math.log10(max(max(bar.ratio, bar.goal) for bar in rows)))

    def x(value: float) -> float:
        return LEFT + WIDTH * math.log10(max(1.0, value)) / decades

    height = TOP + ROW * len(rows) + 12
    parts = [
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {LEFT + WIDTH + 80} {height}"'
            ' role="img" font-family="sans-serif" font-size="13">'
        ),
        "<title>Times the peer, on a logarithmic axis; the tick is what must be reached</title>",
        '<rect width="100%" height="100%" fill="#fff"/>',
    ]
    for power in range(decades + 1):
        at = x(10**power)
        parts.append(f'<line x1="{at:.1f}" x2="{at:.1f}" y1="{TOP - 8}" y2="{height - 8}" stroke="#ddd"/>')
        parts.append(f'<text x="{at:.1f}" y="{TOP - 14}" text-anchor="middle" fill="#555">{10**power:,}x</text>')
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
    given = parser.parse_args()
    rows = [bar for path in given.results for bar in bars(json.loads(path.read_text()))]
    if not rows:
        parser.error("no ratio with a goal in these files")
    given.out.write_text(draw(rows))


if __name__ == "__main__":
    main()
