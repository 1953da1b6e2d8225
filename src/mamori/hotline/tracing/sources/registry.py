"""The registries by RDAP: RFC 9083 answers, RFC 9224 bootstrap files, vCard (RFC 7095) mail addresses."""

import json
import time
from collections.abc import Iterator
from ipaddress import ip_network
from pathlib import Path
from typing import Any
from urllib.parse import quote, urljoin, urlsplit
from urllib.request import url2pathname

import urllib3

from mamori.hotline.tracing.sources.answers import Entity, Ip, Registered, SourceError
from mamori.hotline.tracing.sources.mails import mail_or_nothing

BOOTSTRAP_LIFE = 24 * 3600.0  # seconds
MOST_BYTES = 4 * 1024 * 1024
MOST_ENTITIES = 200
MOST_REDIRECTS = 3
Json = dict[str, Any]
_Services = list[tuple[list[str], list[str]]]


class RdapRegistry:
    """`bootstrap`: folder of dns.json, ipv4.json, ipv6.json and asn.json in IANA's form, by file:, http: or https:.

    Only servers named there are asked; a redirect is followed only to another of them.
    """

    def __init__(self, bootstrap: str) -> None:
        self._bootstrap = bootstrap if bootstrap.endswith("/") else f"{bootstrap}/"
        self._pool = urllib3.PoolManager(timeout=urllib3.Timeout(10.0), retries=False, maxsize=8)
        self._services: dict[str, tuple[float, _Services]] = {}

    def network(self, address: Ip) -> Registered | None:
        entries = self._entries(f"ipv{address.version}.json")
        try:
            held = [(network.prefixlen, urls) for name, urls in entries if address in (network := ip_network(name))]
        except ValueError as error:
            raise SourceError("RDAP bootstrap: a network cannot be read") from error
        return self._ask(_longest(held), f"ip/{quote(str(address))}")

    def autnum(self, asn: int) -> Registered | None:
        held = []
        for name, urls in self._entries("asn.json"):
            first, _, last = name.partition("-")
            if first.isdecimal() and (last or first).isdecimal() and int(first) <= asn <= int(last or first):
                held.append((0, urls))
        return self._ask(_longest(held), f"autnum/{asn}")

    def domain(self, name: str) -> Registered | None:
        entries = self._entries("dns.json")
        held = [(len(tld), urls) for tld, urls in entries if not tld or f".{name}".endswith(f".{tld.lower()}")]
        return self._ask(_longest(held), f"domain/{quote(name)}")

    def _ask(self, base: str, path: str) -> Registered | None:
        if not base:
            return None
        url = urljoin(base if base.endswith("/") else f"{base}/", path)
        body = self._get(url, accept="application/rdap+json, application/json")
        if body is None:
            return None
        country = body.get("country")
        return Registered(
            registry=urlsplit(base).hostname or "",
            name=str(body.get("name") or body.get("ldhName") or "")[:200],
            country=country.upper()[:2] if isinstance(country, str) else "",
            entities=tuple(_entities(body)),
        )

    def _entries(self, file: str) -> Iterator[tuple[str, list[str]]]:
        for names, urls in self._service(file):
            for name in names:
                yield name, urls

    def _service(self, file: str) -> _Services:
        kept = self._services.get(file)
        if kept is None or time.monotonic() - kept[0] > BOOTSTRAP_LIFE:
            body = self._file(file) if self._bootstrap.startswith("file:") else self._get(self._bootstrap + file)
            services = (body or {}).get("services", [])
            try:
                kept = time.monotonic(), [([str(n) for n in s[-2]], [str(u) for u in s[-1]]) for s in services]
            except (TypeError, IndexError) as error:
                raise SourceError(f"RDAP bootstrap: {file} is not in IANA's form") from error
            self._services[file] = kept
        return kept[1]

    def _file(self, file: str) -> Json | None:
        path = Path(url2pathname(urlsplit(self._bootstrap + file).path))
        if not path.exists():
            return None
        try:
            return _object(path.read_bytes())
        except OSError as error:
            raise SourceError(f"RDAP bootstrap: {file}: {error.strerror}") from error

    def _get(self, url: str, *, accept: str = "application/json") -> Json | None:
        """The JSON object at `url`; None for 404."""
        for _hop in range(MOST_REDIRECTS + 1):
            try:
                answer = self._pool.request(
                    "GET", url, headers={"Accept": accept}, redirect=False, preload_content=False
                )
                body = answer.read(MOST_BYTES + 1, decode_content=True)
                answer.release_conn()
            except (urllib3.exceptions.HTTPError, OSError) as error:
                raise SourceError(f"RDAP: {type(error).__name__}") from error
            if answer.status == 404:
                return None
            if answer.status in {301, 302, 303, 307, 308}:
                url = self._redirect(url, answer.headers.get("Location", ""))
                continue
            if answer.status != 200 or len(body) > MOST_BYTES:
                raise SourceError(f"RDAP: HTTP {answer.status}, {len(body)} bytes")
            return _object(body)
        raise SourceError("RDAP: too many redirects")

    def _redirect(self, url: str, location: str) -> str:
        target = urljoin(url, location)
        known = {url, *(u for _read, services in self._services.values() for _names, urls in services for u in urls)}
        if urlsplit(target)[:2] not in {urlsplit(each)[:2] for each in known}:
            raise SourceError("RDAP: redirect to a server that the bootstrap does not name")
        return target


def _longest(held: list[tuple[int, list[str]]]) -> str:
    """The first server of the closest entry, https before http; "" when no entry holds it."""
    if not held:
        return ""
    urls = max(held, key=lambda each: each[0])[1]
    return next((url for url in urls if url.startswith("https:")), urls[0] if urls else "")


def _object(body: bytes) -> Json:
    try:
        value = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise SourceError("RDAP: the answer is no JSON") from error
    if not isinstance(value, dict):
        raise SourceError("RDAP: the answer is no JSON object")
    return value


def _entities(body: Json) -> Iterator[Entity]:
    """All entities, the outer before the inner: an abuse contact is often nested in the registrar or registrant."""
    waiting: list[tuple[Any, frozenset[str]]] = [(each, frozenset()) for each in _list(body.get("entities"))]
    for _count in range(MOST_ENTITIES):
        if not waiting:
            return
        entity, above = waiting.pop(0)
        if not isinstance(entity, dict):
            continue
        roles = frozenset(role for role in _list(entity.get("roles")) if isinstance(role, str))
        path = above | roles
        card = _list(entity.get("vcardArray"))
        lines = [line for line in _list(card[1] if len(card) > 1 else []) if isinstance(line, list) and len(line) > 3]
        mails = [mail_or_nothing(line[3]) for line in lines if line[0] == "email"]
        name = next((line[3] for line in lines if line[0] in {"fn", "org"} and isinstance(line[3], str)), "")
        yield Entity(name[:200], roles, tuple(mail for mail in mails if mail), path)
        waiting.extend((inner, path) for inner in _list(entity.get("entities")))


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
