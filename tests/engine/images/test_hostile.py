"""Files made to harm, in a decoder child: each is refused by name within its memory and time, and the parent goes on."""

from __future__ import annotations

import json
import os
import random
import signal
import struct
import subprocess
import sys
import threading
import time
import zlib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from PIL import Image

from mamori.engine.images import Decoder, Fingerprint, ImageError, Limits, digests_of, fingerprint, fingerprint_safely
from tests.engine.images.pictures import encoded, heic, photo

MEMORY = 256 * 2**20


@pytest.fixture(scope="module")
def decoder() -> Iterator[Decoder]:
    with Decoder() as made:
        yield made


def refused(decoder: Decoder, data: bytes | Path) -> str:
    with pytest.raises(ImageError) as refusal:
        decoder.fingerprint(data)
    assert refusal.value.digests == digests_of(data)
    assert str(refusal.value)
    return refusal.value.code


def most_memory(decoder: Decoder) -> int:
    """Bytes that were ever resident in the child."""
    (pid,) = decoder.processes()
    line = next(line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) * 1024


def processor_seconds(decoder: Decoder) -> float:
    (pid,) = decoder.processes()
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


# --- bombs ----------------------------------------------------------------------------------------------------------


def png_bomb(width: int, height: int, colour: int, rows: bytes) -> bytes:
    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    head = struct.pack(">IIBBBBB", width, height, 8, colour, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def with_size(data: bytes, width: int, height: int) -> bytes:
    """A baseline JPEG that says another size."""
    at = data.index(b"\xff\xc0")
    return data[: at + 5] + struct.pack(">HH", height, width) + data[at + 9 :]


def tiff_bomb(width: int, height: int) -> bytes:
    def tag(number: int, value: int) -> bytes:
        return struct.pack("<HHII", number, 4, 1, value)

    packed = zlib.compress(bytes(1000))
    tags = [
        (256, width),
        (257, height),
        (258, 8),
        (259, 8),
        (262, 1),
        (273, 8),
        (277, 1),
        (278, height),
        (279, len(packed)),
    ]
    entries = b"".join(tag(number, value) for number, value in tags)
    directory = struct.pack("<H", len(tags)) + entries + bytes(4)
    return b"II*\0" + struct.pack("<I", 8 + len(packed)) + packed + directory


@cache
def bombs() -> dict[str, tuple[bytes, str]]:
    small = encoded(photo(1, 64, 64), "JPEG")
    gif = bytearray(encoded(photo(1, 64, 64), "GIF"))
    gif[6:10] = struct.pack("<HH", 65535, 65535)
    webp = bytearray(encoded(Image.new("RGB", (64, 64)), "WEBP", lossless=True))
    webp[21:25] = struct.pack("<I", (struct.unpack("<I", webp[21:25])[0] & 0xF0000000) | 16382 | 16382 << 14)
    progressive = encoded(photo(1, 64, 64), "JPEG", progressive=True)
    return {
        "png": (png_bomb(60000, 60000, 2, zlib.compress(bytes(2**20))), "too_many_pixels"),
        "png grey": (png_bomb(2**31 - 1, 2**31 - 1, 0, b""), "too_many_pixels"),
        "jpeg": (with_size(small, 65500, 65500), "too_many_pixels"),
        "jpeg thin": (with_size(small, 65500, 999), "too_many_pixels"),
        "jpeg progressive": (with_size(progressive.replace(b"\xff\xc2", b"\xff\xc0", 1), 9000, 9000).replace(b"\xff\xc0", b"\xff\xc2", 1), "too_many_pixels"),
        "gif": (bytes(gif), "too_many_pixels"),
        "webp": (bytes(webp), "too_many_pixels"),
        "webp within pixels": (encoded(Image.new("RGB", (7000, 5000)), "WEBP", lossless=True, quality=0, method=0), "too_many_pixels"),
        "tiff": (tiff_bomb(60000, 60000), "too_many_pixels"),
        "bmp": (b"BM" + struct.pack("<IIIIiiHHIIiiII", 54, 0, 54, 40, 60000, 60000, 1, 24, 0, 0, 0, 0, 0, 0), "too_many_pixels"),
        "heic": (heic(photo(1, 320, 240), says=(60000, 60000)), "too_many_pixels"),
    }  # fmt: skip


@pytest.mark.parametrize(
    "name",
    [
        "png",
        "png grey",
        "jpeg",
        "jpeg thin",
        "jpeg progressive",
        "gif",
        "webp",
        "webp within pixels",
        "tiff",
        "bmp",
        "heic",
    ],
)
def test_bombs_are_refused_before_they_are_decoded(decoder: Decoder, name: str) -> None:
    data, code = bombs()[name]
    assert len(data) < 100_000
    decoder.fingerprint(encoded(photo(1, 64, 64), "JPEG"))
    before = processor_seconds(decoder)
    assert refused(decoder, data) == code
    assert processor_seconds(decoder) - before < 1
    assert most_memory(decoder) <= MEMORY


def test_what_is_allowed_stays_within_memory() -> None:
    """What telephones make is read, in each way of decoding; larger ones too, or they are refused by name."""
    pictures = {
        "png": encoded(Image.new("RGBA", (8000, 5000), (9, 8, 7, 6)), "PNG", compress_level=1),
        "jpeg": encoded(Image.new("L", (12000, 9000)), "JPEG"),
        "progressive": encoded(Image.new("RGB", (8000, 5000)), "JPEG", progressive=True),
        "webp": encoded(Image.new("RGB", (4000, 3000)), "WEBP", method=0),
        "avif": encoded(Image.new("RGB", (4000, 3000)), "AVIF", speed=10),
        "heic": heic(Image.new("RGB", (5712, 4284))),
        "larger: cmyk": encoded(Image.new("CMYK", (8000, 4900)), "JPEG"),
    }
    for name, data in pictures.items():
        with Decoder() as decoder:
            try:
                assert decoder.fingerprint(data).pdq_quality == 0, name
            except ImageError as error:
                assert name.startswith("larger"), (name, error.code)
                assert error.code in {"memory_exceeded", "too_many_pixels"}, name
            if decoder.processes():
                assert most_memory(decoder) <= MEMORY, name


def test_memory_is_limited_where_no_header_tells() -> None:
    """A child that may hold little fails in the decoder itself, says so, and the next file has a new child."""
    image = Image.new("RGB", (4000, 3900))
    with Decoder(Limits(memory=128 * 2**20)) as decoder:
        for data in (
            encoded(image, "TIFF", strip_size=10**9),
            encoded(image, "TIFF", compression="tiff_deflate", strip_size=10**9),
            encoded(image, "JPEG", progressive=True, subsampling=0),
        ):
            assert refused(decoder, data) == "memory_exceeded"
            assert decoder.fingerprint(encoded(photo(1, 64, 64), "PNG")).pdq is not None
            assert most_memory(decoder) <= 128 * 2**20


def test_time_is_limited_and_the_next_file_has_a_new_child() -> None:
    with Decoder(Limits(seconds=1, pixels=200_000_000, memory=2**31)) as decoder:
        data = encoded(Image.new("RGB", (12000, 12000)), "PNG", compress_level=1)
        good = encoded(photo(1, 64, 64), "JPEG")
        decoder.fingerprint(good)
        first = decoder.processes()
        assert refused(decoder, data) == "time_exceeded"
        assert decoder.fingerprint(good) == fingerprint(good)
        assert decoder.processes() != first


# --- damage ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "AVIF"])
def test_truncated_files_are_refused(decoder: Decoder, kind: str) -> None:
    whole = encoded(photo(1, 160, 120), kind)
    for share in (0.1, 0.5, 0.9):
        assert refused(decoder, whole[: int(len(whole) * share)]) in {"truncated", "damaged", "not_an_image"}


def test_truncated_jpeg_is_called_so(decoder: Decoder) -> None:
    whole = encoded(photo(1, 160, 120), "JPEG")
    for size in (3, 100, 300, len(whole) // 2):
        assert refused(decoder, whole[:size]) == "truncated"


def test_one_file_in_two_formats_is_read_as_what_it_begins_with(decoder: Decoder) -> None:
    picture, other = encoded(photo(1, 160, 120), "JPEG"), encoded(photo(2, 160, 120), "PNG")
    for tail in (other, b"PK\5\6" + bytes(18), b"<script>alert(1)</script>", b"%PDF-1.7"):
        made = decoder.fingerprint(picture + tail)
        assert made.pdq == fingerprint(picture).pdq
        assert made.sha256 == digests_of(picture + tail).sha256
    assert refused(decoder, b"%PDF-1.7\n" + picture) == "not_an_image"
    assert refused(decoder, b"GIF89a/*" + picture) in {"damaged", "truncated", "not_an_image", "too_many_pixels"}


def test_random_changes_crash_nothing(decoder: Decoder) -> None:
    """Each answer is a fingerprint or one of the codes; the child stays within its memory."""
    chance = random.Random(20261128)
    image = photo(3, 96, 80)
    exif = Image.Exif()
    exif[0x0112] = 5
    files = [encoded(image, kind, exif=exif) for kind in ("JPEG", "PNG", "WEBP", "TIFF")]
    files += [encoded(image, "JPEG", progressive=True), encoded(image, "GIF"), encoded(image, "BMP"), encoded(image, "AVIF"), heic(photo(3, 320, 240))]  # fmt: skip
    codes: dict[str, int] = {}
    for whole in files:
        for _ in range(60):
            data = bytearray(whole)
            for _ in range(chance.choice((1, 3, 20))):
                place = chance.randrange(min(len(data), chance.choice((64, 400, 10**6))))
                data[place] = chance.choice((0, 0xFF, 0x7F, chance.randrange(256)))
            if chance.random() < 0.2:
                del data[chance.randrange(len(data)) :]
            try:
                made = decoder.fingerprint(bytes(data))
                code = "read"
                assert made.pdq is None or len(made.pdq) == 32
            except ImageError as error:
                code = error.code
            codes[code] = codes.get(code, 0) + 1
    assert codes["read"] > 50
    assert codes["damaged"] > 20
    assert "decoder_died" not in codes
    assert most_memory(decoder) <= MEMORY


def test_noise_after_each_magic_number(decoder: Decoder) -> None:
    chance = random.Random(7)
    for magic in (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"RIFF\0\1\0\0WEBPVP8 ", b"GIF89a", b"BM", b"II*\0", b"MM\0*", b"\0\0\0\x20ftypavif", b"\0\0\0\x18ftypheic"):  # fmt: skip
        for size in (0, 10, 1000, 20000):
            assert refused(decoder, magic + chance.randbytes(size)) in ImageError.reasons


# --- the child and its parent ---------------------------------------------------------------------------------------


def test_a_killed_child_is_replaced(decoder: Decoder) -> None:
    good = encoded(photo(1, 64, 64), "JPEG")
    expected = decoder.fingerprint(good)
    for ending in (signal.SIGKILL, signal.SIGSEGV):
        (pid,) = decoder.processes()
        os.kill(pid, ending)
        assert decoder.fingerprint(good) == expected
        assert decoder.processes() != [pid]


def test_a_child_killed_over_a_file_is_said_and_replaced() -> None:
    slow = encoded(photo(1, 2000, 1500), "PNG", compress_level=0) * 1
    good = encoded(photo(1, 64, 64), "JPEG")
    with Decoder() as decoder:
        decoder.fingerprint(good)
        (pid,) = decoder.processes()
        os.kill(pid, signal.SIGSTOP)
        killer = threading.Timer(0.5, os.kill, (pid, signal.SIGKILL))
        killer.start()
        made = decoder.fingerprint(slow)  # asked again of a new child
        killer.join()
        assert made == fingerprint(slow)
        assert decoder.processes() != [pid]


def test_a_child_that_does_not_answer_is_ended() -> None:
    good = encoded(photo(1, 64, 64), "JPEG")
    with Decoder(Limits(seconds=1, patience=1)) as decoder:
        decoder.fingerprint(good)
        (pid,) = decoder.processes()
        os.kill(pid, signal.SIGSTOP)
        began = time.monotonic()
        assert refused(decoder, good) == "time_exceeded"
        assert time.monotonic() - began < 10
        assert not Path(f"/proc/{pid}").exists()
        assert decoder.fingerprint(good).pdq is not None


def test_the_child_has_no_secrets_and_few_rights(decoder: Decoder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAMORI_SECRET_KEY", "do-not-tell")
    decoder.close()
    decoder.fingerprint(encoded(photo(1, 64, 64), "JPEG"))
    (pid,) = decoder.processes()
    assert b"do-not-tell" not in Path(f"/proc/{pid}/environ").read_bytes()
    limits = Path(f"/proc/{pid}/limits").read_text()
    hard = {line[:26].strip(): line[26:].split()[1] for line in limits.splitlines()[1:]}
    assert hard["Max file size"] == hard["Max core file size"] == "0"
    assert hard["Max open files"] == "32"
    assert int(hard["Max address space"]) < 2**30
    # Its socket, the null device, and nothing of ours.
    assert len(list(Path(f"/proc/{pid}/fd").iterdir())) <= 4


def test_the_child_ends_with_its_parent() -> None:
    code = (
        "import sys, os; from mamori.engine.images import Decoder; d = Decoder()\n"
        "d.fingerprint(sys.stdin.buffer.read()); print(d.processes()[0], flush=True); os._exit(9)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        input=encoded(photo(1, 64, 64), "JPEG"),
        env={**os.environ, "PYTHONPATH": "src"},
        capture_output=True,
        check=False,
    )
    assert done.returncode == 9, done.stderr
    gone = Path(f"/proc/{int(done.stdout)}")
    until = time.monotonic() + 10
    while gone.exists() and gone.joinpath("stat").read_text().split()[2] != "Z":
        assert time.monotonic() < until
        time.sleep(0.05)


def test_several_threads_share_one(decoder: Decoder) -> None:
    files = [encoded(photo(seed, 120, 90), "PNG") for seed in range(4)]
    expected = [fingerprint(data) for data in files]
    made: dict[int, Fingerprint] = {}

    def work(number: int) -> None:
        made[number] = decoder.fingerprint(files[number % 4])

    threads = [threading.Thread(target=work, args=(number,)) for number in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [made[number] for number in range(12)] == expected * 3


def test_one_file_alone(tmp_path: Path) -> None:
    path = tmp_path / "picture.png"
    path.write_bytes(encoded(photo(1, 120, 90), "PNG"))
    assert fingerprint_safely(path) == fingerprint(path)
    with pytest.raises(ImageError) as refusal:
        fingerprint_safely(b"\x89PNG\r\n\x1a\n")
    assert refusal.value.code in {"damaged", "truncated", "not_an_image"}


def test_what_a_child_says_is_checked() -> None:
    """A child that was taken over answers with anything: the parent refuses it."""
    from mamori.engine.images import decoder as module

    good = encoded(photo(1, 64, 64), "JPEG")
    seen = digests_of(good)
    digests = {"md5": seen.md5.hex(), "sha1": seen.sha1.hex(), "sha256": seen.sha256.hex(), "size": seen.size}
    made = {"pdq": "00" * 32, "pdq_quality": 1, "width": 1, "height": 1, "preprocessing": "mamori-1/full"}
    lies = [
        [b"\xff\xff\xff\xff"],
        [b"\0\0\0\2[]"],
        [b"\0\0\0\3abc"],
        [digests | {"md5": "00"}, made],
        [digests, made | {"pdq": "00"}],
        [digests, made | {"pdq_quality": 101}],
        [digests, made | {"width": "1"}],
        [digests, made | {"preprocessing": "<b>"}],
        [digests, {"error": "fine"}],
        [digests, {}],
    ]
    for lie in lies:
        with Decoder() as decoder:
            decoder._children["image"] = liar = _Liar(lie)
            assert refused(decoder, good) == "decoder_died", lie
            assert liar.process.returncode is not None
    assert module.LARGEST < 2**32


class _Liar:
    """A real process with a socket, which answers what it is told to."""

    def __new__(cls, answers: list[bytes | dict[str, object]]) -> object:
        import socket

        from mamori.engine.images import decoder as module

        body = b"".join(
            each if isinstance(each, bytes) else struct.pack(">I", len(json.dumps(each))) + json.dumps(each).encode()
            for each in answers
        )
        child = object.__new__(module._Child)
        child.asked = False
        child._peer, theirs = socket.socketpair()
        code = f"import socket; s = socket.socket(fileno=0); s.recv(9999); s.sendall({body!r}); s.recv(1)"
        child.process = subprocess.Popen([sys.executable, "-c", code], stdin=theirs, stderr=subprocess.DEVNULL)
        theirs.close()
        return child
