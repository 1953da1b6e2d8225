"""Every page of the staff face on a database of 1,000,000 reports and 300,000 content items, and the CSV import on it.

Server time and number of queries of each page, each sort, each choice of each filter, second and last page found on it,
asked through WSGI as a member who may see it, logged in to PostgreSQL as the staff face. Two goals: the p95 of the
slowest page over all its requests, and the median of the slowest single sort or filter. The import is measured against a bare COPY of the
same rows, in alternating rounds.

    python -m benchmarks.desks --json FILE
"""

from __future__ import annotations

import argparse
import json
import logging
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

from benchmarks import records, sealing
from benchmarks.common import (
    arguments,
    django,
    finish,
    goal,
    machine,
    median,
    owner,
    percentile,
    say,
    subcommand,
    timed,
    world,
)
from benchmarks.importing import measure_import
from benchmarks.links import variants
from demo.platform import Platform

LIMIT_MS = 300
EACH = 4  # requests of each sort, filter and further page
ROLES = ("senior_analyst", "analyst", "list_approver", "list_reviewer", "police_liaison", "auditor", "operator")
# What a page's address needs: ids in no order of time (they are random), the busiest content first.
SAMPLES = {
    "content_id": "SELECT content_id FROM (SELECT content_id, count(*) FROM intake_report WHERE content_id IS NOT NULL"
    " GROUP BY 1 ORDER BY 2 DESC LIMIT 5) x UNION ALL (SELECT id FROM assessment_contentitem ORDER BY id LIMIT 40)",
    "report_id": "SELECT id FROM intake_report ORDER BY id LIMIT 40",
    "decision_id": "SELECT id FROM assessment_decision ORDER BY id LIMIT 40",
    "contact_id": "SELECT id FROM tracing_contact ORDER BY id LIMIT 40",
    "notice_id": "SELECT id FROM takedown_notice ORDER BY id LIMIT 40",
    "letter_id": "SELECT id FROM letters_letter ORDER BY id LIMIT 40",
    "referral_id": "SELECT id FROM referral_referral ORDER BY id LIMIT 40",
    "entry_id": "SELECT id FROM listing_entry ORDER BY id LIMIT 40",
    "appeal_id": "SELECT id FROM listing_appeal ORDER BY id LIMIT 40",
    "edition_id": "SELECT id FROM distribution_edition ORDER BY version DESC LIMIT 40",
    "version": "SELECT version FROM distribution_edition ORDER BY version DESC LIMIT 40",
    "subscriber_id": "SELECT id FROM distribution_subscriber ORDER BY id LIMIT 40",
    "organisation_id": "SELECT id FROM accounts_organisation LIMIT 40",
    "user_id": "SELECT id FROM accounts_user LIMIT 40",
    "person_id": "SELECT id FROM accounts_user LIMIT 40",
    "invitation_id": "SELECT id FROM accounts_invitation WHERE accepted_at IS NULL ORDER BY invited_at DESC LIMIT 20",
    "token_id": "SELECT id FROM accounts_token WHERE revoked_at IS NULL",
    "membership_id": "SELECT id FROM accounts_membership LIMIT 40",
    "method": "SELECT unnest(ARRAY['dns', 'url'])",
}
# Pages of one visit that need a secret of their own, not a desk.
NO_DESK = ("accounts_invitation",)


@dataclass(frozen=True)
class Answer:
    """`ms`: until it was there; `work_ms`: time on a processor, of this process and its PostgreSQL process, which other
    work on the machine hardly changes."""

    response: Any
    ms: float
    work_ms: float
    queries: int


@dataclass
class Page:
    """A page: its name, addresses to ask for (several where it has an id), and what was measured of each variant."""

    name: str
    urls: list[str]
    role: str = ""
    missing: list[str] = field(default_factory=list)
    unseen: str = ""
    times: dict[str, list[float]] = field(default_factory=dict)
    work: list[float] = field(default_factory=list)
    queries: int = 0

    def add(self, variant: str, answered: Answer) -> None:
        self.times.setdefault(variant, []).append(answered.ms)
        self.work.append(answered.work_ms)
        self.queries = max(self.queries, answered.queries)

    def figures(self) -> dict[str, Any]:
        """p50 and p95 over all requests, and the slowest variant by its own median."""
        every = [value for values in self.times.values() for value in values]
        slowest = max(self.times, key=lambda name: median(self.times[name]))
        return {
            "page": self.name,
            "role": self.role,
            "requests": len(every),
            "variants": len(self.times),
            "p50_ms": round(percentile(every, 0.5), 1),
            "p95_ms": round(percentile(every, 0.95), 1),
            "work_p95_ms": round(percentile(self.work, 0.95), 1),
            "slowest": slowest,
            "slowest_ms": round(median(self.times[slowest]), 1),
            "queries": self.queries,
        }


