"""A scan goes on after any end: nothing done is read again, no line stands twice, another plan is refused."""

import io
import json
import os
import signal
import tarfile
import time
from dataclasses import replace

import fsspec
import pyrage
import pytest
from fsspec.spec import AbstractFileSystem

from mamori.tools.scan.examine import Examiner
from mamori.tools.scan.outputs import Commit, Outputs, read_lines, recipients_of
from mamori.tools.scan.purpose import Purpose, ScanError
from mamori.tools.scan.run import LATER
from mamori.tools.scan.sources import Item
from tests.tools.scan.drawn import (
    LIMITS,
    PURPOSE,
    Opens,
    bank_file,
    command,
    finished,
    folder_of,
    lines,
    md5,
    name_of,
    picture,
    scan,
    serving,
)

STATED = ["--data-class", "stored", "--purpose", "a test"]


def without_time(path):
    return sorted(json.dumps({name: value for name, value in line.items() if name != "at"}) for line in lines(path))


def done_in(journal, paths):
    """Which of the paths a journal holds as done, whole lines only."""
    first, *rest = [json.loads(line) for line in journal.read_bytes().split(b"\n")[:-1]]
    import base64

    done = b"".join(base64.b64decode(line["done"]) for line in rest if "done" in line)
    keys = {done[at : at + 16] for at in range(0, len(done), 16)}
    return {path for path in paths if Item(path).key(bytes.fromhex(first["salt"])) in keys}


@pytest.mark.crash
def test_killed_in_the_middle_it_goes_on_without_reading_again_or_a_second_line(tmp_path):
    files = tmp_path / "files"
    made = folder_of(files, 40)
    for name, data in made.items():
        for copy in range(25):
            (files / f"{copy:02}-{name}").write_bytes(data)
        (files / name).unlink()
    (files / "bad.jpg").write_bytes(b"\xff\xd8\xff" + bytes(100))
    everything = {str(path) for path in files.iterdir()}
    bank = bank_file(tmp_path / "bank.txt", *map(md5, made.values()))
    whole, out = tmp_path / "whole.jsonl", tmp_path / "matches.jsonl"
    arguments = ["scan", files, "--bank", bank, *STATED, "--workers", "2"]
    assert finished(command(*arguments, "--out", whole))[0] == 0

    journal = out.with_suffix(".journal")
    committed = set()
    for enough in (1, 400):
        process = command(*arguments, "--out", out)
        end = time.monotonic() + 60
        while len(committed) < enough and time.monotonic() < end:
            time.sleep(0.005)
            committed = done_in(journal, everything) if journal.exists() and b"\n" in journal.read_bytes() else set()
        process.send_signal(signal.SIGKILL)
        process.communicate(timeout=30)
    committed = done_in(journal, everything)
    assert 400 <= len(committed) < len(everything)
    with out.open("ab") as torn, journal.open("ab") as torn_too:  # a commit that did not come to its end
        torn.write(b'{"path": "half a li')
        torn_too.write(b'{"done": "')
    opens = Opens(files)
    code, shown, told = finished(command(*arguments, "--out", out, "--summary", "-"))
    opened = {str(files / name) for name in opens.names()}
    opens.close()
    assert code == 0, told
    assert opened & committed == set()
    assert opened == everything - committed
    assert without_time(out) == without_time(whole)
    assert len(set(without_time(out))) == len(lines(out)) == 1000
    unread = [path.with_name(f"{path.stem}.unreadable.jsonl") for path in (out, whole)]
    assert lines(unread[0]) == lines(unread[1])
    summary = json.loads(shown)
    assert (summary["examined"], summary["matched"], summary["unreadable"], summary["resumed"]) == (1001, 1000, 1, True)


def test_run_again_it_examines_only_what_is_new(pool, tmp_path, out):
    made = folder_of(tmp_path / "files", 3)
    bank = bank_file(tmp_path / "bank.txt", *map(md5, made.values()), md5(picture(9)))
    scan(pool, out, bank, tmp_path / "files")
    (tmp_path / "files" / "new.jpg").write_bytes(picture(9))
    opens = Opens(tmp_path / "files")
    totals = scan(pool, out, bank, tmp_path / "files")
    assert opens.names() == ["new.jpg"]
    opens.close()
    assert (totals.examined, totals.matched) == (4, 4)
    assert len(lines(out)) == 4


