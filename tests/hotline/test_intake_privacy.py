"""What the public face keeps of a reporter: measured at a served face that logs in as the public database role."""

import base64
import http.client
import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import psycopg
import pytest
from django.db import connection

from mamori.ground import clock, jobs
from mamori.hotline.intake.models import Report, Submission
from mamori.site import database
from tests.hotline.intake_steps import code_of, solve

MARKER = "c0ffee5eed00bade" * 2  # 128 bits
FORMS = (MARKER, MARKER.encode().hex(), base64.b64encode(MARKER.encode()).decode().rstrip("=")[:-1])
CANARIES = {
    "User-Agent": "canary-agent-731948261507",
    "Referer": "https://canary-referrer-731948261507.example/",
    "Cookie": "sessionid=canary-cookie-731948261507; csrftoken=canary-cookie-731948261507",
    "X-Forwarded-For": "203.0.113.73",
    "Forwarded": "for=203.0.113.73",
    "Accept-Language": "en, tlh;q=0.731948261507",
}
FROM = "127.0.0.73"


@dataclass
class Face:
    """A served public face: its port, and what it wrote to its log."""

    port: int
    log: Path
    password: str = field(repr=False)

    def ask(self, method: str, path: str, fields: dict[str, str] | None = None) -> tuple[int, dict[str, str], bytes]:
        """One request with all canaries, from an address of its own."""
        line = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30, source_address=(FROM, 0))
        body = urlencode(fields) if fields is not None else None
        headers = {**CANARIES, "Content-Type": "application/x-www-form-urlencoded"}
        line.request(method, path, body, headers)
        answer = line.getresponse()
        content = answer.read()
        line.close()
        return (
            answer.status,
            {k: v for k, v in answer.getheaders() if k not in {"date", "Date", "Expires", "expires"}},
            content,
        )

    def send(self, **fields: str) -> tuple[dict[str, str], bytes]:
        """Report with a proof of work. Returns headers and page."""
        proof = solve(self.ask("GET", "/en/report/")[2].decode())
        status, headers, page = self.ask("POST", "/en/report/", {**fields, "proof": proof})
        assert status == 200, page.decode()
        return headers, page


@pytest.fixture
def face(transactional_db: None, tmp_path: Path) -> Iterator[Face]:
    passwords = {role: f"{role}-of-a-test" for role in database.ROLES}
    database.create_roles(passwords)
    database.apply_grants()
    url = urlsplit(os.environ["DATABASE_URL"])
    name = connection.settings_dict["NAME"]
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {
        **os.environ,
        "DATABASE_URL": f"postgresql://{database.role_name('public')}:{passwords['public']}@{url.hostname}:{url.port}/{name}",
        "MAMORI_FACE": "public",
        "MAMORI_STATIC_ROOT": str(tmp_path / "static"),
        "MAMORI_SEAL_PRIVATE_KEY": "",
        "PYTHONPATH": os.pathsep.join(sys.path),
    }
    collect = {**environment, "MAMORI_FACE": "manage"}
    subprocess.run(
        [sys.executable, "-m", "django", "collectstatic", "--noinput", "--settings=mamori.site.settings"],
        env=collect,
        check=True,
        capture_output=True,
    )
    log = tmp_path / "log"
    command = [
        "-m",
        "granian",
        "--interface",
        "wsgi",
        "--host",
        "127.0.0.1",
        "--port",
        str(port),
        "mamori.site.wsgi:application",
    ]
    with log.open("wb") as out:
        process = subprocess.Popen([sys.executable, *command], env=environment, stdout=out, stderr=out)
    try:
        _wait(port, process, log)
        yield Face(port, log, passwords["public"])
    finally:
        process.terminate()
        process.wait(20)


def _wait(port: int, process: "subprocess.Popen[bytes]", log: Path) -> None:
    until = time.monotonic() + 30
    while time.monotonic() < until and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise AssertionError(log.read_text())


