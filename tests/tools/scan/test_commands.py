"""`mamori scan` as a provider runs it: without the platform, with what it must state, on a terminal or not."""

import json
import os
import pty
import re
import subprocess
import sys
from contextlib import suppress

import pyrage

from tests.tools.scan.drawn import MAIN, bank_file, command, finished, folder_of, lines, md5

# Django, the database and everything of the platform is not there, as after `pip install mamori`.
WITHOUT = """
import importlib.abc, sys
class Absent(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        first = name.split(".")[0]
        if first in {"django", "psycopg", "procrastinate", "ninja", "ray"} or name.startswith(
            ("mamori.ground", "mamori.hotline", "mamori.lists", "mamori.desks")  # all that needs Django
        ):
            raise ModuleNotFoundError(name, name=name)
sys.meta_path.insert(0, Absent())
"""


def test_five_minutes_of_a_provider_without_the_platform(tmp_path):
    """Children inherit the absence too: it stands in a sitecustomize of theirs."""
    made = folder_of(tmp_path / "files", 3)
    bank = bank_file(tmp_path / "bank.txt", md5(made["0001.jpg"]))
    out, summary = tmp_path / "matches.jsonl", tmp_path / "summary.json"
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "sitecustomize.py").write_text(WITHOUT)
    path = os.pathsep.join(filter(None, [str(tmp_path / "site"), os.environ.get("PYTHONPATH")]))
    identity = pyrage.x25519.Identity.generate()
    (tmp_path / "key").write_text(f"{identity}\n")
    arguments = ["scan", tmp_path / "files", "--bank", bank, "--out", out, "--data-class", "public", "--purpose", "x"]
    more = ["--summary", summary, "--encrypt-to", str(identity.to_public()), "--workers", "1"]
    code, shown, told = finished(command(*arguments, *more, environment={"PYTHONPATH": path}))
    assert code == 0, told
    assert "1 (1 same, 0 similar, 0 a frame)" in shown
    kept = json.loads(summary.read_text())
    counts = ("examined", "matched", "same", "similar", "unreadable")
    assert [kept[name] for name in counts] == [3, 1, 1, 0, 0]
    assert (kept["data_class"], kept["text"]) == ("public", "x")
    assert kept["bytes"] == sum(len(data) for data in made.values())
    code, shown, told = finished(command("scan", "read", out, "--identity", tmp_path / "key"))
    assert code == 0, told
    assert json.loads(shown)["path"] == str(tmp_path / "files" / "0001.jpg")


def test_without_a_terminal_what_is_missing_is_named(tmp_path):
    folder_of(tmp_path / "files", 1)
    bank = bank_file(tmp_path / "bank.txt", "0" * 32)
    base = ["scan", tmp_path / "files", "--bank", bank, "--out", tmp_path / "m.jsonl"]
    for more, words in (
        ([], "--data-class"),
        (["--data-class", "stored"], "--purpose"),
        (["--data-class", "private-messages", "--purpose", "x"], "--legal-basis"),
    ):
        code, _out, err = finished(command(*base, *more))
        assert code == 2
        assert words in err
    assert not (tmp_path / "m.jsonl").exists()


def test_a_folder_that_is_not_there_is_named_before_anything_is_read(tmp_path):
    folder_of(tmp_path / "files", 1)
    bank = bank_file(tmp_path / "bank.txt", "0" * 32)
    stated = ["--data-class", "stored", "--purpose", "x"]
    for out, summary in (("missing/m.jsonl", "s.json"), ("m.jsonl", "missing/s.json")):
        more = ["--out", tmp_path / out, "--summary", tmp_path / summary]
        code, _out, err = finished(command("scan", tmp_path / "files", "--bank", bank, *stated, *more))
        assert (code, "there is no folder" in err, "missing" in err) == (2, True, True)
    assert not (tmp_path / "m.jsonl").exists()


