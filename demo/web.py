"""Small threaded HTTP servers on loopback, for the demo world only. They log nothing."""

from __future__ import annotations

import json
import socket
import ssl
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass(frozen=True)
class Request:
    """`host` without port, lower case; `target` path with query; `body` of a POST."""

    method: str
    host: str
    target: str
    body: bytes = b""


@dataclass(frozen=True)
class Response:
    status: int
    body: bytes = b""
    type: str = "text/html; charset=utf-8"
    headers: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def json(cls, status: int, value: object, kind: str = "application/json") -> Response:
        return cls(status, json.dumps(value, indent=1).encode(), kind)


Answer = Callable[[Request], Response]


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    server_version = "demo"
    sys_version = ""
    timeout = 20

    def _answer(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length) if 0 < length <= 10_000_000 else b""
        host, target = self.headers.get("Host", ""), self.path
        if target.startswith(("http://", "https://")):  # as a proxy is asked
            host, slash, rest = target.partition("://")[2].partition("/")
            target = slash + rest or "/"
        if not host.startswith("["):
            host = host.partition(":")[0]
        response = self.server.answer(Request(self.command, host.lower().rstrip("."), target, body))
        self.send_response(response.status)
        self.send_header("Content-Type", response.type)
        self.send_header("Content-Length", str(len(response.body)))
        for name, value in response.headers.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD" and response.status != HTTPStatus.NOT_MODIFIED:
            self.wfile.write(response.body)

    do_GET = do_HEAD = do_POST = do_DELETE = _answer  # noqa: N815 - http.server's names

    def log_message(self, *_: object) -> None:
        return


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, host: str, port: int, answer: Answer, tls: ssl.SSLContext | None) -> None:
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self.answer = answer
        self._tls = tls
        super().__init__((host, port), _Handler)

    def server_bind(self) -> None:  # without the reverse look-up of HTTPServer
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()
        self.server_name, self.server_port = str(self.server_address[0]), int(self.server_address[1])

    def get_request(self) -> tuple[socket.socket, object]:
        connection, peer = self.socket.accept()
        if self._tls:  # the handshake happens in the connection's own thread, at its first read
            connection = self._tls.wrap_socket(connection, server_side=True, do_handshake_on_connect=False)
        return connection, peer

    def handle_error(self, *_: object) -> None:
        """A client that breaks off is no news."""


class WebServer:
    """One listener in a thread of its own."""

    def __init__(self, host: str, port: int, answer: Answer, tls: ssl.SSLContext | None = None) -> None:
        self._server = _Server(host, port, answer, tls)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
