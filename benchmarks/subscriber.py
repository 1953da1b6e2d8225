"""What one change of a list of a million names costs a subscriber that checks it: `mamori list guard` and `list pull`.

A database with all entries, a signed base edition, the hidden primary, and the partner face on loopback. Each step is one
process of the command, as a subscriber's timer starts it: its seconds, its processor time, and the most memory it held.
First both take in the whole list; then each follows single changes; then both take in a base into which these were
folded. It has no peer: no other system known to us has subscribers check a list before they load it, and goals are by
the clock.

    python -m benchmarks.subscriber --base 1000000 --json FILE
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from benchmarks.common import (
    PYTHON,
    arguments,
    environment,
    finish,
    goal,
    machine,
    median,
    say,
    serving,
)
from benchmarks.publish import Publisher, let_in_all, list_body, subscribers
from demo.platform import Platform

FORMATS = ("rpz.zone", "unbound.conf")
GOALS = {"guard": 5.0, "pull": 60.0}  # seconds, for one change
MEMORY = 2000.0  # MB
_LAUNCH = """\
import json, os, sys, time
began = time.monotonic()
child = os.posix_spawn(sys.argv[1], sys.argv[1:], os.environ)
_, status, used = os.wait4(child, 0)
print(json.dumps([os.waitstatus_to_exitcode(status), time.monotonic() - began, used.ru_utime + used.ru_stime, used.ru_maxrss]))
"""


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--base", type=int, default=1_000_000, help="names in the base (default 1,000,000)")
    parser.add_argument("--changes", type=int, default=5, help="single changes (default 5)")
    given = parser.parse_args()
    result: dict[str, Any] = {"benchmark": "subscriber", "base": given.base, "machine": machine()}
    times: dict[str, float] = {}
    with ExitStack() as stack:
        dns, publisher = list_body(stack, given.base, times, engines=())
        platform = publisher.platform
        serve = [PYTHON, "-m", "mamori", "serve", "partner", "--port", "{port}"]
        env = environment(platform, "partner")
        partner = f"http://127.0.0.1:{stack.enter_context(serving(platform, serve, env, '/api/v1/openapi.json'))}"
        subscriber = Subscriber(platform, partner, dns.list.port)
        steps = list(run(publisher, subscriber, given.changes))
    result |= {"prepared": times, "steps": steps, "ours": summary(steps)}
    result["goals"] = [
        goal(f"{tool}: one change, s", result["ours"][tool]["change_s"], limit) for tool, limit in GOALS.items()
    ]
    result["goals"] += [
        goal(f"{tool}: most memory, MB", found["most_mb"], MEMORY) for tool, found in result["ours"].items()
    ]
    finish(result, given.json)


class Subscriber:
    """Who takes the list both ways: with a TSIG key, and with a token."""

    def __init__(self, platform: Platform, partner: str, primary: int) -> None:
        from mamori.lists.distribution import press

        folder = platform.base / "subscriber"
        folder.mkdir()
        rows = subscribers(platform, {"A resolver": "nxdomain", "A filter": "url"})
        let_in_all(platform, {})
        (_id, key, secret), (_id, _key, token) = rows.values()
        for name, text in (("tsig", f"{key} {secret}\n"), ("token", token)):
            (folder / name).write_text(text)
            (folder / name).chmod(0o600)
        (folder / "root.json").write_bytes(press.keys().roots[0])
        mamori, common = (
            Path(sys.executable).with_name("mamori"),
            ["--token-file", folder / "token", "--root", folder / "root.json"],
        )
        resolver = [
            "--primary",
            f"127.0.0.1@{primary}",
            "--tsig-file",
            folder / "tsig",
            "--canary",
            "canary.mamori.example",
        ]
        formats = [word for name in FORMATS for word in ("--format", name)]
        self._commands = {
            "guard": [mamori, "list", "guard", partner, folder / "guard", *common, *resolver, "--most", "10000000"],
            "pull": [mamori, "list", "pull", partner, folder / "pull", *common, *formats],
        }

    def look(self, tool: str, what: str) -> dict[str, Any]:
        """One process of the tool. SystemExit with its words when it does not end well."""
        done = subprocess.run(
            [sys.executable, "-c", _LAUNCH, *map(str, self._commands[tool])], capture_output=True, text=True, check=True
        )
        *said, last = done.stdout.splitlines()
        code, seconds, processor, most = json.loads(last)
        if code:
            raise SystemExit(f"{tool} ended with {code}: {done.stderr.strip()[-1000:]}")
        say(
            f"{tool}, {what}: {seconds:.1f} s, {processor:.1f} s of a processor, {most / 1024:.0f} MB: {'; '.join(said)}"
        )
        return {
            "tool": tool, "what": what, "seconds": round(seconds, 2), "processor_s": round(processor, 2),
            "mb": round(most / 1024), "said": said,
        }  # fmt: skip


def run(publisher: Publisher, subscriber: Subscriber, changes: int) -> Iterator[dict[str, Any]]:
    from mamori.lists.distribution.services import edition_fold

    def both(what: str) -> Iterator[dict[str, Any]]:
        for tool in GOALS:
            step = subscriber.look(tool, what)
            if not step["said"]:
                raise SystemExit(f"{tool} says nothing of {what}: nothing came in")
            yield step

    yield from both("whole")
    for number in range(changes):
        publisher.add([f"new-{number}.example"])
        yield from both("change")
    if edition_fold() is None:
        raise SystemExit("nothing was folded")
    yield from both("fold")


def summary(steps: list[dict[str, Any]]) -> dict[str, dict[str, float]]:
    found: dict[str, dict[str, float]] = {}
    for tool in GOALS:
        ours = [step for step in steps if step["tool"] == tool]
        found[tool] = {
            f"{what}_s": median([step["seconds"] for step in ours if step["what"] == what])
            for what in ("whole", "change", "fold")
        } | {"most_mb": max(step["mb"] for step in ours)}
    return found


if __name__ == "__main__":
    main()