def test_other_arguments_are_refused_and_named(pool, tmp_path, out):
    folder_of(tmp_path / "files", 1)
    bank = bank_file(tmp_path / "bank.txt", "0" * 32)
    scan(pool, out, bank, tmp_path / "files")
    with pytest.raises(ScanError, match=r"other arguments \(text differ\)"):
        scan(pool, out, bank, tmp_path / "files", purpose=Purpose(PURPOSE.data_class, "another"))
    with pytest.raises(ScanError, match=r"other arguments \(roots differ\)"):
        scan(pool, out, bank, tmp_path)
    bank_file(bank, "1" * 32)
    with pytest.raises(ScanError, match=r"other arguments \(bank differ\)"):
        scan(pool, out, bank, tmp_path / "files")


def test_two_scans_never_write_the_same_files(tmp_path, out):
    with Outputs(out, {"a": 1}, begun_at="now"), pytest.raises(ScanError, match="another scan is writing"):
        Outputs(out, {"a": 1}, begun_at="now").__enter__()


def test_files_of_something_else_are_never_overwritten(tmp_path, out):
    out.write_text("mine\n")
    with pytest.raises(ScanError, match="without the journal"):
        Outputs(out, {}, begun_at="now").__enter__()
    assert out.read_text() == "mine\n"
    out.unlink()
    out.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OSError, match="symbolic links"):
        Outputs(out, {}, begun_at="now").__enter__()
    assert not (tmp_path / "elsewhere").exists()


def test_a_changed_or_damaged_file_is_refused(out):
    with Outputs(out, {}, begun_at="now") as outputs:
        outputs.commit(Commit(matches=['{"a": 1}'], done=[bytes(16)]))
    kept = out.read_bytes()
    out.write_bytes(kept[:-3])
    with pytest.raises(ScanError, match="was changed since"):
        Outputs(out, {}, begun_at="now").__enter__()
    out.write_bytes(kept)
    journal = out.with_suffix(".journal")
    whole = journal.read_bytes()
    journal.write_bytes(whole.replace(b'"sizes"', b'"seizs"'))
    with pytest.raises(ScanError, match="is damaged"):
        Outputs(out, {}, begun_at="now").__enter__()
    journal.write_bytes(whole)
    with Outputs(out, {}, begun_at="now") as outputs:
        assert outputs.resumed


@pytest.mark.parametrize("cut", range(0, 260, 13))
def test_a_journal_cut_anywhere_loses_only_its_last_line(out, cut):
    with Outputs(out, {}, begun_at="now") as outputs:
        for number in range(3):
            outputs.totals.examined += 1
            outputs.commit(Commit(matches=[f'{{"n": {number}}}'], done=[bytes([number]) * 16]))
    journal = out.with_suffix(".journal")
    last = journal.read_bytes().rstrip(b"\n").rindex(b"\n") + 1
    size = journal.stat().st_size
    os.truncate(journal, max(last, size - 1 - cut))
    with Outputs(out, {}, begun_at="now") as outputs:
        assert outputs.totals.examined == 2
        assert [line["n"] for line in lines(out)] == [0, 1]
        outputs.commit(Commit(matches=['{"n": 9}']))
    assert [line["n"] for line in lines(out)] == [0, 1, 9]


def test_encrypted_files_are_appended_cut_and_read(pool, tmp_path, out):
    made = folder_of(tmp_path / "files", 3)
    bank = bank_file(tmp_path / "bank.txt", *map(md5, made.values()), md5(picture(9)))
    identity, other = pyrage.x25519.Identity.generate(), pyrage.x25519.Identity.generate()
    to = [str(identity.to_public())]
    scan(pool, out, bank, tmp_path / "files", recipients=to)
    (tmp_path / "files" / "new.jpg").write_bytes(picture(9))
    (tmp_path / "files" / "bad.jpg").write_bytes(b"\xff\xd8\xff" + bytes(99))
    with out.open("ab") as torn:
        torn.write(b"YWdlLWVuY3J5cHRpb24ub3JnL3YxCg")
    scan(pool, out, bank, tmp_path / "files", recipients=to)
    for path in (out, out.with_name("matches.unreadable.jsonl"), out.with_suffix(".journal")):
        assert b".jpg" not in path.read_bytes()
    key, wrong = tmp_path / "key.txt", tmp_path / "wrong.txt"
    key.write_text(f"# an identity\n{identity}\n")
    wrong.write_text(f"{other}\n")
    assert len([json.loads(line) for line in read_lines(out, key)]) == 4
    assert len(list(read_lines(out.with_name("matches.unreadable.jsonl"), key))) == 1
    with pytest.raises(ScanError, match="--identity"):
        list(read_lines(out, None))
    with pytest.raises(ScanError, match="not encrypted to this identity"):
        list(read_lines(out, wrong))
    with pytest.raises(ScanError, match="age recipient"):
        recipients_of(["age1nonsense"])


