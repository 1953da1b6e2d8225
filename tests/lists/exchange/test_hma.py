"""HMA's look-ups: the shapes of hasher-matcher-actioner, with our token."""

import io
import os
from datetime import timedelta
from typing import Any

import numpy as np
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from PIL import Image

from mamori.lists.exchange import hma
from mamori.lists.fingerprints import queries
from mamori.lists.fingerprints import services as bank
from tests.conftest import START
from tests.hotline.intake_steps import partner_face
from tests.lists.exchange.conftest import near

pytestmark = pytest.mark.django_db


def drawing(seed: int = 0, size: int = 256) -> bytes:
    """A PNG of soft shapes."""
    y, x = np.mgrid[0:size, 0:size] / size
    rng = np.random.default_rng(seed)
    light = sum(np.sin(2 * np.pi * (a * x + b * y) + c) * d for a, b, c, d in rng.uniform(0.5, 6, (12, 4)))
    grey = (255 * (light - light.min()) / (light.max() - light.min())).astype(np.uint8)
    out = io.BytesIO()
    Image.fromarray(grey).save(out, "PNG")
    return out.getvalue()


def lookup(machine: Any, path: str, **query: Any) -> Any:
    answer = machine.get(f"/m/{path}", query)
    assert answer.status_code == 200, answer.content
    return answer.json()


def test_look_ups_by_signal_answer_in_their_shapes(machine: Any, known: Any, follow: Any) -> None:
    picture, md5 = os.urandom(32), os.urandom(16)
    first, clip = known(pdq=picture), known("provider", md5=md5, media="video")
    follow()
    signal = near(picture, 6).hex()
    assert lookup(machine, "raw_lookup", signal=signal, signal_type="pdq") == {"matches": [first.number]}
    told = {"bank_content_id": first.number, "distance": "6"}
    assert lookup(machine, "raw_lookup", signal=signal, signal_type="pdq", include_distance="true") == {
        "matches": [told]
    }
    assert lookup(machine, "lookup", signal=signal, signal_type="pdq") == {"ngo": [told]}
    assert lookup(machine, "lookup", signal=md5.hex(), signal_type="video_md5") == {
        "provider": [{"bank_content_id": clip.number, "distance": "-"}]
    }
    assert lookup(machine, "lookup", signal=signal, signal_type="pdq", banks="provider,other") == {}
    assert lookup(machine, "raw_lookup", signal=os.urandom(32).hex(), signal_type="pdq") == {"matches": []}
    posted = machine.post("/m/raw_lookup", {"signal": signal, "signal_type": "pdq"})
    assert posted.json() == {"matches": [first.number]}


def test_a_picture_sent_is_hashed_in_memory_and_looked_up(machine: Any, people: Any, known: Any, follow: Any) -> None:
    data = drawing()
    answer = machine.post("/h/hash", {"photo": SimpleUploadedFile("a.png", data, "image/png")})
    assert answer.status_code == 200, answer.content
    value = bytes.fromhex(answer.json()["pdq"])
    assert len(value) == 32
    entry = known(pdq=near(value, 2))
    follow()
    found = machine.post("/m/lookup", {"photo": SimpleUploadedFile("b.png", data, "image/png")})
    assert found.json() == {"pdq": {"ngo": [{"bank_content_id": entry.number, "distance": "2"}]}}
    clip = machine.post("/h/hash", {"video": SimpleUploadedFile("c.mp4", b"anything", "video/mp4")})
    assert clip.json() == {"video_md5": "f0e166dc34d14d6c228ffac576c9a43c"}


def test_a_plain_picture_has_an_empty_signal(machine: Any, follow: Any) -> None:
    follow()
    out = io.BytesIO()
    Image.new("L", (64, 64), 128).save(out, "PNG")
    for path, told in (("/h/hash", {"pdq": ""}), ("/m/lookup", {"pdq": {}})):
        answer = machine.post(path, {"photo": SimpleUploadedFile("a.png", out.getvalue(), "image/png")})
        assert (answer.status_code, answer.json()) == (200, told)