def everything() -> str:
    """Every row of every table as text; bytes in hex."""
    text = []
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'django_migrations'"
        )
        for (table,) in cursor.fetchall():
            cursor.execute(f'SELECT t::text FROM "{table}" t')
            text.extend(f"{table}: {row[0]}" for row in cursor.fetchall())
    return "\n".join(text)


def test_a_secret_in_any_field_is_nowhere_in_clear_and_nothing_tells_of_the_visitor(face: Face) -> None:
    fields = {
        "addresses": f"https://user:{MARKER}@site.example/page#{MARKER}",
        "text": f"text {MARKER}",
        "contact": f"contact {MARKER}",
    }
    stood = set(everything().splitlines())
    headers, page = face.send(**fields)
    assert {name.lower(): value for name, value in headers.items()}["referrer-policy"] == "no-referrer"
    assert "set-cookie" not in {name.lower() for name in headers}
    code = code_of(page)
    looked = face.ask("POST", "/en/receipt/", {"code": code})[2].decode()
    once = re.search(r'name="once" value="(\w+)"', looked)
    assert once
    answered = face.ask("POST", "/en/receipt/", {"code": code, "once": once[1], "message": f"message {MARKER}"})
    assert MARKER in answered[2].decode()
    wrong = face.ask("POST", "/en/report/", {"addresses": f"nonsense {MARKER}", "text": MARKER})
    assert wrong[0] == 422
    face.ask("GET", f"/en/none/{MARKER}")

    before = everything()
    jobs.run_sweep("intake.screen_new")
    for rows in (before, everything(), face.log.read_text()):
        for form in FORMS:
            assert form not in rows
        for canary in ("canary", "203.0.113.73", FROM, "731948261507"):
            assert canary not in rows
        assert code not in rows
        assert code.replace("-", "") not in rows
    assert "site.example/page" in before
    assert "site.example" not in face.log.read_text()

    came = "\n".join(row for row in before.splitlines() if row not in stood)
    moments = re.findall(r"\d{4}-\d\d-\d\d \d\d:(\d\d:\d\d[.\d]*)", came)
    assert moments
    assert set(moments) == {"00:00"}
    tables = {row.partition(":")[0] for row in came.splitlines()}
    assert not {t for t in tables if t.startswith(("procrastinate_", "audit_"))}


def test_the_public_role_writes_reports_and_reads_none(face: Face) -> None:
    face.send(addresses="https://site.example/a", text="words")
    url = urlsplit(os.environ["DATABASE_URL"])
    with psycopg.connect(
        host=url.hostname,
        port=url.port,
        dbname=connection.settings_dict["NAME"],
        user=database.role_name("public"),
        password=face.password,
        autocommit=True,
    ) as public:
        for query in (
            "SELECT url FROM intake_report",
            "SELECT sealed_text FROM intake_submission",
            "SELECT source FROM intake_submission",
            "SELECT sealed FROM intake_message",
            "SELECT wrapped FROM sealed_datakey",
            "SELECT * FROM intake_oneuse",
            "SELECT * FROM intake_daycount",
            "SELECT * FROM assessment_contentitem",
            "UPDATE intake_submission SET released_hour = NULL",
            "DELETE FROM intake_oneuse",
        ):
            with pytest.raises((psycopg.errors.InsufficientPrivilege, psycopg.errors.UndefinedTable)):
                public.execute(query)


def test_known_unknown_and_held_addresses_are_answered_alike(face: Face) -> None:
    for path in ("known", "heldd"):
        face.send(addresses=f"https://site.example/{path}")
    jobs.run_sweep("intake.screen_new")
    Report.objects.filter(url__endswith="known").update(state="closed", outcome="removed", closed_at=clock.now())
    Submission.objects.filter(reports__url__endswith="heldd").update(legal_hold=True)
    answers: dict[str, set[Any]] = {}
    for _round in range(5):
        for path in ("known", "heldd", "fresh"):
            headers, page = face.send(addresses=f"https://site.example/{path}")
            same = re.sub(rb"\d{4}-\d{4}-\d{4}-\d{4}", b"code", page)
            answers.setdefault(path, set()).add((same, len(page), tuple(sorted(headers.items()))))
    assert len(set.union(*answers.values())) == 1
