"""The report of a trial: one HTML page in Japanese and English with charts, and the same printed."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from html import escape
from pathlib import Path
from typing import Any

from mamori.tools.trial.network import TrialError, last_line, program
from mamori.tools.trial.words import LANGUAGES, WORDS

_WIDE, _LEFT, _ROW, _BAR = 720, 150, 22, 10
_PATIENCE = 120  # seconds for Chromium
_COLOURS = ("#1f5fa8", "#c2571a", "#6b7280")
_STYLE = """
body{font:15px/1.6 "Noto Sans CJK JP","Noto Sans JP",sans-serif;color:#1a1a1a;max-width:820px;margin:2em auto;padding:0 1em}
h1{font-size:1.7em}h2{font-size:1.2em;margin-top:1.8em}table{border-collapse:collapse;width:100%;font-size:.9em}
th,td{border-bottom:1px solid #ccc;padding:.3em .5em;text-align:right;white-space:nowrap}
th:first-child,td:first-child,.facts td{text-align:left}.facts table{width:auto}th{white-space:normal}
.table{overflow-x:auto}svg{width:100%;height:auto}figure{margin:0}figure,.table{break-inside:avoid}h2,figcaption{break-after:avoid}
.lead{font-size:1.1em;border-left:4px solid #1f5fa8;padding-left:.8em}section+section{break-before:page;margin-top:4em}
.note{font-size:.9em;color:#444;break-before:avoid}
.key{display:inline-block;width:.8em;height:.8em;margin:0 .3em 0 0}figcaption span{margin-right:1em}
nav{text-align:right}
@media print{nav{display:none}body{font-size:12px;line-height:1.45;margin:0 auto}section+section{margin-top:0}
th,td{padding:.15em .5em}h2{margin-top:1em}}
@page{size:A4;margin:16mm}
"""


def page(result: Mapping[str, Any]) -> str:
    """The whole report."""
    sections = "".join(_section(result, language, at) for at, language in enumerate(LANGUAGES))
    ways = " · ".join(f'<a href="#{language}" lang="{language}">{name}</a>' for language, name in LANGUAGES.items())
    title = " / ".join(WORDS["title"])
    return (
        f'<!doctype html><html lang="ja"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f"<title>{title}</title><style>{_STYLE}</style></head><body><nav>{ways}</nav><main>{sections}</main></body></html>\n"
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
        command += [f"--print-to-pdf={made}", source.as_uri()]
        try:
            ran = subprocess.run(command, capture_output=True, text=True, check=False, timeout=_PATIENCE)
        except subprocess.TimeoutExpired as error:
            raise TrialError(f"Chromium did not print the report within {_PATIENCE} s") from error
        if ran.returncode or not made.exists():
            raise TrialError(f"Chromium did not print the report: {last_line(ran.stderr)}")
        to.write_bytes(made.read_bytes())


def _section(result: Mapping[str, Any], language: str, at: int) -> str:
    def word(key: str, **fields: object) -> str:
        return escape(WORDS[key][at].format(**fields))

    arms: Mapping[str, Mapping[str, Any]] = result["arms"]
    names = [word(name) for name in arms]
    reasons = ("out_of_reach", "single_page", "not_seen")

    def rows(*cells: Callable[[Mapping[str, Any]], str]) -> Iterable[Sequence[str]]:
        return ([name, *(cell(arm) for cell in cells)] for name, arm in zip(names, arms.values(), strict=True))

    def values(key: str) -> list[float]:
        return [arm[key] for arm in arms.values()]

    parts = [
        f"<h1>{word('title')}</h1><p>{word('intro')}</p><h2>{word('result')}</h2>",
        f'<p class="lead">{_lead(arms, word)}</p>{_controls(result, word)}<p>{word("ungated")}</p>',
        _figure(word("over"), names, [(word("share"), values("over_blocking"))], _percent),
        _table(
            (word("method"), word("share"), word("hosts_hit"), word("pages_hit")),
            rows(
                lambda arm: _percent(arm["over_blocking"]),
                lambda arm: f"{arm['lawful_hosts_refused']:,} / {arm['lawful_hosts']:,}",
                lambda arm: f"{arm['lawful_refused']:,} / {arm['lawful_fetches']:,}",
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
            stacked=True,
        ),
        f'<p class="note">{word("under_how")}</p>',
        _table(
            (word("method"), word("share"), word("reached"), *map(word, reasons)),
            rows(
                lambda arm: _percent(arm["under_blocking"]),
                lambda arm: f"{arm['unlawful_reached']:,} / {arm['unlawful_fetches']:,}",
                *(partial(_reached_by, key) for key in reasons),
            ),
        ),
        _figure(
            word("latency"),
            names,
            [(word("median"), values("latency_p50_ms")), (word("p95"), values("latency_p95_ms"))],
            lambda value: f"{value:+.2f}",
        ),
        f'<p class="note">{word("latency_how")}</p>',
        _figure(
            word("seconds"),
            names,
            [(word(kind), values(f"{kind}_s")) for kind in ("effect", "lift")],
            lambda value: f"{value:.3f}",
        ),
        f"<h2>{word('cost')}</h2>",
        _table(
            (word("method"), word("cpu"), word("memory")),
            rows(
                lambda arm: "{:.2f} ({:.2f})".format(*cpu_ms(arm)),
                lambda arm: f"{arm['rss_mb']:.0f} ({arm['rss_without_mb']:.0f})",
            ),
        ),
        f"<h2>{word('methods')}</h2><ul>",
        *(f"<li><b>{word(name)}</b> ({name}): {word(f'{name}?')}</li>" for name in arms),
        f"</ul><h2>{word('limits')}</h2><ul>",
        f"<li>{word('limit_block', tries=result['tries'])}</li>",
        f"<li>{word('limit_share', clients=round(1 / result['out_of_reach_share']))}</li>",
        f"<li>{word('limit_web', listed=_percent(sum(result['web']['listed_hosts'].values()) / result['web']['hosts']))}</li>",
        f"<li>{word('limit_time')}</li></ul><h2>{word('about')}</h2>",
        _table((), ([word(key), escape(value)] for key, value in _facts(result, word)), "facts"),
    ]
    return f'<section id="{language}" lang="{language}">{"".join(parts)}</section>'


def _lead(arms: Mapping[str, Mapping[str, Any]], word: Callable[..., str]) -> str:
    """What came out for DNS, with its counts."""
    dns = [arm for name, arm in arms.items() if name.startswith("dns-")]
    fetches, reached = (sum(arm[key] for arm in dns) for key in ("unlawful_fetches", "unlawful_reached"))
    refused = max(arm["lawful_hosts_refused"] for arm in dns)
    return word(
        "dns_hit" if refused else "dns_clean",
        refused=f"{refused:,}",
        hosts=f"{min(arm['lawful_hosts'] for arm in dns):,}",
        engines=len(dns),
        fetches=f"{fetches:,}",
        stopped=f"{fetches - reached:,}",
    )


def _controls(result: Mapping[str, Any], word: Callable[..., str]) -> str:
    """What DNS did where the gate's lists have gaps, and without a gate: so that nothing stopped is known for their work.

    A result of an older program may lack them.
    """

    def told(key: str, **fields: object) -> str:
        control = result.get("control", {}).get(key)
        if control is None:
            return word(f"no {key}")
        return word(key, refused=f"{control['lawful_hosts_refused']:,}", hosts=f"{control['lawful_hosts']:,}", **fields)

    gaps = told("dns-unknown-platforms", unknown=f"{result['gate'].get('unknown_to_lists', 0):,}")
    return f"<p>{gaps}</p><p>{told('dns-ungated')}</p>"


def _facts(result: Mapping[str, Any], word: Callable[..., str]) -> Sequence[tuple[str, str]]:
    web, gate = result["web"], result["gate"]
    return (
        ("held", result["held_on"]),
        ("size", word(result["size"])),
        ("seed", str(result["seed"])),
        ("hosts", f"{web['hosts']:,}"),
        ("addresses", f"{web['addresses']:,}"),
        ("sharing", _percent(web["sharing_an_address"])),
        ("pages", f"{web['pages']:,}"),
        ("unlawful", f"{web['unlawful_pages']:,}"),
        ("gate", f"{gate['names_passed']:,} / {gate['pages_passed']:,}"),
        ("refused", f"{sum(gate['refused'].values()):,}"),
        *([("machine", _machine(result["machine"]))] if "machine" in result else []),
        ("faults", f"{sum(arm['faults'] for arm in result['arms'].values()):,}"),
        *([("took", f"{result['seconds']:,.0f}")] if "seconds" in result else []),
        ("load", " / ".join(f"{load:.1f}" for load in result["load_before_and_after"])),
    )


def _machine(found: Mapping[str, Any]) -> str:
    return f"{found['cores']} × {found['cpu']}, {found['memory_gb']} GiB, {found['system']}, {found['commit']}"


def _reached_by(reason: str, arm: Mapping[str, Any]) -> str:
    return f"{arm['unlawful_reached_by'].get(reason, 0):,}"


def _percent(share: float) -> str:
    return f"{100 * share:.2f} %"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]], kind: str = "") -> str:
    top = f"<thead><tr>{''.join(f'<th>{cell}</th>' for cell in head)}</tr></thead>" if head else ""
    body = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in rows)
    return f'<div class="table {kind}"><table>{top}<tbody>{body}</tbody></table></div>'


def _figure(
    title: str,
    names: Sequence[str],
    series: Sequence[tuple[str, Sequence[float]]],
    shown: Callable[[float], str],
    *,
    stacked: bool = False,
) -> str:
    """Bars from a common zero, a group or a stack for each name, with their figures beside them."""
    sums = [sum(each) for each in zip(*(values for _, values in series), strict=True)]
    every = sums if stacked else [value for _, values in series for value in values]
    low, high = min(0.0, *every), max(0.0, *every)
    below = 60 if low < 0 else 0  # room for the figure beside a bar to the left
    unit = (_WIDE - _LEFT - below - 80) / ((high - low) or 1.0)
    zero = _LEFT + below - low * unit
    group = _ROW if stacked else max(_ROW, (_BAR + 4) * len(series) + 8)
    drawn = []
    for row, name in enumerate(names):
        top = row * group + 6
        middle = top + (_BAR if stacked else (_BAR + 4) * len(series) - 4) / 2 + 4
        drawn.append(f'<text x="0" y="{middle:.1f}" font-size="13">{name}</text>')
        begun = zero
        for at, (label, values) in enumerate(series):
            size, y = values[row] * unit, top + (0 if stacked else at * (_BAR + 4))
            drawn.append(
                f'<rect x="{min(begun, begun + size):.1f}" y="{y:.1f}" width="{abs(size):.1f}" height="{_BAR}" '
                f'fill="{_COLOURS[at]}"><title>{name} · {label}: {shown(values[row])}</title></rect>'
            )
            if not stacked:
                drawn.append(_beside(begun + size, y, shown(values[row]), left=size < 0))
            else:
                begun += size
        if stacked:
            drawn.append(_beside(begun, top, shown(sums[row]), left=False))
    keys = "".join(
        f'<span><i class="key" style="background:{_COLOURS[at]}"></i>{label}</span>'
        for at, (label, _) in enumerate(series)
    )
    tall = group * len(names) + 10
    told = "; ".join(
        f"{name}: {', '.join(shown(values[row]) for _, values in series)}" for row, name in enumerate(names)
    )
    return (
        f"<figure><h2>{title}</h2><figcaption>{keys if len(series) > 1 else ''}</figcaption>"
        f'<svg viewBox="0 0 {_WIDE} {tall:.0f}" role="img" aria-label="{title}. {told}">'
        f'<line x1="{zero:.1f}" x2="{zero:.1f}" y1="0" y2="{tall:.0f}" stroke="#999"/>'
        f"{''.join(drawn)}</svg></figure>"
    )


def _beside(x: float, y: float, text: str, *, left: bool) -> str:
    at, anchor = (x - 4, "end") if left else (x + 4, "start")
    return f'<text x="{at:.1f}" y="{y + _BAR - 1:.1f}" font-size="11" text-anchor="{anchor}">{text}</text>'
