"""The shipped nginx before the staff face: files up to 10 MB pass, and of a larger one the page itself says what to do."""

import http.server
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from mamori.ground.ui.uploads import MOST_HELD
from tests.lists.test_list_behind_nginx import proxy
from tests.programs import needs

pytestmark = needs("nginx")


class Face(http.server.BaseHTTPRequestHandler):
    """Stands for the staff face: writes down what it is asked, and answers as the page does."""

    asked: list[tuple[str, str, int, str]] = []

    def do_GET(self) -> None:
        size = int(self.headers.get("Content-Length") or 0)
        self.asked.append((self.command, self.path, len(self.rfile.read(size)), self.headers.get("Cookie", "")))
        status = 413 if "too-large" in self.path else 404 if self.path.startswith("/api/") else 200
        self.send_response(status)
        self.send_header("Content-Length", "4")
        self.end_headers()
        self.wfile.write(b"page")

    do_POST = do_GET  # noqa: N815

    def log_message(self, *_said: object) -> None:
        pass


@pytest.fixture
def face() -> Iterator[str]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Face)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def send(url: str, size: int) -> tuple[int, bytes]:
    request = urllib.request.Request(url, data=bytes(size), headers={"Cookie": "session=1", "Content-Type": "x/y"})
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


def test_a_file_within_the_limit_passes_and_a_larger_one_is_led_to_the_page(face: str, tmp_path: Path) -> None:
    whole = MOST_HELD + 2**19  # the form's other parts
    with proxy(tmp_path, tmp_path, face, "http://127.0.0.1:8001") as address:
        Face.asked.clear()
        assert send(f"{address}/bank/imports/", whole) == (200, b"page")
        assert send(f"{address}/bank/imports/", whole + 2**20) == (413, b"page")
        assert send(f"{address}/bank/add/", whole)[0] == 413
    assert Face.asked == [
        ("POST", "/bank/imports/", whole, "session=1"),
        ("GET", "/bank/imports/?too-large", 0, "session=1"),
    ]
    assert not [file for file in (tmp_path / "client_body").rglob("*") if file.is_file()]
