"""The report of a trial: one HTML page in Japanese and English with charts, and the same printed."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

from mamori.tools.trial.network import TrialError, program
from mamori.tools.trial.words import LANGUAGES, WORDS

_WIDE, _LEFT, _ROW, _BAR = 720, 130, 30, 9
_COLOURS = ("#1f5fa8", "#c2571a", "#6b7280")
_STYLE = """
body{font:15px/1.6 "Noto Sans CJK JP","Noto Sans JP",sans-serif;color:#1a1a1a;max-width:820px;margin:2em auto;padding:0 1em}
h1{font-size:1.7em}h2{font-size:1.2em;margin-top:1.8em}table{border-collapse:collapse;width:100%;font-size:.9em}
th,td{border-bottom:1px solid #ccc;padding:.3em .5em;text-align:right}th:first-child,td:first-child{text-align:left}
.table{overflow-x:auto}svg{width:100%;height:auto}figure{margin:0}figure,tr{break-inside:avoid}h2,figcaption{break-after:avoid}
.lead{font-size:1.1em;border-left:4px solid #1f5fa8;padding-left:.8em}section+section{break-before:page}
.key{display:inline-block;width:.8em;height:.8em;margin:0 .3em 0 1em}
@page{size:A4;margin:16mm}
"""
Word = Callable[[str], str]


def page(result: Mapping[str, Any]) -> str:
    """The whole report."""
    sections = "".join(_section(result, language, at) for at, language in enumerate(LANGUAGES))
    title = " / ".join(WORDS["title"])
    return (
        f'<!doctype html><html lang="ja"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f"<title>{title}</title><style>{_STYLE}</style></head><body><main>{sections}</main></body></html>\n"
    )


def cpu_ms(arm: Mapping[str, Any]) -> tuple[float, float]:
    """Milliseconds of processor time per fetch, with the method and without it."""
    return 1000 * arm["cpu_s"] / arm["lawful_fetches"], 1000 * arm["cpu_without_s"] / arm["lawful_fetches"]


def browser() -> str:
    """Full path of Chromium. TrialError when it is missing."""
    try:
        return program("chromium")
    except TrialError as error:
        raise TrialError(f"{error}: --pdf needs it; --report FILE.html does not") from error


def print_pdf(html: str, to: Path) -> None:
    """Print the report to a PDF file. TrialError where Chromium is missing or fails."""
    with tempfile.TemporaryDirectory(prefix="mamori-report-") as place:
        source, made = Path(place) / "report.html", Path(place) / "report.pdf"
        source.write_text(html, encoding="utf-8")
        command = [
            browser(),
            "--headless",
            "--disable-gpu",
            f"--user-data-dir={place}/profile",
            "--no-pdf-header-footer",
        ]
        if os.geteuid() == 0:
            command.append("--no-sandbox")  # the page is our own and holds no script
        ran = subprocess.run(
            [*command, f"--print-to-pdf={made}", source.as_uri()],
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        if ran.returncode or not made.exists():
            raise TrialError(f"Chromium did not print the report: {ran.stderr.strip()[-500:]}")
        to.write_bytes(made.read_bytes())


def _section(result: Mapping[str, Any], language: str, at: int) -> str:
    def word(key: str, **fields: object) -> str:
        return escape(WORDS[key][at].format(**fields))

    arms, web, gate = result["arms"], result["web"], result["gate"]
    names = list(arms)
    dns = [arm for name, arm in arms.items() if name.startswith("dns-")]
    fetches, refused = (sum(arm[key] for arm in dns) for key in ("lawful_fetches", "lawful_refused"))
    facts = (
        ("held", result["held_on"]),
        ("size", result["size"]),
        ("seed", result["seed"]),
        ("hosts", f"{web['hosts']:,}"),
        ("addresses", f"{web['addresses']:,}"),
        ("sharing", _percent(web["sharing_an_address"])),
        ("pages", f"{web['pages']:,}"),
        ("unlawful", f"{web['unlawful_pages']:,}"),
        ("gate", f"{gate['names_passed']:,} / {gate['pages_passed']:,}"),
        ("refused", sum(gate["refused"].values())),
    )
    reasons = ("out_of_reach", "single_page", "not_seen")
    parts = [
        f"<h1>{word('title')}</h1><p>{word('intro')}</p>",
        _table((), ([word(key), escape(str(value))] for key, value in facts)),
        f"<h2>{word('result')}</h2>",
        f'<p class="lead">{word("dns_hit" if refused else "dns_clean", fetches=f"{fetches:,}", refused=f"{refused:,}")}</p>'
        if dns
        else "",
        f"<p>{word('ungated')}</p>",
        _figure(word("over"), names, [(word("share"), [arms[name]["over_blocking"] for name in names])], _percent),
        _table(
            (word("method"), word("share"), word("count"), word("hosts_hit")),
            (
                [
                    name,
                    _percent(arm["over_blocking"]),
                    f"{arm['lawful_hosts_refused']:,} / {arm['lawful_hosts']:,}",
                    f"{arm['lawful_refused']:,} / {arm['lawful_fetches']:,}",
                ]
                for name, arm in arms.items()
            ),
        ),
        _figure(
            word("under"),
            names,
            [
                (word(key), [arm["unlawful_reached_by"].get(key, 0) / arm["unlawful_fetches"] for arm in arms.values()])
                for key in reasons
            ],
            _percent,
        ),
        _table(
            (word("method"), word("share"), word("count"), *map(word, reasons)),
            (
                [
                    name,
                    _percent(arm["under_blocking"]),
                    f"{arm['unlawful_reached']:,} / {arm['unlawful_fetches']:,}",
                    *(f"{arm['unlawful_reached_by'].get(key, 0):,}" for key in reasons),
                ]
                for name, arm in arms.items()
            ),
        ),
        _figure(
            word("latency"),
            names,
            [
                (word(label), [arm[key] or 0.0 for arm in arms.values()])
                for label, key in (("median", "latency_p50_ms"), ("p95", "latency_p95_ms"))
            ],
            lambda value: f"{value:+.1f}",
        ),
        _figure(
            word("seconds"),
            names,
            [(word(kind), [arm[f"{kind}_s"] for arm in arms.values()]) for kind in ("effect", "lift")],
            lambda value: f"{value:.3f}",
        ),
        f"<h2>{word('cost')}</h2>",
        _table(
            (word("method"), word("cpu"), word("memory")),
            (
                [
                    name,
                    "{:.2f} ({:.2f})".format(*cpu_ms(arm)),
                    f"{arm['rss_mb']:.0f} ({arm['rss_without_mb']:.0f})",
                ]
                for name, arm in arms.items()
            ),
        ),
        f"<h2>{word('methods')}</h2>",
        "<ul>" + "".join(f"<li><b>{name}</b>: {word(name)}</li>" for name in names) + "</ul>",
        (
            f"<h2>{word('limits')}</h2><ul><li>{word('limit_share', clients=round(1 / result['out_of_reach_share']))}</li>"
            f"<li>{word('limit_web')}</li><li>{word('limit_time')}</li></ul>"
        ),
    ]
    return f'<section lang="{language}">{"".join(parts)}</section>'


def _percent(share: float) -> str:
    return f"{100 * share:.2f} %"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    top = f"<thead><tr>{''.join(f'<th>{cell}</th>' for cell in head)}</tr></thead>" if head else ""
    body = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in rows)
    return f'<div class="table"><table>{top}<tbody>{body}</tbody></table></div>'


def _figure(
    title: str, names: Sequence[str], series: Sequence[tuple[str, Sequence[float]]], shown: Callable[[float], str]
) -> str:
    """Bars from a common zero, a group for each name; each with its figure beside it."""
    every = [value for _, values in series for value in values]
    low, high = min(0.0, *every), max(0.0, *every)
    room = _WIDE - _LEFT - 90
    unit = room / ((high - low) or 1.0)
    zero = _LEFT + (70 if low < 0 else 0) - low * unit * (0.85 if low < 0 else 1)
    unit *= 0.85 if low < 0 else 1
    group = max(_ROW, _BAR * len(series) * 1.5 + 10)
    drawn = []
    for row, name in enumerate(names):
        top = row * group + 6
        drawn.append(f'<text x="0" y="{top + group / 2:.0f}" font-size="13">{escape(name)}</text>')
        for at, (label, values) in enumerate(series):
            size, y = values[row] * unit, top + at * _BAR * 1.5
            x, end = min(zero, zero + size), max(zero, zero + size)
            drawn.append(
                f'<rect x="{x:.1f}" y="{y:.1f}" width="{max(abs(size), 1):.1f}" height="{_BAR}" fill="{_COLOURS[at]}">'
                f"<title>{escape(name)} · {label}: {shown(values[row])}</title></rect>"
                f'<text x="{end + 4:.1f}" y="{y + _BAR:.1f}" font-size="10">{shown(values[row])}</text>'
            )
    keys = "".join(
        f'<span class="key" style="background:{_COLOURS[at]}"></span>{label}' for at, (label, _) in enumerate(series)
    )
    tall = group * len(names) + 10
    told = "; ".join(
        f"{name}: {', '.join(shown(values[row]) for _, values in series)}" for row, name in enumerate(names)
    )
    return (
        f'<figure><h2>{title}</h2><figcaption>{keys}</figcaption><svg viewBox="0 0 {_WIDE} {tall:.0f}" role="img" '
        f'aria-label="{title}. {escape(told)}"><line x1="{zero:.1f}" x2="{zero:.1f}" y1="0" y2="{tall:.0f}" stroke="#999"/>'
        f"{''.join(drawn)}</svg></figure>"
    )
