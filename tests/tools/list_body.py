"""A list body's partner face without a platform: files in memory, served over loopback to who shows the token."""

import threading
from datetime import UTC, date, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from mamori.engine.editions import Member, Members, sign_members, sign_root
from tests.engine.people import APPROVER, REVIEWER, public
from tests.engine.test_publish import ROOT_KEYS, SERVICE

TOKEN = "mamori_token-of-a-test"
LIFE = timedelta(days=7)
ROOT = sign_root(SERVICE, root_keys=ROOT_KEYS, threshold=2, expires=datetime.now(UTC) + timedelta(days=900))


MEMBERS = Members(
    1,
    (
        Member("endo", "reviewer", public(REVIEWER), date(2026, 1, 1), date(2040, 1, 1)),
        Member("fujii", "approver", public(APPROVER), date(2026, 1, 1), date(2040, 1, 1)),
    ),
)
SIGNED_MEMBERS = sign_members(MEMBERS, ROOT_KEYS)


class ListBody:
    """`published[path]` is what is answered below /api/v1/list/."""

    def __init__(self) -> None:
        self.published: dict[str, bytes] = {}
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        self._thread.start()
        self.address = f"http://127.0.0.1:{self._server.server_port}"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        body = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                found = body.published.get(self.path.removeprefix("/api/v1/list/"))
                if self.headers["Authorization"] != f"Bearer {TOKEN}" or found is None:
                    self.send_error(404 if found is None else 401)
                    return
                self.send_response(200)
                self.send_header("Content-Length", str(len(found)))
                self.end_headers()
                self.wfile.write(found)

            def log_message(self, *_: object) -> None:
                pass

        return Handler