def test_what_could_not_be_read_for_a_reason_that_may_pass_is_tried_again_and_nothing_else(pool, tmp_path, out):
    made = folder_of(tmp_path / "files", 3)
    bank = bank_file(tmp_path / "bank.txt", *map(md5, made.values()))
    files = {"/x/good.jpg": made["0000.jpg"], "/x/down.jpg": None, "/x/noise.jpg": b"\xff\xd8\xffno picture"}
    with serving(files=files, opened=[]) as server:
        base = f"webhdfs://127.0.0.1:{server.server_port}/x"

        def again():
            server.opened.clear()
            totals = scan(pool, out, bank, base)
            reasons = [
                (name_of(line["path"]), line["reason"]) for line in lines(out.with_name("matches.unreadable.jsonl"))
            ]
            return (totals.examined, totals.matched, totals.unreadable), reasons, sorted(set(server.opened))

        first, listed, _opened = again()
        assert first == (2, 1, 2)
        assert sorted(name for name, _reason in listed) == ["down.jpg", "noise.jpg"]
        assert again() == (first, listed, ["/x/down.jpg"]), "what failed again is listed once"
        files["/x/down.jpg"] = made["0001.jpg"]
        totals, reasons, opened = again()
        assert (totals, opened) == ((3, 2, 1), ["/x/down.jpg"])
        assert reasons == [*listed, ("down.jpg", LATER)]
        assert again()[2] == []
    assert sorted(name_of(line["path"]) for line in lines(out)) == ["down.jpg", "good.jpg"]


class Flaky(AbstractFileSystem):
    """A store of one archive. Reading fails at `down` bytes, as long as that is not None."""

    protocol = "flaky"
    cachable = False
    content, down = b"", None

    def _open(self, path, mode="rb", **_more):
        store = self

        class Opened(io.BytesIO):
            size = len(store.content)

            def read(self, number=-1):
                if store.down is not None and self.tell() + max(number, 0) > store.down:
                    raise TimeoutError("the store does not answer")
                return super().read(number)

        return Opened(self.content)


def test_an_archive_whose_reading_failed_goes_on_at_that_member(monkeypatch):
    made = [picture(n, size=(640, 480)) for n in range(4)]
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        for number, data in enumerate(made):
            info = tarfile.TarInfo(f"{number}.jpg")
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    fsspec.register_implementation("flaky", Flaky, clobber=True)
    monkeypatch.setattr(Flaky, "content", packed.getvalue())
    monkeypatch.setattr(Flaky, "down", len(packed.getvalue()) // 2)
    told = []
    examiner = Examiner(replace(LIMITS, file_bytes=50_000), told.append)
    examiner.item(Item("flaky://store/a.tar"))
    members = [event[1] for event in told if event[0] == "found"]
    assert told[-1] == ["done", True]
    assert members[-1] == "", "the archive is listed, not the member"
    reached = max(event[2] for event in told if event[0] == "found")
    assert 0 < reached < 4
    monkeypatch.setattr(Flaky, "down", None)
    told.clear()
    examiner.item(Item("flaky://store/a.tar", skip=reached))
    assert told[-1] == ["done", False]
    assert members[:-1] + [event[1] for event in told if event[0] == "found"] == [f"{n}.jpg" for n in range(4)]


def test_no_line_is_written_before_the_journal_can_keep_it_from_coming_twice(tmp_path, out):
    """Ended after any number of events, whatever was committed, the rest gives each line once."""
    from mamori.tools.scan.banks import open_bank
    from mamori.tools.scan.pool import Done, Looked
    from mamori.tools.scan.run import Seen, Writer

    data = [picture(n) for n in range(4)]
    bank = open_bank(str(bank_file(tmp_path / "bank.txt", *map(md5, data))))
    for ended in range(13):
        place = tmp_path / f"{ended}.jsonl"
        for stop in (ended, None):
            with Outputs(place, {}, begun_at="now") as outputs:
                writer = Writer(bank, outputs, Seen(outputs.totals), lambda _seen: None)
                events = []
                for item in outputs.remaining(iter([Item("/one"), Item("/archive"), Item("/two")])):
                    numbers = {"/archive": range(4)}.get(item.path, range(1))
                    for number in numbers:
                        if number > item.skip or not item.skip:
                            told = {"md5": md5(data[number]), "sha256": md5(data[number]) * 2}
                            events.append(Looked(item, str(number or ""), number, 10, told))
                    events.append(Done(item))
                events = sorted(events, key=lambda each: isinstance(each, Done))[:stop]  # ends come late
                for event in events:
                    writer.take(event)
                    writer.commit()
        found = [(line["path"], line.get("member", "")) for line in lines(place)]
        assert sorted(found) == sorted([("/one", ""), ("/two", ""), *(("/archive", str(n or "")) for n in range(4))])
