"""One look at an address over HTTP(S): pinned, bounded, in memory only.

Each hop is read by `engine.addresses`, resolved anew and connected to by the very address that was judged, so a name
that changes its mind between the two cannot lead anywhere else. No proxy, no cookie, no credentials, no referrer.
"""

import contextlib
import errno
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.client import HTTPException
from time import monotonic

import ada_url
from django.conf import settings
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import HTTPError, NameResolutionError, NewConnectionError
from urllib3.response import BaseHTTPResponse

from mamori.engine.addresses import Address, AddressError, canonicalize
from mamori.hotline.checks import networks
from mamori.hotline.checks.networks import Ip
from mamori.hotline.checks.prints import FIRST_BYTES, Print, media_of, take
from mamori.hotline.checks.resolve import Answer, resolve

MOST_BYTES = FIRST_BYTES
MOST_FILE_BYTES = 24 * 1024 * 1024  # of an image or a video, whose digests count only when it is whole
MOST_SECONDS = 20.0
CONNECT_SECONDS = 5.0
READ_SECONDS = 8.0
MOST_REDIRECTS = 5
MOST_ADDRESSES = 4
USER_AGENT = "Mozilla/5.0 (compatible)"
_REDIRECTS = {301, 302, 303, 307, 308}
_WEB_PORTS = {80, 443}
_NO_NETWORK = {errno.ENETUNREACH, errno.ENETDOWN, errno.EADDRNOTAVAIL, errno.EMFILE, errno.ENFILE, errno.EAFNOSUPPORT}


@dataclass(frozen=True)
class Seen:
    """What an address answered.

    `status` None: nothing answered, and `why` says which way: no_name, no_answer (the host), ours (resolver or
    network of our own), refused (we would not go there), tls, redirects, bad_answer. `downgraded`: a hop went from
    https to http. `sent_home`: a deep address led to a front page. `challenged`: a bot check answered.
    """

    status: int | None = None
    why: str = ""
    print: Print | None = None
    downgraded: bool = False
    sent_home: bool = False
    challenged: bool = False
    connected: tuple[str, ...] = field(default=())


class _Refused(Exception):
    pass


class _NoAnswer(Exception):
    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


def fetch(address: Address, *, resolver: Callable[[str], Answer] = resolve, seconds: float = MOST_SECONDS) -> Seen:
    """Look at `address` once. Never raises for what the other side does. At most `seconds`, and
    MOST_BYTES of a page or MOST_FILE_BYTES of an image or a video.
    """
    deadline = monotonic() + seconds
    now, downgraded = address, False
    connected: list[str] = []
    for _hop in range(MOST_REDIRECTS + 1):
        try:
            with _open(now, own_host=address.host, resolver=resolver, deadline=deadline, connected=connected) as answer:
                target = _redirect(now, answer)
                if target is None:
                    return _read(answer, start=address, end=now, downgraded=downgraded, connected=tuple(connected))
        except _NoAnswer as error:
            return Seen(why=error.why, downgraded=downgraded, connected=tuple(connected))
        except (_Refused, AddressError):
            return Seen(why="refused", downgraded=downgraded, connected=tuple(connected))
        except ssl.SSLError:
            return Seen(why="tls", downgraded=downgraded, connected=tuple(connected))
        except (HTTPException, HTTPError, OSError, ValueError):
            return Seen(why="bad_answer", downgraded=downgraded, connected=tuple(connected))
        downgraded |= now.scheme == "https" and target.scheme == "http"
        now = target
    return Seen(why="redirects", downgraded=downgraded, connected=tuple(connected))


@contextlib.contextmanager
def _open(
    address: Address, *, own_host: str, resolver: Callable[[str], Answer], deadline: float, connected: list[str]
) -> Iterator[BaseHTTPResponse]:
    """Ask for `address` at the first of its allowed network addresses that takes a connection."""
    own = address.host == own_host
    if not own and address.port not in _WEB_PORTS:
        raise _Refused
    why = "no_answer"
    for ip in _judged(address, own=own, resolver=resolver):
        left = deadline - monotonic()
        if left <= 0:
            raise _NoAnswer("no_answer")
        connection = _connection(address, ip, timeout=min(CONNECT_SECONDS, left))
        try:
            connected.append(str(ip))
            connection.connect()
        except (NewConnectionError, NameResolutionError, OSError, HTTPError) as error:
            connection.close()
            if _is_tls(error):
                raise ssl.SSLError(str(error)) from error
            why = "ours" if _no_network(error) else "no_answer"
            continue
        with _cut_off(connection, deadline):
            try:
                connection.request(
                    "GET",
                    address.path + (f"?{address.query}" if address.query else ""),
                    headers={
                        "Host": _host_header(address),
                        "User-Agent": USER_AGENT,
                        "Accept": "*/*",
                        "Accept-Encoding": "identity",
                        "Connection": "close",
                    },
                    preload_content=False,
                    decode_content=False,
                )
                yield connection.getresponse()
            finally:
                connection.close()
        return
    raise _NoAnswer(why)


