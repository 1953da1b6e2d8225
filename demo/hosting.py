"""The demo world's hosting provider: many sites on few loopback addresses, each page a harmless drawing.

A hotline's user can be the provider's staff by the admin address: `POST /pages {"url": "...", "do": "remove"}`.
"""

from __future__ import annotations

import datetime as dt
import html
import json
import random
import ssl
import threading
from collections.abc import Iterable
from hashlib import sha256
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from demo.processes import WorldError
from demo.web import Request, Response, WebServer

LOOPBACK = "127.0.0.1"
V6 = "::1"
ADDRESSES = ("127.77.0.10", "127.77.0.11", "127.77.0.12", "127.77.16.10", "127.77.32.10")
"""Where sites are hosted: see demo/registry.py for whose they are."""
COLOURS = ("#2f6f8f", "#c7663a", "#6a8f3c", "#8f5f9f", "#c9a227", "#4a7fb5")


def drawing(seed: str) -> str:
    """An SVG of circles, rectangles and triangles; the same for the same seed."""
    dice = random.Random(seed)
    shapes = []
    for _ in range(dice.randint(4, 9)):
        x, y, size, colour = dice.randint(20, 280), dice.randint(20, 180), dice.randint(10, 45), dice.choice(COLOURS)
        shapes.append(
            dice.choice(
                (
                    f'<circle cx="{x}" cy="{y}" r="{size}" fill="{colour}"/>',
                    f'<rect x="{x}" y="{y}" width="{size}" height="{size}" fill="{colour}"/>',
                    f'<path d="M{x} {y}l{size} {size}h-{2 * size}z" fill="{colour}"/>',
                )
            )
        )
    return f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 300 200" width="300">{"".join(shapes)}</svg>'


def split(url: str) -> tuple[str, str]:
    """(host, target) of a http(s) URL under .example; anything else is refused."""
    parts = urlsplit(url)
    host = (parts.hostname or "").rstrip(".")
    if parts.scheme not in {"http", "https"} or not host.endswith(".example"):
        raise WorldError(f"{url!r} is not a web address under .example")
    return host, (parts.path or "/") + (f"?{parts.query}" if parts.query else "")