def pages(samples: dict[str, list[Any]]) -> Iterator[Page]:
    """All pages of the staff face that can be asked for."""
    from django.urls import URLPattern, reverse

    from mamori.site.faces import pages as listed

    for pattern in listed("STAFF"):
        if not isinstance(pattern, URLPattern) or pattern.name in NO_DESK:
            continue
        kinds = pattern.pattern.converters
        count = max((len(samples.get(name, [])) for name in kinds), default=1)
        rows = [
            {name: _given(samples.get(name, []), n, kind) for name, kind in kinds.items()} for n in range(count or 1)
        ]
        urls = [reverse(pattern.name, kwargs=row or None) for row in rows]
        yield Page(str(pattern.name), urls, missing=[name for name in kinds if not samples.get(name)])


def _given(values: list[Any], n: int, kind: Any) -> Any:
    """The n-th sample; where there is none, a value of the right kind that stands for nothing."""
    return values[n % len(values)] if values else uuid4() if "UUID" in type(kind).__name__ else "1"


def measure(page: Page, clients: dict[str, Any], requests: int) -> None:
    """Ask for the page and its variants as the first role that may see it, then as it opens for each other role."""
    statuses: set[int] = set()
    for role in ROLES:
        urls = [page.urls[n % len(page.urls)] for n in range(EACH)] if page.role else page.urls
        answers = [(url, _ask(clients[role], url)) for url in urls]
        statuses = {answer.response.status_code for _url, answer in answers}
        if statuses == {405} or any(answer.response.streaming for _url, answer in answers):
            return  # it only takes what is sent to it, or is a file to save
        if max(statuses) >= 500:
            raise SystemExit(f"{page.name} answered {statuses}")
        found = [(url, answer) for url, answer in answers if answer.response.status_code == 200]
        for _url, answer in found:
            page.add(f"for {role}" if page.role else "as it opens", answer)
        if found and not page.role:
            page.role = role
            _variants(page, clients[role], [url for url, _answer in found], requests)
    if not page.role:
        page.unseen = f"{statuses}: no sample of {page.missing or 'its state'}"


def _variants(page: Page, client: Any, urls: list[str], requests: int) -> None:
    body = _ask(client, urls[0]).response.getvalue().decode(errors="replace")
    for variant, query in {"as it opens": "", **variants(body)}.items():
        for n in range(EACH if query else requests):
            answer = _ask(client, urls[n % len(urls)] + query)
            if answer.response.status_code == 422 or answer.response.streaming:
                continue  # a form that is no filter: it lacks a word, or leads to a file
            if answer.response.status_code != 200:
                raise SystemExit(f"{page.name}{query} answered {answer.response.status_code}")
            page.add(variant, answer)


def _ask(client: Any, url: str) -> Answer:
    """What a desk keeps for some seconds is computed each time."""
    from django.core.cache import cache
    from django.db import connection

    count = 0

    def counted(execute: Any, *rest: Any) -> Any:
        nonlocal count
        count += 1
        return execute(*rest)

    cache.clear()
    backend = Path(f"/proc/{connection.connection.info.backend_pid}/schedstat")
    with connection.execute_wrapper(counted):
        worked = time.process_time() + int(backend.read_text().split()[0]) / 1e9
        began = time.perf_counter()
        response = client.get(url)
        spent = time.perf_counter() - began
        worked = time.process_time() + int(backend.read_text().split()[0]) / 1e9 - worked
    return Answer(response, spent * 1000, worked * 1000, count)


