"""Google's own Go client, unchanged, takes the list from a really served partner face.

Its source is not part of this project. MAMORI_SAFEBROWSING_SOURCE names a checkout of github.com/google/safebrowsing;
it is built with the Go compiler of Debian (golang-go). docs/guides/list-formats.md tells how.
"""

import os
import shutil
import subprocess
import threading
import urllib.request
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from mamori.ground.accounts.models import Organisation
from tests.engine.hashlists import reader
from tests.lists.cases import write_formats
from tests.lists.exchange.conftest import Processes, processes, token_of
from tests.programs import needs, program

__all__ = ["processes"]

SOURCE = os.environ.get("MAMORI_SAFEBROWSING_SOURCE", "")
pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(not SOURCE, reason="MAMORI_SAFEBROWSING_SOURCE names no checkout of google/safebrowsing"),
    needs("go"),
]
MAIN = Path(__file__).with_name("google_client") / "main.go"
PAGE = "https://page.example/board/1.html"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Name of the fixture `processes` asks for."""
    return tmp_path / "images"


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The built client."""
    base = tmp_path_factory.mktemp("google")
    shutil.copytree(SOURCE, base / "source", ignore=shutil.ignore_patterns(".git"))
    place = base / "source" / "cmd" / "mamori"
    place.mkdir()
    shutil.copy(MAIN, place)
    environment = {
        **os.environ,
        "GOFLAGS": "-mod=vendor",
        "GOCACHE": str(base / "cache"),
        "GOPROXY": "off",
        "GO111MODULE": "on",
    }
    subprocess.run(
        [program("go"), "build", "-o", base / "client", "./cmd/mamori"],
        cwd=base / "source", env=environment, check=True, timeout=600,
    )  # fmt: skip
    return base / "client"


class Between(BaseHTTPRequestHandler):
    """Passes requests on and keeps the answers to updates."""

    server: "Line"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        request = urllib.request.Request(
            self.server.target + self.path, body, {"Content-Type": self.headers["Content-Type"]}
        )
        with urllib.request.urlopen(request, timeout=20) as answer:
            data = answer.read()
        self.server.seen.append((self.path.partition("?")[0], data))
        self.send_response(200)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        """Nothing is logged."""


class Line(ThreadingHTTPServer):
    target: str
    seen: list[tuple[str, bytes]]

    def kinds(self) -> list[list[int]]:
        """Of each update so far, whether its lists came as a part (1) or whole (2)."""
        updates = [data for path, data in self.seen if path == "/v4/threatListUpdates:fetch"]
        return [[reader.one(reader.proto(each), 4) for each in reader.proto(data)[1]] for data in updates]


@pytest.fixture
def line() -> Iterator[Line]:
    server = Line(("127.0.0.1", 0), Between)
    server.seen = []
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def test_googles_client_takes_the_list_then_its_changes_and_asks_for_whole_hashes(
    processes: Processes, client: Path, line: Line, tmp_path: Path
) -> None:
    editions = tmp_path / "editions"
    editions.mkdir()
    others = [f"n{number}.example" for number in range(2000)]
    _, secret = token_of(Organisation.objects.create(name="A Vendor", kind="provider"), "list.read")

    def look(*urls: str, wait: str = "0s", key: str = secret) -> tuple[list[str], str]:
        database = tmp_path / "client.db"
        done = subprocess.run(
            [client, f"http://127.0.0.1:{line.server_address[1]}", key, database, wait],
            input="\n".join(urls), capture_output=True, text=True, timeout=60, check=True,
        )  # fmt: skip
        return done.stdout.splitlines(), done.stderr

    write_formats(editions, 1, "bad.example", "going.example", PAGE, *others)
    with processes.partner(MAMORI_EDITION_DIR=str(editions)) as address:
        line.target = address
        said, log = look(
            "http://bad.example/", "https://www.bad.example/any?thing", "http://going.example/", PAGE,
            "http://page.example/board/1.html?x=1", "http://page.example/board/", "http://page.example/board/2.html",
            "http://notbad.example/", "http://n7.example/", "http://coming.example/",
        )  # fmt: skip
        assert said == [
            "UNSAFE bad.example/", "UNSAFE bad.example/", "UNSAFE going.example/", "UNSAFE page.example/board/1.html",
            "UNSAFE page.example/board/1.html", "SAFE", "SAFE", "SAFE", "UNSAFE n7.example/", "SAFE",
        ], log  # fmt: skip
        assert line.kinds() == [[2, 2, 2]], "MALWARE is the list, the other two are empty"
        write_formats(editions, 2, "bad.example", "coming.example", PAGE, *others[:-100], "more.example")
        write_formats(editions, 3, "bad.example", "coming.example", PAGE, *others[:-100])
        said, log = look("http://going.example/", "http://coming.example/", "http://n1999.example/", PAGE, wait="4s")
        assert said == ["SAFE", "UNSAFE coming.example/", "SAFE", "UNSAFE page.example/board/1.html"], log
        assert "background threat list updated" in log
        assert line.kinds()[-1] == [1, 2, 2], "only the changes came"
        assert "mismatch" not in log
