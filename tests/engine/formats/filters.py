"""Real programs that load the lists: resolvers and proxies on loopback, before a parent that answers for every site."""

from __future__ import annotations

import http.client
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from demo.dns import ask
from demo.processes import Program, free_ports, hand_over, listening, private_folder
from tests.programs import program

LOOPBACK = "127.0.0.1"


class Everything(BaseHTTPRequestHandler):
    """Answers 200 to whatever is asked for, as a parent proxy would."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.send_header("X-Passed", "yes")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Nothing is logged."""


@contextmanager
def parent() -> Iterator[int]:
    """The parent proxy; yields its port."""
    server = ThreadingHTTPServer((LOOPBACK, 0), Everything)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()


class Proxy:
    """A filtering proxy. `blocks(url)`: whether a request for it does not reach the parent."""

    def __init__(self, port: int) -> None:
        self.port = port

    def blocks(self, url: str) -> bool:
        host = url.partition("://")[2].partition("/")[0]
        connection = http.client.HTTPConnection(LOOPBACK, self.port, timeout=10)
        connection.putrequest("GET", url, skip_host=True, skip_accept_encoding=True)
        connection.putheader("Host", host)
        connection.endheaders()
        answer = connection.getresponse()
        connection.close()
        assert answer.status in (200, 302, 403), (url, answer.status)
        return answer.getheader("X-Passed") is None


def place(base: Path, name: str, files: Mapping[str, bytes]) -> Path:
    """A folder of the program's own, with files it can read."""
    folder = private_folder(base, name)
    for file, data in files.items():
        (folder / file).write_bytes(data)
        hand_over(folder / file)
    return folder


@contextmanager
def running(each: Program, port: int, seconds: float = 30) -> Iterator[None]:
    each.start()
    try:
        each.wait_ready(partial(listening, LOOPBACK, port), seconds)
        yield
    finally:
        each.stop()


@contextmanager
def unbound(base: Path, data: bytes) -> Iterator[tuple[str, int]]:
    """Unbound with the list included; every other name below example. is there."""
    port = free_ports(1)
    folder = place(base, "unbound", {"mamori.conf": data})
    main = f"""\
server:
    interface: {LOOPBACK}@{port}
    port: {port}
    directory: "{folder}"
    chroot: ""
    username: ""
    pidfile: ""
    use-syslog: no
    do-daemonize: no
    local-zone: "example." redirect
    local-data: "example. A 192.0.2.1"
include: "{folder}/mamori.conf"
remote-control:
    control-enable: no
"""
    place(base, "unbound", {"main.conf": main.encode()})
    with running(Program("unbound", [program("unbound"), "-d", "-c", folder / "main.conf"], folder), port):
        yield LOOPBACK, port


@contextmanager
def dnsmasq(base: Path, data: bytes, *, hosts: bool = False) -> Iterator[tuple[str, int]]:
    """dnsmasq with the list as configuration or as a hosts file; every other name below example. is there."""
    port = free_ports(1)
    folder = place(base, "dnsmasq-hosts" if hosts else "dnsmasq", {"list": data})
    how = f"--addn-hosts={folder}/list" if hosts else f"--conf-file={folder}/list"
    argv = [
        program("dnsmasq"), "--keep-in-foreground", "--no-resolv", "--no-hosts", "--bind-interfaces", "--pid-file=",
        f"--listen-address={LOOPBACK}", f"--port={port}", "--user=", "--group=", "--log-facility=-",
        "--address=/example/192.0.2.1", how, *(["--conf-file=/dev/null"] if hosts else []),
    ]  # fmt: skip
    each = Program("dnsmasq", argv, folder)
    each.start()
    try:
        each.wait_ready(lambda: ask((LOOPBACK, port), "ready.example", timeout=0.3) != "TIMEOUT")
        yield LOOPBACK, port
    finally:
        each.stop()


@contextmanager
def squid(base: Path, names: bytes, pages: bytes) -> Iterator[Proxy]:
    """Squid with both lists as files of an acl."""
    port = free_ports(1)
    folder = place(base, "squid", {"names": names, "pages": pages})
    with parent() as above:
        main = f"""\
http_port {LOOPBACK}:{port}
acl listed_names dstdomain "{folder}/names"
acl listed_pages url_regex "{folder}/pages"
http_access deny listed_names
http_access deny listed_pages
http_access allow all
cache_peer {LOOPBACK} parent {above} 0 no-query no-digest default
never_direct allow all
cache deny all
cache_mem 8 MB
access_log none
cache_log {folder}/cache.log
pid_filename none
coredump_dir {folder}
netdb_filename none
pinger_enable off
shutdown_lifetime 0 seconds
visible_hostname proxy.example
max_filedescriptors 256
"""
        place(base, "squid", {"main.conf": main.encode()})
        each = Program("squid", [program("squid"), "-N", "-f", folder / "main.conf"], folder)
        with running(each, port):
            yield Proxy(port)


BEFORE = "function(pre-authcheck)\n"
STORY = """\
function(checkrequest)
if(urlin,banned) return setblock
function(checkresponse)
"""


@contextmanager
def e2guardian(base: Path, names: bytes, pages: bytes) -> Iterator[Proxy]:
    """e2guardian with both lists, and nothing else to filter by."""
    port = free_ports(1)
    folder = place(
        base,
        "e2guardian",
        {"names": names, "pages": pages, "story": STORY.encode(), "before": BEFORE.encode(), "empty": b""},
    )
    group = f"""\
groupname = 'everybody'
storyboard = '{folder}/story'
sitelist = 'name=banned,messageno=500,path={folder}/names'
regexpboollist = 'name=banned,messageno=503,path={folder}/pages'
bannedphraselist = '{folder}/empty'
weightedphraselist = '{folder}/empty'
exceptionphraselist = '{folder}/empty'
contentregexplist = '{folder}/empty'
reportinglevel = 0
maxuploadsize = -1
weightedphrasemode = 0
"""
    with parent() as above:
        main = f"""\
languagedir = '/usr/share/e2guardian/languages'
language = 'ukenglish'
loglevel = 0
logfileformat = 1
logexceptionhits = 0
usecustombannedimage = off
usecustombannedflash = off
preservecase = 1
contentscannertimeout = 60
initialtrickledelay = 20
trickledelay = 10
downloadmanager = '{folder}/download.conf'
filterip = {LOOPBACK}
filterports = {port}
proxyip = {LOOPBACK}
proxyport = {above}
filtergroups = 1
filtergroupslist = '{folder}/empty'
preauthstoryboard = '{folder}/before'
phrasefiltermode = 0
weightedphrasemode = 0
maxcontentfiltersize = 256
maxcontentramcachescansize = 256
maxcontentfilecachescansize = 256
filecachedir = '{folder}'
proxytimeout = 5
connecttimeout = 5
proxyexchange = 20
pcontimeout = 55
httpworkers = 20
nodaemon = on
nologger = on
pidfilename = '{folder}/own.pid'
loglocation = '{folder}/access.log'
daemonuser = 'nobody'
daemongroup = 'nogroup'
"""
        place(
            base,
            "e2guardian",
            {
                "e2guardian.conf": main.encode(),
                "e2guardianf1.conf": group.encode(),
                "download.conf": b"plugname = 'default'\n",
            },
        )
        each = Program("e2guardian", [program("e2guardian"), "-N", "-c", folder / "e2guardian.conf"], folder)
        with running(each, port):
            yield Proxy(port)