def _clients() -> dict[str, Any]:
    from django.test import Client

    from mamori.ground.accounts.models import User

    clients = {}
    for role in ROLES:
        clients[role] = Client(headers={"accept-language": "en", "host": "127.0.0.1"})
        clients[role].force_login(User.objects.filter(memberships__role=role).order_by("email")[0])
    return clients


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--reports", type=int, default=1_000_000)
    parser.add_argument("--contents", type=int, default=300_000)
    parser.add_argument("--requests", type=int, default=20, help="of each page as it opens (default 20)")
    parser.add_argument("--only", default="", help="pages whose name begins so; or: import, audit")
    parser.add_argument("--keep", default="", metavar="FOLDER", help="keep the database there, and use it again")
    given = parser.parse_args()
    result: dict[str, Any] = {"benchmark": "desks", "machine": machine()}
    times: dict[str, float] = {}
    with ExitStack() as stack:
        with timed("PostgreSQL, tables, roles", times):
            settings = {"max_wal_size": "4GB", "shared_buffers": "512MB"}
            platform = stack.enter_context(world(settings, given.keep))
        result |= _filled(platform, given)
        with owner(platform) as connection:
            samples = {name: [row[0] for row in _sample(connection, sql)] for name, sql in SAMPLES.items()}
        goals: list[Any] = []
        if given.only in {"", "audit"}:
            result["audit_verify"] = sealing.verify(platform)
        if given.only != "import":
            django(platform, "staff")
            with timed("pages", times):
                result["pages"], goals = _measured(samples, given)
        if given.only in {"", "import"}:
            result["import"] = measure_import(platform)
            goals.append(goal("CSV import, reports/s", result["import"]["reports_per_second"], 2000, at_least=True))
    result |= {"seconds": times, "goals": goals}
    finish(result, given.json)


def _filled(platform: Platform, given: argparse.Namespace) -> dict[str, Any]:
    """Fill the database, unless an earlier run kept it; the worker seals the log and computes the figures."""
    kept = platform.base / "filled.json"
    if not kept.exists():
        subcommand(platform, "manage", "demo.seed", str(platform.keys), "8500")
        with owner(platform) as connection:
            found = records.fill(connection, _values(connection, given))
            size = connection.execute("SELECT pg_size_pretty(pg_database_size(current_database()))").fetchone()
            found["size"] = size[0] if size else ""
        say(f"generated in {found['seconds']} s: {found['size']}")
        kept.write_text(json.dumps({"database": found, "sealing": sealing.seal(platform)}))
    result: dict[str, Any] = json.loads(kept.read_text())
    return result


def _measured(samples: dict[str, list[Any]], given: argparse.Namespace) -> tuple[dict[str, Any], list[Any]]:
    logging.disable(logging.WARNING)  # refusals are part of the search for the right role
    clients = _clients()
    found, unseen = [], []
    for page in pages(samples):
        if page.name.startswith(given.only):
            measure(page, clients, given.requests)
            if page.times:
                found.append(page.figures())
                told = "{page:28} {role:15} {requests:4} requests p50 {p50_ms:6} p95 {p95_ms:6} ms, work {work_p95_ms:5} ms,"
                say((told + " {queries:3} queries; slowest {slowest_ms:6} ms: {slowest}").format(**found[-1]))
            elif page.unseen:
                say(f"not measured: {page.name} {page.unseen}")
                unseen.append(page.name)
    worst = max(found, key=lambda row: row["p95_ms"])
    slow = max(found, key=lambda row: row["slowest_ms"])  # few of a page's requests: they would hide in its p95
    return {"measured": found, "not_measured": unseen}, [
        goal(f"slowest page ({worst['page']}), p95 in ms", worst["p95_ms"], LIMIT_MS),
        goal(f"slowest sort or filter ({slow['page']}: {slow['slowest']}), median in ms", slow["slowest_ms"], LIMIT_MS),
    ]


def _sample(connection: Any, sql: str) -> list[Any]:
    table = sql.split(" FROM ")[1].split(maxsplit=1)[0] if " FROM " in sql else ""
    there = not table or table.startswith("(") or connection.execute("SELECT to_regclass(%s)", [table]).fetchone()[0]
    return connection.execute(sql).fetchall() if there else []


def _values(connection: Any, given: argparse.Namespace) -> dict[str, Any]:
    people = connection.execute(
        "SELECT m.role || row_number() OVER (PARTITION BY m.role ORDER BY u.email), u.id"
        " FROM accounts_user u JOIN accounts_membership m ON m.user_id = u.id"
    )
    ids = {name: str(ident) for name, ident in people.fetchall()}
    return {
        "contents": given.contents,
        "reports": given.reports,
        "analyst": ids["analyst1"],
        "second": ids["analyst2"],
        "senior": ids["senior_analyst1"],
        "police": ids["police_liaison1"],
        "reviewer": ids["list_reviewer1"],
        "approver": ids["list_approver1"],
    }


if __name__ == "__main__":
    main()
