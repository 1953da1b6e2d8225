"""What a person tells the public form, and what their browser betrays, is found nowhere in clear afterwards."""

import base64
import os
import re
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from psycopg import sql

from demo.platform import Platform
from demo.processes import run_as_ordinary, wait_until
from demo.visitor import Page, Visitor
from demo.world import World
from tests.platform import rows, superuser_dsn

SOURCE = "127.55.66.77"
"""The address the reporter comes from: another loopback address than all others."""
SECRETS = ("text", "contact", "message", "typed")
CANARIES = ("user_agent", "referer", "cookie", "forwarded", "real_ip", "language")
CODE = re.compile(r"\b\d{4}[ -]\d{4}[ -]\d{4}[ -]\d{4}\b")
CLOCK = re.compile(r"\d\d\d\d-\d\d-\d\d[T ](\d\d:\d\d(?::\d\d(?:\.\d+)?)?)")
EPOCH = re.compile(r"(?<![\w.])1[78]\d{8}(?:\.\d+)?(?![\w])")
Snapshot = dict[str, set[str]]


class Reporter(Visitor):
    """A browser that tells everything about itself, from an address and a port of its own."""

    def __init__(self, base: str, headers: dict[str, str]) -> None:
        super().__init__(base)
        self.headers = headers
        self._pool.connection_pool_kw["source_address"] = (SOURCE, 0)
        self.ports: set[int] = set()

    def _request(self, method: str, url: str, body: str | None, headers: Any) -> Page:
        page = super()._request(method, url, body, {**headers, **self.headers})
        pool = self._pool.connection_from_url(self.base)
        connection = pool._get_conn()
        if connection.sock is not None:
            self.ports.add(connection.sock.getsockname()[1])
        pool._put_conn(connection)
        return page


@dataclass
class Told:
    """One report: what was typed (`typed`: a name and a mark in the address itself), what the headers said, the receipt, what appeared in the database before screening."""

    words: dict[str, str]
    canaries: dict[str, str]
    address: str
    code: str
    ports: set[int]
    new: Snapshot


def snapshot(platform: Platform) -> Snapshot:
    """Every row of every table as text."""
    found: Snapshot = {}
    for (table,) in rows(platform, "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"):
        query = sql.SQL("SELECT t::text FROM {} t").format(sql.Identifier(table))
        found[table] = {row for (row,) in rows(platform, query)}  # type: ignore[arg-type]
    return found


@pytest.fixture(scope="module")
def told(platform: Platform) -> Iterator[Told]:
    """A report and a message through the public face, with the worker at rest until they are stored."""
    words = {name: secrets.token_hex(16) for name in SECRETS}
    canaries = {name: secrets.token_hex(16) for name in CANARIES}
    headers = {
        "User-Agent": f"Browser/{canaries['user_agent']}",
        "Referer": f"https://shapes.example/{canaries['referer']}",
        "Cookie": f"session={canaries['cookie']}",
        "X-Forwarded-For": f"2001:db8::1, {canaries['forwarded']}",
        "Forwarded": f"for={canaries['forwarded']}",
        "X-Real-IP": canaries["real_ip"],
        "Accept-Language": f"en, {canaries['language']}",
    }
    address = f"https://shapes.example/{secrets.token_hex(16)}"
    reporter = Reporter(platform.url("public"), headers)
    platform.program("worker").stop()
    before = snapshot(platform)
    try:
        typed = address.replace("://", f"://{words['typed']}:{words['typed']}@") + f"#{words['typed']}"
        page = reporter.submit(
            "/en/report/", "addresses", {"addresses": typed, "text": words["text"], "contact": words["contact"]}
        )
        wait_until(lambda: _due(page), 5, "the queue's turn")
        page = reporter.post(page, page.form("ticket"), {})
        found = CODE.search(page.text)
        assert found, page.text
        page = reporter.submit("/en/receipt/", "code", {"code": found[0]})
        page = reporter.post(page, page.form("message"), {"message": words["message"]})
        assert "Your message has arrived" in page.text
        after = snapshot(platform)
    finally:
        platform.program("worker").start()
    new = {table: after[table] - before.get(table, set()) for table in after}
    report = rows(platform, "SELECT id FROM intake_report WHERE url = %s", address)[0][0]
    query = "SELECT state FROM intake_report WHERE id = %s"
    wait_until(lambda: rows(platform, query, report) != [("received",)], 60, "the report was not screened")
    yield Told(words, canaries, address, found[0], reporter.ports, new)


def _due(page: Page) -> bool:
    """Whether the ticket's turn, the first number in it, has come."""
    turn = int(page.form("ticket").values["ticket"][0].partition(".")[0])
    return datetime.now().astimezone().timestamp() > turn


