"""Runs an unchanged client whose addresses are fixed in its code: `unshare -mn python -m … namespace.py ARGUMENTS`.

In a network of its own the name of NCMEC's test system is this machine, and what arrives at its port 443 goes, TLS
taken off, through a Unix socket to the partner face outside. Nothing leaves the machine: there is no way out of it.
"""

import atexit
import contextlib
import fcntl
import json
import os
import socket
import ssl
import struct
import subprocess
import sys
import threading
from pathlib import Path

HOST = "exttest.cybertip.org"


def main(socket_path: str, certificate: str, key: str, user: str, password: str, checkpoint: str) -> None:
    loopback_up()
    hosts = Path(certificate).with_name("hosts")
    hosts.write_text(f"127.0.0.1 localhost {HOST}\n")
    subprocess.run(["mount", "--bind", str(hosts), "/etc/hosts"], check=True)
    atexit.register(subprocess.run, ["umount", "/etc/hosts"], check=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    listener = socket.create_server(("127.0.0.1", 443))
    threading.Thread(target=serve, args=(listener, context, socket_path), daemon=True).start()
    os.environ["REQUESTS_CA_BUNDLE"] = certificate
    print(json.dumps(fetch(user, password, json.loads(checkpoint))))


def fetch(user: str, password: str, checkpoint: list[int] | None) -> dict[str, object]:
    """What python-threatexchange reads, by its own classes and its own way of merging."""
    from threatexchange.exchanges.clients.ncmec.hash_api import NCMECEnvironment, NCMECHashAPI
    from threatexchange.exchanges.impl.ncmec_api import NCMECCheckpoint, NCMECCollabConfig, NCMECSignalExchangeAPI
    from threatexchange.signal_type.md5 import VideoMD5Signal
    from threatexchange.signal_type.pdq.signal import PdqSignal

    collab = NCMECCollabConfig(name="mamori", environment=NCMECEnvironment.test_Industry)
    exchange = NCMECSignalExchangeAPI(collab, user, password)
    start = NCMECCheckpoint(checkpoint[0]) if checkpoint else None
    merged: dict[str, object] = {}
    pages, deleted, last = 0, [], start
    for delta in exchange.fetch_iter([PdqSignal, VideoMD5Signal], start):
        pages += 1
        last = delta.checkpoint
        for name, update in delta.updates.items():
            new = NCMECSignalExchangeAPI.fetch_value_merge(merged.get(name), update)
            merged.pop(name, None)
            if new is None:
                deleted.append(name)
            else:
                merged[name] = new
    signals = NCMECSignalExchangeAPI.naive_convert_to_signal_type([PdqSignal, VideoMD5Signal], collab, merged)
    client = NCMECHashAPI(user, password, NCMECEnvironment.test_Industry)
    return {
        "pages": pages,
        "deleted": sorted(deleted),
        "checkpoint": last.get_entries_max_ts if last else None,
        "signals": {kind.get_name(): sorted(values) for kind, values in signals.items()},
        "status": client.status().esp_name,
        "members": sorted(member.esp_name for member in client.members()),
    }


def serve(listener: socket.socket, context: ssl.SSLContext, path: str) -> None:
    while True:
        raw, _address = listener.accept()
        threading.Thread(target=relay, args=(raw, context, path), daemon=True).start()


def relay(raw: socket.socket, context: ssl.SSLContext, path: str) -> None:
    with context.wrap_socket(raw, server_side=True) as inside, socket.socket(socket.AF_UNIX) as outside:
        outside.connect(path)
        bridge(inside, outside)


def bridge(one: socket.socket, other: socket.socket) -> None:
    """Both directions, until either side ends."""
    back = threading.Thread(target=pump, args=(other, one), daemon=True)
    back.start()
    pump(one, other)
    back.join()


def pump(source: socket.socket, sink: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            sink.sendall(data)
    for each in (source, sink):
        with contextlib.suppress(OSError):
            each.shutdown(socket.SHUT_RDWR)


def loopback_up() -> None:
    """SIOCSIFFLAGS, IFF_UP | IFF_RUNNING (netdevice(7))."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, 0x8914, struct.pack("16sH14s", b"lo", 0x1 | 0x40, b""))


if __name__ == "__main__":
    main(*sys.argv[1:])
