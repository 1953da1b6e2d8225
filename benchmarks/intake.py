"""Intake under 16 connections, against a bare Starlette + psycopg service that does the same (`benchmarks/peer.py`).

Rounds alternate between the two on one PostgreSQL; figures are medians of the rounds.

    python -m benchmarks.intake --json FILE
"""

from __future__ import annotations

import hashlib
import json
import os
import random
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode
from uuid import uuid4

import altcha

from benchmarks.client import Client, Round
from benchmarks.common import (
    PYTHON,
    arguments,
    django,
    environment,
    finish,
    goal,
    machine,
    median,
    owner,
    percentile,
    say,
    serving,
    timed,
    world,
)
from demo.platform import Platform

CONNECTIONS = 16
WORDS = "I saw this linked in a public forum. The page asks visitors to pass it on. "


@dataclass
class Row:
    """One way in: requests of a round, and what came of each round by server."""

    name: str
    count: int
    reports: int
    status: int
    build: Callable[[], bytes]
    rounds: dict[str, list[Round]] = field(default_factory=lambda: {"mamori": [], "peer": []})

    def figures(self, side: str) -> dict[str, float]:
        rounds = self.rounds[side]
        return {
            "requests_per_second": round(median([r.per_second for r in rounds]), 1),
            "reports_per_second": round(median([r.per_second for r in rounds]) * self.reports, 1),
            **{
                f"p{share}_ms": round(median([percentile(r.latencies, share / 100) for r in rounds]) * 1000, 1)
                for share in (50, 95, 99)
            },
        }


