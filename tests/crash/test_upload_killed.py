"""A file is given on the page of imports, and the worker that reads it is killed -9 half-way, three times."""

import re
import time

import pytest
from urllib3 import PoolManager
from urllib3.filepost import encode_multipart_formdata

from demo.people import person
from demo.platform import Platform
from demo.visitor import Page, Visitor
from tests.crash.load import until
from tests.platform import rows

pytestmark = pytest.mark.crash
LINES = 120_000
KILLS = 3


def given_file(visitor: Visitor, body: bytes, **fields: str) -> Page:
    """The form of imports with a file, and the page it leads to."""
    page = visitor.get("/bank/imports/")
    values = {name: value[0] for name, value in page.form("profile").values.items()}
    told, kind = encode_multipart_formdata(values | fields | {"file": ("list.txt", body, "text/plain")})
    cookies = "; ".join(f"{name}={value}" for name, value in visitor.cookies.items())
    headers = {"Content-Type": kind, "Cookie": cookies, "Referer": page.url}
    answer = PoolManager().request("POST", page.url, body=told, headers=headers, redirect=False, timeout=60)
    assert answer.status == 302, answer.data.decode()
    return visitor.get(answer.headers["Location"])


def test_what_was_read_stays_and_the_next_worker_reads_the_rest(house: Platform) -> None:
    visitor = Visitor(house.url("staff"))
    visitor.log_in(person("chiba"))
    own = {"code": "own", "name": "Our own", "kind": "hotline"}
    visitor.submit("/bank/sources/", "code", own)
    body = "".join(f"{number:032x}\n" for number in range(LINES)).encode()
    page = given_file(visitor, body, source="own", format="md5", kind="image", profile="us")
    assert re.search(r"of 120,000 records read", page.text)

    def run() -> tuple[str, int, int]:
        return rows(house, "SELECT state, read, added FROM fingerprints_importrun")[0]

    worker, read = house.program("worker"), 0
    for _kill in range(KILLS):
        until_more(house, read)
        worker.kill9()
        state, read, added = run()
        assert state == "running"
        assert 0 < read < LINES
        assert added == read == rows(house, "SELECT count(*) FROM fingerprints_entry")[0][0]
        (left,) = rows(house, "SELECT count(*) FROM fingerprints_importpiece")[0]
        assert left == (LINES - read) / 5000
        assert f"{read:,} of 120,000 records read" in visitor.get(page.url).text
        worker.start()
    until(lambda: run()[0] == "done", 120, "the import is not read to its end")
    assert run() == ("done", LINES, LINES)
    assert rows(house, "SELECT count(*), count(DISTINCT source_ref) FROM fingerprints_entry") == [(LINES, LINES)]
    assert rows(house, "SELECT count(*), count(DISTINCT value) FROM fingerprints_fingerprint") == [(LINES, LINES)]
    assert rows(house, "SELECT count(*), count(DISTINCT entry_id) FROM fingerprints_change") == [(LINES, LINES)]
    assert rows(house, "SELECT count(*) FROM fingerprints_importpiece") == [(0,)]
    assert "Read" in visitor.get(page.url).text


def until_more(house: Platform, read: int) -> None:
    """Wait until a batch more than `read` is kept."""
    end = time.monotonic() + 120
    while rows(house, "SELECT read FROM fingerprints_importrun")[0][0] <= read:
        assert time.monotonic() < end, house.program("worker").tail()
        time.sleep(0.02)
