"""kill -9 at any moment of adding, withdrawing and compacting: nothing acknowledged is lost, nothing foreign appears."""

import os
import random
import signal
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
ROUNDS = int(os.environ.get("MAMORI_CRASH_ROUNDS", "40"))

# The parent forks a child for each round, so that a round costs milliseconds and not the start of Python.
HARNESS = """
import hashlib, os, random, select, signal, sys, threading, time
import numpy as np
from mamori.engine.matching import HammingIndex, warm_up

warm_up()
folder, rounds = sys.argv[1], int(sys.argv[2])
value = lambda name: hashlib.sha256(name.to_bytes(4)).digest()
HammingIndex.build(np.frombuffer(b"".join(map(value, range(9000))), np.uint8).reshape(-1, 32), path=folder).close()

def child(pipe, first):
    index = HammingIndex.open(folder, writable=True, verify=False)
    def compacting():
        while True:
            index.compact()
    threading.Thread(target=compacting, daemon=True).start()
    name = first
    while True:
        many = [1, 1, 3, 40][name % 4]
        names = range(name, name + many)
        os.write(pipe, b"?%010d%010d" % (name, many))
        index.add_many(list(names), np.frombuffer(b"".join(map(value, names)), np.uint8).reshape(-1, 32))
        os.write(pipe, b"+%010d%010d" % (name, many))
        if name % 5 == 0:
            os.write(pipe, b"-%010d%010d" % (name, 1))
            index.remove(name)
            os.write(pipe, b"!%010d%010d" % (name, 1))
        name += many

chance, there, name, compacted = random.Random(int(sys.argv[3])), set(range(9000)), 10_000, 0
for round in range(rounds):
    receive, send = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(receive)
        try:
            child(send, name)
        finally:
            os._exit(3)
    os.close(send)
    time.sleep(chance.random() * 0.25)
    os.kill(pid, signal.SIGKILL)
    _, status = os.waitpid(pid, 0)
    assert os.WIFSIGNALED(status), "the child ended by itself"
    told = b""
    while more := os.read(receive, 1 << 16):
        told += more
    os.close(receive)
    perhaps = set()
    for i in range(0, len(told) // 21 * 21, 21):
        kind, first, many = told[i : i + 1], int(told[i + 1 : i + 11]), int(told[i + 11 : i + 21])
        names = set(range(first, first + many))
        if kind == b"?": perhaps |= names
        if kind == b"+": there |= names; perhaps -= names
        if kind == b"-": there -= names; perhaps |= names
        if kind == b"!": perhaps -= names
        name = max(name, first + many)
    index = HammingIndex.open(folder, writable=round % 2 == 0)
    found = set(index.ids().tolist())
    assert there <= found, ("lost", sorted(there - found)[:5])
    assert found <= there | perhaps, ("foreign", sorted(found - there - perhaps)[:5])
    for each in random.Random(round).sample(sorted(found), 50):
        assert index.search(value(each)) == [(each, 0)], each
    there, compacted = found, compacted + (index.version > 0)
    last = int(next(p for p in os.listdir(folder) if p.startswith("segment-") and not p.endswith(".new")).split("-")[1])
    index.close()
print(name - 10_000, last)
"""


def test_killed_at_any_moment(tmp_path: Path) -> None:
    env = {**os.environ, "PYTHONPATH": f"{ROOT}/src"}
    seed = random.randrange(10**6)
    command = [sys.executable, "-c", HARNESS, tmp_path / "index", str(ROUNDS), str(seed)]
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"seed {seed}: {done.stderr}"
    added, segment = map(int, done.stdout.split())
    assert added > ROUNDS  # something was acknowledged before the kills
    assert segment > 3  # and compactions had gone through
    assert signal.SIGKILL