def http(path: str, headers: dict[str, str], body: bytes) -> bytes:
    """A POST, ready to be sent."""
    lines = [f"POST {path} HTTP/1.1", "Host: 127.0.0.1", f"Content-Length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return ("\r\n".join(lines) + "\r\n\r\n").encode() + body


def _address() -> str:
    return f"https://site{random.randrange(50_000)}.example/gallery/{uuid4().hex}?page={random.randrange(100)}"


def _batch(token: str, reports: int) -> bytes:
    body = {"reports": [{"url": _address(), "seen_at": "2026-11-24", "comment": WORDS} for _ in range(reports)]}
    headers = {
        "Authorization": f"Bearer {token}",
        "Content-Type": "application/json",
        "Idempotency-Key": uuid4().hex,
    }
    return http("/api/v1/reports", headers, json.dumps(body).encode())


def proof() -> str:
    """A solved challenge. The search is the browser's work, so it is spared here: the key comes from one SHA-256.

    It is signed with the server's own secrets, and the server checks all it ever checks.
    """
    from benchmarks.peer import pow_key

    def derive(_parameters: object, salt: bytes, password: bytes) -> bytes:
        return hashlib.sha256(salt + password).digest()

    counter = random.randrange(40, 240)
    made = altcha.create_challenge(
        "PBKDF2/SHA-256",
        5000,
        derive_key=derive,
        counter=counter,
        expires_at=datetime.now(UTC).replace(minute=0, second=0, microsecond=0) + timedelta(hours=12),
        hmac_secret=pow_key("challenge"),
        hmac_key_secret=pow_key("solution"),
    )
    salt, password = bytes.fromhex(made.parameters.salt), bytes.fromhex(made.parameters.nonce) + counter.to_bytes(4)
    key = derive(None, salt, password).hex()
    return altcha.Payload(made, altcha.Solution(counter, key)).to_base64()


def _form() -> bytes:
    given = {
        "addresses": _address(),
        "text": WORDS,
        "seen_on": "2026-11-24",
        "contact": "reporter@mail.example",
        "proof": proof(),
        "ticket": "",
    }
    headers = {"Content-Type": "application/x-www-form-urlencoded", "Accept-Language": "en"}
    return http("/en/report/", headers, urlencode(given).encode())


def _token(platform: Platform) -> str:
    django(platform, "manage")
    from mamori.ground.accounts import services
    from mamori.ground.accounts.models import Organisation
    from mamori.ground.actors import SYSTEM

    partner = services.organisation_create(actor=SYSTEM, name="A partner", kind=Organisation.Kind.PROVIDER)
    return services.token_create(actor=SYSTEM, organisation_id=partner.id, title="benchmark", scopes=["reports.write"])


def _servers(stack: ExitStack, platform: Platform) -> Iterator[tuple[str, str, list[int]]]:
    """(side, face, ports): ours as `mamori serve` starts it, with two processes; the peer as two uvicorn processes.

    Each of the peer's has a port of its own and half of the connections: two workers on one socket leave nearly all
    connections to the first of them.
    """
    for face, probe in (("partner", "/api/v1/openapi.json"), ("public", "/en/")):
        env = environment(platform, face)
        ours = [PYTHON, "-m", "mamori", "serve", face, "--port", "{port}", "--workers", "2"]
        yield "mamori", face, [stack.enter_context(serving(platform, ours, env, probe))]
        bare = [PYTHON, "-m", "uvicorn", "benchmarks.peer:app", "--port", "{port}"]
        bare += ["--no-access-log", "--log-level", "warning"]
        yield "peer", face, [stack.enter_context(serving(platform, bare, env, "/alive")) for _worker in range(2)]


def _stored(platform: Platform) -> int:
    with owner(platform) as connection:
        [(reports,)] = connection.execute("SELECT count(*) FROM intake_report").fetchall()
        return int(reports)


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--rounds", type=int, default=7, help="measured rounds of each side (default 7)")
    parser.add_argument("--scale", type=float, default=1.0, help="requests a round, as a share of the usual")
    parser.add_argument("--only", help="api, batch or form")
    given = parser.parse_args()
    result: dict[str, object] = {"benchmark": "intake", "machine": machine(), "connections": CONNECTIONS}
    times: dict[str, float] = {}
    with ExitStack() as stack:
        with timed("PostgreSQL, tables, roles", times):
            platform = stack.enter_context(world())
        token = _token(platform)
        os.environ.update(environment(platform, "manage"))
        with timed("servers", times):
            ports = {(side, face): found for side, face, found in _servers(stack, platform)}
        client = stack.enter_context(Client())
        rows = {
            "api": Row("API, 1 report a batch", 1500, 1, 201, lambda: _batch(token, 1)),
            "batch": Row("API, 100 reports a batch", 120, 100, 201, lambda: _batch(token, 100)),
            "form": Row("public form", 500, 1, 200, _form),
        }
        before = _stored(platform)
        acknowledged = 0
        for name, row in rows.items():
            if given.only in {None, name}:
                with timed(row.name, times):
                    acknowledged += _alternate(row, "public" if name == "form" else "partner", ports, client, given)
        stored = _stored(platform) - before
    result |= {"seconds": times, "acknowledged": acknowledged, "stored": stored}
    result["rows"] = [_told(row) for row in rows.values() if row.rounds["peer"]]
    result["goals"] = [goal("reports acknowledged and not stored", acknowledged - stored, 0), *_goals(rows)]
    finish(result, given.json)


def _alternate(row: Row, face: str, ports: dict[tuple[str, str], list[int]], client: Client, given: object) -> int:
    """A warm-up and the measured rounds, who begins taking turns. Returns the reports acknowledged."""
    acknowledged = 0
    count = max(CONNECTIONS, int(row.count * given.scale))  # type: ignore[attr-defined]
    for number in range(given.rounds + 1):  # type: ignore[attr-defined]
        for side in ("mamori", "peer") if number % 2 else ("peer", "mamori"):
            done = client.round(ports[side, face], [row.build() for _ in range(count)], CONNECTIONS)
            if done.statuses != {row.status: count}:
                raise SystemExit(f"{side} answered {done.statuses} to {count} requests of {row.name}")
            acknowledged += count * row.reports
            if number:
                row.rounds[side].append(done)
    return acknowledged


def _told(row: Row) -> dict[str, object]:
    ours, peer = row.figures("mamori"), row.figures("peer")
    ratio = round(ours["requests_per_second"] / peer["requests_per_second"], 3)
    p99 = round(ours["p99_ms"] / peer["p99_ms"], 2)
    say(f"{row.name}: {ours}")
    say(f"{'the peer':>{len(row.name)}}: {peer}; ratio {ratio}, p99 x {p99}")
    return {"row": row.name, "mamori": ours, "peer": peer, "ratio": ratio, "p99_times": p99}


def _goals(rows: dict[str, Row]) -> list[dict[str, object]]:
    goals = []
    for name, least in (("api", 0.5), ("form", 0.3)):
        if rows[name].rounds["peer"]:
            ours, peer = rows[name].figures("mamori"), rows[name].figures("peer")
            ratio = ours["requests_per_second"] / peer["requests_per_second"]
            goals.append(goal(f"{rows[name].name}: requests/s against the peer", ratio, least, at_least=True))
            goals.append(goal(f"{rows[name].name}: p99 against the peer", ours["p99_ms"] / peer["p99_ms"], 5))
    return goals


if __name__ == "__main__":
    main()
