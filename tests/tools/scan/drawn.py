"""Pictures drawn by code, and the steps the tests of a scan share."""

import ctypes
import hashlib
import io
import json
import os
import struct
import subprocess
import sys
import threading
import urllib.parse
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import av
import numpy as np
from PIL import Image, ImageDraw

from mamori.engine.limits import Limits
from mamori.tools.scan.banks import open_bank
from mamori.tools.scan.outputs import Outputs, recipients_of
from mamori.tools.scan.purpose import DataClass, Purpose
from mamori.tools.scan.run import Plan, run
from mamori.tools.scan.sources import read_roots

PURPOSE = Purpose(DataClass.STORED, "a test")
LIMITS = Limits(file_bytes=8 * 2**20, seconds=10.0)
MAIN = "from mamori.tools.cli import app; app()"


def picture(seed, *, quality=88, size=(320, 240), form="JPEG"):
    """Ellipses in colours; the same seed gives the same drawing, at any quality."""
    rng = np.random.default_rng(seed)
    image = Image.new("RGB", (320, 240), tuple(int(value) for value in rng.integers(0, 255, 3)))
    draw = ImageDraw.Draw(image)
    for _ in range(25):
        x, y, width, height = (int(value) for value in rng.integers((0, 0, 20, 20), (300, 220, 150, 120)))
        draw.ellipse([x, y, x + width, y + height], fill=tuple(int(value) for value in rng.integers(0, 255, 3)))
    out = io.BytesIO()
    image.resize(size).save(out, form, quality=quality)
    return out.getvalue()


def filmed(path, drawings, *, seconds):
    """An MP4 (MPEG-4 part 2, 10 frames a second) that shows each drawing for so many seconds."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=10)
        stream.width, stream.height, stream.pix_fmt = 320, 240, "yuv420p"
        for data in drawings:
            frame = Image.open(io.BytesIO(data)).convert("RGB")
            for _ in range(10 * seconds):
                container.mux(stream.encode(av.VideoFrame.from_image(frame)))
        container.mux(stream.encode())


def md5(data):
    return hashlib.md5(data, usedforsecurity=False).hexdigest()


def sha256(data):
    return hashlib.sha256(data).hexdigest()


def bank_file(path, *values):
    """A text bank of MD5 values, or of lines as they are."""
    path.write_text("".join(f"{value}\n" for value in values))
    return path


def scan(pool, out, bank, *roots, recipients=(), purpose=PURPOSE, watch=lambda _seen: None):
    """One whole run in this process with the children of `pool`. Returns its totals."""
    known = open_bank(str(bank)) if isinstance(bank, os.PathLike | str) else bank
    plan = Plan(read_roots([str(root) for root in roots]), known, purpose, pool.limits, recipients)
    with Outputs(out, plan.told(), begun_at="now", recipients=recipients_of(recipients)) as outputs:
        return run(plan, outputs, pool.examine, watch)


def name_of(path):
    return Path(path).name


def lines(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def unreadable(out):
    """Reason of each file, or member, that could not be read."""
    found = lines(out.with_name(f"{out.stem}.unreadable{out.suffix}"))
    return {(each["path"], each.get("member", "")): each["reason"] for each in found}


def command(*arguments, environment=None, **more):
    """Start `mamori` in a process of its own."""
    argv = [sys.executable, "-c", MAIN, *map(os.fspath, arguments)]
    return subprocess.Popen(
        argv,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        stdin=subprocess.DEVNULL,
        env={**os.environ, **(environment or {})},
        **more,
    )


def finished(process, seconds=120):
    """(exit code, standard output, standard error)."""
    out, err = process.communicate(timeout=seconds)
    return process.returncode, out.decode(), err.decode()


class Opens:
    """Counts how often each file of a folder is opened, by whichever process: Linux inotify."""

    IN_OPEN, IN_ISDIR, IN_NONBLOCK = 0x20, 0x40000000, 0o4000

    def __init__(self, folder):
        libc = ctypes.CDLL(None, use_errno=True)
        self._descriptor = libc.inotify_init1(self.IN_NONBLOCK)
        assert libc.inotify_add_watch(self._descriptor, os.fsencode(folder), self.IN_OPEN) >= 0

    def names(self):
        """Names that were opened since the last call, each as often as it was."""
        found, data = [], b""
        while True:
            try:
                data = os.read(self._descriptor, 2**20)
            except BlockingIOError:
                return found
            while data:
                _watch, mask, _cookie, length = struct.unpack_from("iIII", data)
                name = data[16 : 16 + length].rstrip(b"\0").decode()
                data = data[16 + length :]
                if not mask & self.IN_ISDIR:
                    found.append(name)

    def close(self):
        os.close(self._descriptor)


class Served(BaseHTTPRequestHandler):
    """WebHDFS (Apache Hadoop's REST interface) over a dict of files: enough for fsspec's own client."""

    def do_GET(self):
        parts = urllib.parse.urlsplit(self.path)
        operation = urllib.parse.parse_qs(parts.query)["op"][0]
        path = urllib.parse.unquote(parts.path).removeprefix("/webhdfs/v1")
        files, opened = self.server.files, self.server.opened
        if operation == "OPEN":
            opened.append(path)
            return self._send(200 if files[path] is not None else 500, files[path] or b"{}")
        if operation == "GETFILESTATUS":
            if path not in files and not any(name.startswith(f"{path.rstrip('/')}/") for name in files):
                gone = {"RemoteException": {"exception": "FileNotFoundException", "message": "gone"}}
                return self._send(404, json.dumps(gone).encode())
            return self._send(200, json.dumps({"FileStatus": self._status(path, "")}).encode())
        top = path.rstrip("/")
        names = sorted({name[len(top) + 1 :].split("/")[0] for name in files if name.startswith(f"{top}/")})
        told = {"FileStatuses": {"FileStatus": [self._status(f"{top}/{name}", name) for name in names]}}
        return self._send(200, json.dumps(told).encode())

    def _status(self, path, suffix):
        content = self.server.files.get(path)
        kind = "FILE" if path in self.server.files else "DIRECTORY"
        return {"type": kind, "length": len(content or b"x"), "pathSuffix": suffix}

    def _send(self, status, body):
        self.send_response(status)
        self.send_header("Content-Type", "application/json" if body[:1] == b"{" else "application/octet-stream")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_told):
        pass


@contextmanager
def serving(handler=Served, **state):
    """A loopback server; `state` is on it. Gives the server."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    for name, value in state.items():
        setattr(server, name, value)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def folder_of(path: Path, count, *, first=0):
    """`count` drawings in a folder of their own. Returns their names and contents."""
    path.mkdir()
    made = {f"{number:04}.jpg": picture(number) for number in range(first, first + count)}
    for name, data in made.items():
        (path / name).write_bytes(data)
    return made