def _judged(address: Address, *, own: bool, resolver: Callable[[str], Answer]) -> list[Ip]:
    """The network addresses of a host that may be connected to. Refused when there are some, but none may be."""
    if address.host_kind == "name":
        answer = resolver(address.host)
        if not answer.addresses:
            raise _NoAnswer("ours" if answer.ours else "no_name")
        found = answer.addresses
    else:
        found = (networks.read(address.host),)
    allowed = networks.networks(settings.RECHECK_ALLOW_NETWORKS)
    may = [ip for ip in found if networks.may_connect(ip, own=own, allowed=allowed)]
    if not may:
        raise _Refused
    return may[:MOST_ADDRESSES]


def _connection(address: Address, ip: Ip, *, timeout: float) -> HTTPConnection:
    port = address.port
    if any(ip.version == net.version and ip in net for net in networks.networks(settings.RECHECK_ALLOW_NETWORKS)):
        port = int(settings.RECHECK_PORT_MAP.get(str(port), port))
    if address.scheme == "http":
        return HTTPConnection(str(ip), port, timeout=timeout)
    return HTTPSConnection(
        str(ip),
        port,
        timeout=timeout,
        ssl_context=ssl.create_default_context(),
        server_hostname=address.host,
        assert_hostname=address.host,
    )


@contextlib.contextmanager
def _cut_off(connection: HTTPConnection, deadline: float) -> Iterator[None]:
    """Shut the socket at the deadline, whatever it is doing: a host that sends a byte now and then cannot hold us."""
    assert connection.sock is not None
    plain: socket.socket = connection.sock
    plain.settimeout(READ_SECONDS)

    def shut() -> None:
        with contextlib.suppress(OSError):
            plain.shutdown(socket.SHUT_RDWR)

    timer = threading.Timer(max(0.0, deadline - monotonic()), shut)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _redirect(now: Address, answer: BaseHTTPResponse) -> Address | None:
    """Where the answer leads, read by the one parser of the house; None when it leads nowhere."""
    location = answer.headers.get("Location")
    if answer.status not in _REDIRECTS or not location:
        return None
    target = ada_url.URL(location, base=now.url)
    if target.protocol not in {"http:", "https:"}:
        raise _Refused
    return canonicalize(target.href)


def _read(
    answer: BaseHTTPResponse, *, start: Address, end: Address, downgraded: bool, connected: tuple[str, ...]
) -> Seen:
    seen = None
    if answer.status < 300:
        kind = answer.headers.get("Content-Type", "")
        most = MOST_FILE_BYTES if media_of(kind) in {"image", "video"} else MOST_BYTES
        body = bytearray()
        try:
            while len(body) < most and (part := answer.read1(min(65536, most - len(body)))):
                body += part
        except (HTTPException, HTTPError, OSError):
            if len(body) < FIRST_BYTES:  # beyond that the answer is known; only the file's own digests are lost
                raise
        seen = take(bytes(body), kind, whole=_is_whole(answer, len(body)))
    return Seen(
        status=answer.status,
        print=seen,
        downgraded=downgraded,
        sent_home=end != start and end.path == "/" and not end.query and start.path != "/",
        challenged=answer.headers.get("cf-mitigated", "").lower() == "challenge",
        connected=connected,
    )


def _is_whole(answer: BaseHTTPResponse, read: int) -> bool:
    """Whether an answer says how long it is and all of it came: a cut connection must not look like a short file."""
    return answer.status == 200 and answer.headers.get("Content-Length", "") == str(read)


def _host_header(address: Address) -> str:
    host = f"[{address.host}]" if address.host_kind == "ipv6" else address.host
    return host if address.port == (80 if address.scheme == "http" else 443) else f"{host}:{address.port}"


def _causes(error: BaseException) -> list[BaseException]:
    chain: list[BaseException] = []
    cause: BaseException | None = error
    while cause is not None and cause not in chain:
        chain.append(cause)
        cause = cause.__cause__ or cause.__context__
    return chain


def _is_tls(error: BaseException) -> bool:
    return any(isinstance(cause, ssl.SSLError | ssl.CertificateError) for cause in _causes(error))


def _no_network(error: BaseException) -> bool:
    return any(isinstance(cause, OSError) and cause.errno in _NO_NETWORK for cause in _causes(error))