def test_without_a_terminal_a_line_tells_now_and_then_how_far_it_is(monkeypatch):
    from mamori.tools.scan import session
    from mamori.tools.scan.outputs import Totals
    from mamori.tools.scan.run import Seen

    now, said = [100.0], []
    monkeypatch.setattr(session.time, "monotonic", lambda: now[0])
    tell = session.Lines(said.append, every=60.0)
    seen = Seen(Totals(matched=2, unreadable=1), items=1000)  # of an earlier run
    tell(seen)
    for seconds, items, of in ((30.0, 1300, None), (60.0, 1600, None), (90.0, 1900, 3100), (120.0, 2200, 3100)):
        now[0], seen.items, seen.of = 100.0 + seconds, items, of
        tell(seen)
    assert said == [
        "scan: 1,600 files, 10 files/s, 2 matched, 1 unreadable",
        "scan: 2,200 of 3,100 files, 10 files/s, 0:01:30 left, 2 matched, 1 unreadable",
    ]


def test_at_a_terminal_it_is_asked(tmp_path):
    folder_of(tmp_path / "files", 1)
    bank = bank_file(tmp_path / "bank.txt", "0" * 32)
    ours, theirs = pty.openpty()
    arguments = ["scan", tmp_path / "files", "--bank", bank, "--out", tmp_path / "m.jsonl", "--workers", "1"]
    process = subprocess.Popen(
        [sys.executable, "-c", MAIN, *map(str, arguments)], stdin=theirs, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    os.close(theirs)
    os.write(ours, b"private-messages\na court order\nAct 1\n")
    code, _out, err = finished(process)
    os.close(ours)
    assert code == 0, err
    first = json.loads((tmp_path / "m.journal").read_text().splitlines()[0])["plan"]
    stated = [first[name] for name in ("data_class", "text", "legal_basis")]
    assert stated == ["private-messages", "a court order", "Act 1"]


def test_at_a_terminal_a_bar_tells_how_far_it_is(tmp_path):
    made = folder_of(tmp_path / "files", 40)
    bank = bank_file(tmp_path / "bank.txt", *[md5(data) for data in made.values()][:3])
    ours, theirs = pty.openpty()
    stated = ["--data-class", "stored", "--purpose", "x", "--workers", "1"]
    arguments = ["scan", tmp_path / "files", "--bank", bank, "--out", tmp_path / "m.jsonl", *stated]
    process = subprocess.Popen(
        [sys.executable, "-c", MAIN, *map(str, arguments)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=theirs,
        env={**os.environ, "TERM": "xterm", "COLUMNS": "120"},
    )
    os.close(theirs)
    shown = b""
    with suppress(OSError):  # the terminal's other end is closed
        while piece := os.read(ours, 65536):
            shown += piece
    os.close(ours)
    out, _nothing = process.communicate(timeout=120)
    assert process.returncode == 0, shown
    text = shown.decode()
    assert "scan" in text
    assert re.search(r"\d+/40", text), text
    assert "40/40" in text
    assert "3 matched, 0 unreadable" in text
    assert "3 same" in out.decode(), "the table is on standard output"


def test_stopping_by_hand_keeps_what_was_done(tmp_path):
    import signal
    import time

    made = folder_of(tmp_path / "files", 30)
    for name, data in made.items():
        for copy in range(30):
            (tmp_path / "files" / f"{copy}-{name}").write_bytes(data)
    bank = bank_file(tmp_path / "bank.txt", *map(md5, made.values()))
    out = tmp_path / "m.jsonl"
    stated = ["--data-class", "stored", "--purpose", "x"]
    arguments = ["scan", tmp_path / "files", "--bank", bank, "--out", out, *stated, "--workers", "1"]
    process = command(*arguments)
    end = time.monotonic() + 60
    while time.monotonic() < end and not (out.exists() and out.stat().st_size):
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    code, _out, err = finished(process)
    assert code == 130
    assert "goes on where it was" in err
    before = len(lines(out))
    assert 0 < before < 930
    code, _out, err = finished(command(*arguments))
    assert code == 0, err
    assert "going on" in err
    assert len({line["path"] for line in lines(out)}) == len(lines(out)) == 930
