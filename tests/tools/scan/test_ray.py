"""The same plan on a Ray cluster of two local nodes finds the same."""

import json
import os
import subprocess
import sys
from pathlib import Path

from tests.tools.scan.drawn import bank_file, command, finished, folder_of, lines, md5, scan

ROOT = Path(__file__).resolve().parents[3]


def test_two_nodes_find_what_one_machine_finds(pool, tmp_path, out):
    made = folder_of(tmp_path / "files", 30)
    (tmp_path / "files" / "bad.jpg").write_bytes(b"\xff\xd8\xff" + bytes(99))
    (tmp_path / "files" / "odd \udcff.jpg").write_bytes(made["0001.jpg"])
    bank = bank_file(tmp_path / "bank.txt", *map(md5, list(made.values())[:10]))
    scan(pool, tmp_path / "here.jsonl", bank, tmp_path / "files")
    argv = [sys.executable, "-m", "tests.tools.scan.on_two_nodes", str(tmp_path / "files"), str(bank), str(out)]
    path = os.pathsep.join(filter(None, [str(ROOT), f"{ROOT}/src", os.environ.get("PYTHONPATH")]))
    environment = {**os.environ, "PYTHONPATH": path}
    done = subprocess.run(argv, capture_output=True, text=True, timeout=150, check=False, env=environment, cwd=ROOT)
    assert done.returncode == 0, done.stderr[-3000:]
    assert json.loads(done.stdout.splitlines()[-1]) == {"nodes": 2, "examined": 32, "matched": 11}

    def found(path):
        return sorted((line["path"], line["entry"], line["match"], line["distance"]) for line in lines(path))

    assert found(out) == found(tmp_path / "here.jsonl")
    unread = [path.with_name(f"{path.stem}.unreadable.jsonl") for path in (out, tmp_path / "here.jsonl")]
    assert lines(unread[0]) == lines(unread[1])


def test_no_cluster_is_one_clear_line(tmp_path):
    folder_of(tmp_path / "files", 1)
    bank = bank_file(tmp_path / "bank.txt", "0" * 32)
    stated = ["--data-class", "stored", "--purpose", "x", "--ray", "127.0.0.1:9"]
    arguments = ["scan", tmp_path / "files", "--bank", bank, "--out", tmp_path / "m.jsonl", *stated]
    code, _out, err = finished(command(*arguments))
    assert code == 2
    assert "no Ray cluster at 127.0.0.1:9" in err