def test_state_is_told_in_their_words(machine: Any, known: Any, follow: Any, folder: Any, frozen: Any) -> None:
    assert (machine.get("/status").status_code, machine.get("/status").content) == (503, b"INDEX-NOT-LOADED")
    assert machine.get("/m/index/status").json()["pdq"] == {"present": False, "built_to": -1, "size": 0}
    assert machine.get("/status/live").content == b"I-AM-ALIVE"
    known(pdq=os.urandom(32), md5=os.urandom(16))
    follow()
    assert (machine.get("/status").status_code, machine.get("/status").content) == (200, b"I-AM-ALIVE")
    status = machine.get("/m/index/status").json()
    assert status["pdq"]["present"] is True
    assert (status["pdq"]["size"], status["video_md5"]["size"]) == (1, 1)
    assert status["pdq"]["built_to"] == int(START.timestamp())
    assert set(machine.get("/m/index/status?signal_type=pdq").json()) == {"pdq"}
    frozen.shift(timedelta(seconds=61))
    assert (machine.get("/status").status_code, machine.get("/status").content) == (503, b"INDEX-STALE")


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/m/raw_lookup", 400),
        ("/m/raw_lookup?signal=00&signal_type=pdq", 400),
        (f"/m/raw_lookup?signal={'0' * 63}g&signal_type=pdq", 400),
        (f"/m/raw_lookup?signal={' 0' * 32}&signal_type=pdq", 400),
        (f"/m/raw_lookup?signal={'0' * 64}&signal_type=tmk", 400),
        (f"/m/raw_lookup?signal={'0' * 64}&signal_type=pdq&include_distance=perhaps", 400),
        ("/m/lookup?signal=%00&signal_type=%ff", 400),
        ("/m/lookup?url=https://pictures.example/1.jpg", 403),
        (f"/m/raw_lookup?url=https://pictures.example/&signal={'0' * 64}&signal_type=pdq", 403),
        ("/h/hash", 403),
        ("/h/hash?url=http://127.0.0.1:1/", 403),
        ("/m/index/status?signal_type=tmk", 400),
    ],
)
def test_wrong_questions_are_refused_in_their_shape(machine: Any, follow: Any, path: str, status: int) -> None:
    follow()
    answer = machine.get(path)
    assert (answer.status_code, set(answer.json())) == (status, {"message"})


def test_wrong_files_are_refused(machine: Any, follow: Any) -> None:
    follow()
    for path in ("/h/hash", "/m/lookup"):
        two = {"photo": [SimpleUploadedFile("a.png", drawing()), SimpleUploadedFile("b.png", b"x")]}
        large = {"photo": SimpleUploadedFile("a.png", bytes(hma.MOST_FILE + 1), "image/png")}
        assert machine.post(path, {"document": SimpleUploadedFile("a.png", b"x")}).status_code == 400
        assert machine.post(path, {"photo": SimpleUploadedFile("a.png", b"not a picture")}).status_code == 400
        assert machine.post(path, {"photo": SimpleUploadedFile("a.png", drawing()[:300])}).status_code == 400
        assert machine.post(path, two).status_code == 400
        assert machine.post(path, {"photo": "a text"}).status_code == 400
        assert machine.post(path, large).status_code == 413
        assert machine.post(path, b"--x", content_type="multipart/form-data; boundary=y").status_code == 400
        assert machine.post(path, b"x", content_type="multipart/form-data").status_code == 400
        assert machine.put(path).status_code == 405
    assert machine.post("/h/hash?types=video_md5", {"photo": SimpleUploadedFile("a.png", drawing())}).status_code == 400


def test_nothing_is_written_to_a_disk(machine: Any, follow: Any, monkeypatch: Any, tmp_path: Any) -> None:
    """A file is as large as is taken, and the folder for temporary files cannot be used."""
    follow()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "missing"))
    data = drawing(1, 64)
    padded = data + bytes(hma.MOST_FILE - len(data))
    answer = machine.post("/h/hash", {"video": SimpleUploadedFile("a.mp4", padded)})
    assert answer.status_code == 200, answer.content


def test_each_address_needs_a_token_with_the_scope(machine: Any, settings: Any, people: Any, follow: Any) -> None:
    follow()
    without = partner_face(settings, people.provider, "reports.write")
    paths = ("/m/raw_lookup", "/m/lookup", "/h/hash", "/m/index/status", "/status", "/status/live")
    for path in paths:
        for query in ("", f"?signal={'0' * 64}&signal_type=pdq", "?url=x"):
            for method in ("get", "post", "delete"):
                ask = getattr(without, method)
                for wrong in ("", "Bearer mamori_x", "Basic eDp5"):
                    answer = ask(path + query, headers={"Authorization": wrong})
                    assert (answer.status_code, answer.json()) == (401, {"message": "Unauthorized"}), path
                assert ask(path + query).status_code == 403


def test_look_ups_count_as_examined(machine: Any, people: Any, known: Any, follow: Any) -> None:
    from mamori.ground import clock

    picture = os.urandom(32)
    entry = known(pdq=picture)
    follow()
    lookup(machine, "raw_lookup", signal=picture.hex(), signal_type="pdq")
    lookup(machine, "lookup", signal=os.urandom(32).hex(), signal_type="pdq")
    today = clock.now().date()
    assert queries.examined(people.provider.id, since=today, until=today) == {"examined": 2, "similar": 1, "same": 0}
    bank.entry_withdraw(actor=people.ann.actor, entry_id=entry.id)
    assert lookup(machine, "raw_lookup", signal=picture.hex(), signal_type="pdq") == {"matches": []}