class Hosting:
    """Sites by host name. State (hosts, pages that differ) is kept in `folder`/hosting.json."""

    def __init__(
        self,
        folder: Path,
        *,
        http_port: int,
        https_port: int,
        admin_port: int,
        addresses: tuple[str, ...] = ADDRESSES,
    ) -> None:
        self.folder = folder
        self.addresses = addresses
        self.http_port, self.https_port, self.admin_port = http_port, https_port, admin_port
        self._lock = threading.Lock()
        folder.mkdir(parents=True, exist_ok=True)
        self._file = folder / "hosting.json"
        kept = json.loads(self._file.read_text()) if self._file.exists() else {"hosts": [], "pages": {}}
        self._hosts: set[str] = set(kept["hosts"])
        self._pages: dict[str, dict[str, str | int]] = kept["pages"]
        self._servers: list[WebServer] = []
        self._certificates = _Certificates(folder / "tls")

    # What is hosted

    @property
    def ca_file(self) -> Path:
        """The certificate authority (PEM) that signs the sites' certificates."""
        return self._certificates.ca_file

    @property
    def hosts(self) -> frozenset[str]:
        return frozenset(self._hosts)

    def address_of(self, host: str) -> str:
        """The IPv4 address a host is served on: always the same one."""
        return self.addresses[sha256(host.encode()).digest()[0] % len(self.addresses)]

    def host(self, urls: Iterable[str]) -> dict[str, list[str]]:
        """Serve these addresses' hosts. Returns their names by IPv4 address, for the DNS."""
        names = {split(url)[0] for url in urls}
        with self._lock:
            self._hosts |= names
            self._save()
        placed: dict[str, list[str]] = {}
        for name in sorted(names):
            placed.setdefault(self.address_of(name), []).append(name)
        return placed

    def remove(self, url: str, status: int = 410) -> None:
        """The page answers 404 or 410 from now on."""
        self._set(url, {"status": status})

    def restore(self, url: str) -> None:
        """The page is as it was at first."""
        self._set(url, None)

    def change(self, url: str, *, text: str = "", redirect: str = "", status: int = 200) -> None:
        """Another drawing; or a page of text (a parking page, a log-in); or a redirect to another address."""
        page: dict[str, str | int] = {"status": 302 if redirect else status, "text": text, "redirect": redirect}
        with self._lock:
            page["version"] = int(self._pages.get("|".join(split(url)), {}).get("version", 0)) + 1
        self._set(url, page)

    def _set(self, url: str, page: dict[str, str | int] | None) -> None:
        host, target = split(url)
        with self._lock:
            if host not in self._hosts:
                raise WorldError(f"{host} is not hosted here")
            self._pages.pop(f"{host}|{target}", None)
            if page is not None:
                self._pages[f"{host}|{target}"] = page
            self._save()

    def _save(self) -> None:
        text = json.dumps({"hosts": sorted(self._hosts), "pages": self._pages})
        fresh = self._file.with_suffix(".new")
        fresh.write_text(text)
        fresh.replace(self._file)

    # Servers

    def start(self) -> None:
        for address in (*self.addresses, V6):
            try:
                self._servers.append(WebServer(address, self.http_port, self._page))
                self._servers.append(WebServer(address, self.https_port, self._page, self._certificates.context()))
            except OSError:
                if address != V6:  # a machine without IPv6 does without
                    self.stop()
                    raise
        self._servers.append(WebServer(LOOPBACK, self.admin_port, self._admin))

    def stop(self) -> None:
        while self._servers:
            self._servers.pop().stop()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _page(self, request: Request) -> Response:
        if request.method not in {"GET", "HEAD"}:
            return Response(405)
        if request.host not in self._hosts:
            return Response(404, b"<!doctype html><title>No such site</title><p>No such site.")
        page = self._pages.get(f"{request.host}|{request.target}", {"status": 200})
        status = int(page["status"])
        if page.get("redirect"):
            return Response(status, headers={"Location": str(page["redirect"])})
        if status >= 400:
            return Response(status, f"<!doctype html><title>{status}</title><p>This page is gone.".encode())
        where = html.escape(request.host + request.target)
        shown = html.escape(str(page.get("text") or "")) or drawing(f"{where} {page.get('version', 0)}")
        return Response(status, f"<!doctype html><meta charset=utf-8><title>{where}</title>{shown}\n".encode())

    def _admin(self, request: Request) -> Response:
        """GET /pages: what differs. POST /pages {"url", "do": remove|restore|change, "status", "text", "redirect"}."""
        if request.target != "/pages":
            return Response.json(404, {"error": "only /pages"})
        if request.method == "GET":
            return Response.json(200, {"hosts": len(self._hosts), "pages": self._pages})
        try:
            order = json.loads(request.body)
            url, what = str(order["url"]), str(order["do"])
            if what == "remove":
                self.remove(url, int(order.get("status", 410)))
            elif what == "restore":
                self.restore(url)
            elif what == "change":
                self.change(url, text=str(order.get("text", "")), redirect=str(order.get("redirect", "")))
            else:
                return Response.json(400, {"error": "do must be remove, restore or change"})
        except (WorldError, ValueError, KeyError, TypeError) as problem:
            return Response.json(400, {"error": str(problem)})
        return Response.json(200, {"url": url, "done": what})


class _Certificates:
    """A certificate for each name asked for by SNI, signed by an authority made for this demo."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.ca_file = folder / "ca.pem"
        self._contexts: dict[str, ssl.SSLContext] = {}
        self._lock = threading.Lock()
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._ca = self._certificate("Demo world CA", None)
        self.ca_file.write_bytes(self._ca.public_bytes(serialization.Encoding.PEM))

    def context(self) -> ssl.SSLContext:
        outer = self._context("site.example")

        def choose(connection: ssl.SSLObject | ssl.SSLSocket, name: str | None, _: ssl.SSLContext) -> None:
            if name and name.endswith(".example"):
                connection.context = self._context(name)

        outer.sni_callback = choose
        return outer

    def _context(self, name: str) -> ssl.SSLContext:
        with self._lock:
            if name not in self._contexts:
                made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
                file = self._folder / f"{sha256(name.encode()).hexdigest()[:16]}.pem"
                key = self._key.private_bytes(
                    serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
                )
                file.write_bytes(key + self._certificate(name, self._ca).public_bytes(serialization.Encoding.PEM))
                made.load_cert_chain(file)
                file.unlink()
                self._contexts[name] = made
            return self._contexts[name]

    def _certificate(self, name: str, issuer: x509.Certificate | None) -> x509.Certificate:
        now = dt.datetime.now(dt.UTC)
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name[:64])])
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(issuer.subject if issuer else subject)
            .public_key(self._key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - dt.timedelta(days=1))
            .not_valid_after(now + dt.timedelta(days=365))
            .add_extension(x509.BasicConstraints(ca=issuer is None, path_length=None), critical=True)
        )
        if issuer:
            builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        return builder.sign(self._key, hashes.SHA256())