def forms(secret: str) -> list[bytes]:
    """A secret as it might lie somewhere: as it is, in capitals, in hex, in base64 at each offset, UTF-16."""
    raw = secret.encode()
    encoded = [
        base64.b64encode(bytes(shift) + raw)[-(-shift * 8 // 6) : (shift + len(raw)) * 8 // 6] for shift in range(3)
    ]
    return [raw, raw.upper(), raw.hex().encode(), secret.encode("utf-16-le"), *encoded]


def files(*folders: Path) -> Iterator[tuple[Path, bytes]]:
    for folder in folders:
        for path in sorted(folder.rglob("*")):
            if path.is_file() and not path.is_symlink():
                try:
                    yield path, path.read_bytes()
                except FileNotFoundError:
                    continue


def found_in(texts: Iterator[tuple[Path, bytes]], wanted: dict[str, str]) -> list[str]:
    """Where any of the secrets lies, in words."""
    patterns = {name: forms(secret) for name, secret in wanted.items()}
    return [
        f"{name} in {path}"
        for path, content in texts
        for name, shapes in patterns.items()
        if any(shape in content for shape in shapes)
    ]


def dump(platform: Platform) -> bytes:
    """What pg_dump, from the server's own binaries, writes of everything."""
    binary = platform.postgres._binaries() / "pg_dump"
    return run_as_ordinary(
        [binary, "--inserts", superuser_dsn(platform)], env={"PATH": os.defpath, "LC_ALL": "C.UTF-8"}
    ).encode()


def hidden(told: Told) -> dict[str, str]:
    return {**told.words, **told.canaries, "source address": SOURCE, "receipt": told.code.replace(" ", "")}


def test_nothing_of_it_lies_in_the_database_files_and_their_log(platform: Platform, told: Told) -> None:
    rows(platform, "CHECKPOINT")
    assert found_in(files(platform.postgres.folder), hidden(told)) == []
    seen = found_in(files(platform.postgres.data), {"address": told.address.rpartition("/")[2]})
    assert any("/base/" in each for each in seen), "the search finds nothing at all: the address is stored in clear"
    assert any("/pg_wal/" in each for each in seen)


def test_nothing_of_it_lies_in_a_dump(platform: Platform, told: Told) -> None:
    text = dump(platform)
    assert found_in(iter([(Path("dump"), text)]), hidden(told)) == []
    assert told.address.encode() in text
    ports = rb"(?<![\w.+-])(%s)(?![\w.-])" % b"|".join(str(port).encode() for port in sorted(told.ports))
    assert told.ports
    assert re.findall(ports, text) == []


def test_nothing_of_it_lies_in_logs_and_temporary_files(platform: Platform, demo_world: World, told: Told) -> None:
    places = (platform.base, demo_world.base)
    assert found_in(files(*places), hidden(told)) == []
    logs = b"".join(content for path, content in files(platform.base / "log") if path.suffix == ".log")
    assert b"mamori" in logs or b"granian" in logs.lower(), "no log was written: nothing was searched"
    for secret in (told.address, *(f":{port}" for port in told.ports)):
        assert secret.encode() not in logs


def test_staff_still_read_what_was_said(platform: Platform, told: Told, visitor: Callable[..., Visitor]) -> None:
    """It is there, sealed: the search above looked for something that exists. Reading leaves no trace of it either."""
    (report,) = rows(platform, "SELECT id::text FROM intake_report WHERE url = %s", told.address)[0]
    staff = visitor("aoki")
    page = staff.get(f"/reports/{report}/")
    for part, words in (("text", ["text"]), ("contact", ["contact"]), ("typed", ["typed"]), ("messages", ["message"])):
        form = next(form for form in page.forms if form.values.get("part") == [part])
        shown = staff.post(page, form, {})
        assert all(told.words[word] in shown.body for word in words)
    rows(platform, "CHECKPOINT")
    assert found_in(files(platform.base, platform.postgres.folder), told.words) == []


def test_no_moment_finer_than_the_hour_is_kept_before_screening(told: Told) -> None:
    wrong = []
    for table, new in told.new.items():
        for row in new:
            fine = [clock for clock in CLOCK.findall(row) if not re.fullmatch(r"\d\d:00(:00(\.0+)?)?", clock)]
            fine += [epoch for epoch in EPOCH.findall(row) if float(epoch) % 3600]
            wrong += [f"{table}: {each} in {row[:300]}" for each in fine]
    assert wrong == []
    assert told.new["intake_submission"]
    assert told.new["intake_report"]
    assert told.new["intake_message"]
    assert told.new["procrastinate_jobs"] == set(), "a job's row tells when the report came"
    assert told.new["audit_event"] == set(), "the log learns of a public report at its screening"


def test_the_log_and_the_report_keep_the_hour_after_screening(platform: Platform, told: Told) -> None:
    found = rows(platform, "SELECT id::text, submission_id::text FROM intake_report WHERE url = %s", told.address)
    report, submission = found[0]
    received = rows(
        platform,
        "SELECT at FROM audit_event WHERE event = 'intake.received' AND subject_id = %s"
        " UNION ALL SELECT received_hour FROM intake_report WHERE id = %s::uuid"
        " UNION ALL SELECT received_hour FROM intake_submission WHERE id = %s::uuid"
        " UNION ALL SELECT sent_hour FROM intake_message WHERE submission_id = %s::uuid",
        report,
        report,
        submission,
        submission,
    )
    assert len(received) == 4
    assert {(at.minute, at.second, at.microsecond) for (at,) in received} == {(0, 0, 0)}


def test_the_search_finds_a_secret_in_each_shape(tmp_path: Path) -> None:
    secret = secrets.token_hex(16)
    for number, shape in enumerate(
        [
            secret.encode(),
            secret.encode().hex().encode(),
            *(base64.b64encode(b"a" * n + secret.encode() + b"bcd") for n in range(3)),
        ]
    ):
        (tmp_path / str(number)).write_bytes(b"before " + shape + b" after")
    assert len(found_in(files(tmp_path), {"secret": secret})) == 5
