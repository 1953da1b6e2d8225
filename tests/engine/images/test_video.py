"""Videos drawn by code: which frames are taken, their PDQ, and shares of frames as vPDQ counts them.

vPDQ's own package is C++ and needs FFmpeg's headers to build, so it is not among the peers. Checked against: the
published reading of a frame (RGB, then the published PDQ), threatexchange's own matcher for vPDQ in Python (it asks
of the C++ package the name of one type only), and a slow reading of the published rule.
"""

from __future__ import annotations

import hashlib
import io
import sys
import types
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from mamori.engine.images import (
    Decoder,
    Frame,
    ImageError,
    Limits,
    digests_of,
    feature_list,
    video_fingerprint,
    video_fingerprint_safely,
    video_match,
)
from tests.engine.images.pictures import distance, encoded, photo, reference


@cache
def video(
    scenes: tuple[int, ...],
    *,
    rate: int = 10,
    codec: str = "libx264",
    kind: str = "mp4",
    size: tuple[int, int] = (192, 144),
) -> bytes:
    """Each scene (a seed) is shown for one second, drifting slowly to the side."""
    import av

    file = io.BytesIO()
    with av.open(file, "w", format=kind) as container:
        stream = container.add_stream(
            codec, rate=rate, options={"crf": "18", "x264-params": "threads=1"} if "264" in codec else {}
        )
        stream.width, stream.height, stream.pix_fmt = *size, "yuv420p"
        stream.codec_context.thread_count = 1
        if "264" not in codec:
            stream.bit_rate = 2_000_000
        for seed in scenes:
            wide = photo(seed, 224, 144).resize((size[0] + size[0] // 6, size[1]))
            for step in range(rate):
                left = size[0] * step // (12 * rate)
                shown = wide.crop((left, 0, left + size[0], size[1]))
                container.mux(stream.encode(av.VideoFrame.from_image(shown)))
        container.mux(stream.encode(None))
    return file.getvalue()


@pytest.mark.parametrize(
    ("codec", "kind"), [("libx264", "mp4"), ("mpeg4", "avi"), ("libvpx", "webm"), ("mpeg2video", "mpegts")]
)
def test_a_frame_each_second_as_the_reference_reads_it(codec: str, kind: str) -> None:
    import av

    data = video((1, 2, 3), codec=codec, kind=kind)
    made = video_fingerprint(data)
    assert [round(frame.at_seconds, 3) for frame in made.frames] == [0.0, 1.0, 2.0]
    assert made.seconds == pytest.approx(2.9, abs=0.01)
    assert made.md5 == hashlib.md5(data, usedforsecurity=False).digest()
    assert made.sha256 == hashlib.sha256(data).digest()
    with av.open(io.BytesIO(data)) as container:
        shown = [frame.to_image() for frame in container.decode(video=0)][::10]
    for frame, image in zip(made.frames, shown, strict=True):
        expected, quality = reference(image)
        assert distance(frame.pdq, expected) <= 4
        assert abs(frame.quality - quality) <= 2


def test_frames_are_taken_by_time_not_by_number() -> None:
    slow, quick = (video_fingerprint(video((4, 5, 6, 7), rate=rate), interval=0.5).frames for rate in (4, 12))
    assert (
        [frame.at_seconds for frame in slow] == [frame.at_seconds for frame in quick] == [half / 2 for half in range(8)]
    )
    assert video_match(slow, quick).reaches(query=80, compared=80)


def test_a_part_of_a_video_is_found_in_it() -> None:
    known, part, other = (video_fingerprint(video(scenes)).frames for scenes in ((1, 2, 3, 4), (2, 3), (8, 9)))
    found = video_match(part, known)
    assert (found.query_percent, found.compared_percent) == (100.0, 50.0)
    assert found.reaches(compared=50)
    assert not found.reaches()
    assert video_match(known, part).reaches()
    assert video_match(other, known) == video_match(known, other) == video_match((), known) == type(found)(0.0, 0.0)


def test_another_coding_is_the_same_video() -> None:
    scenes = (1, 2, 3)
    same = video_match(
        video_fingerprint(video(scenes, codec="mpeg4", kind="avi", size=(256, 192))).frames,
        video_fingerprint(video(scenes)).frames,
    )
    assert same.reaches(query=60, compared=60)


# --- shares of frames -----------------------------------------------------------------------------------------------

_PALETTE = [
    bytes(32),
    b"\1" + bytes(31),
    b"\xff\xff\xff\xfe" + bytes(28),
    b"\xff\xff\xff\xff" + bytes(28),
    b"\xff" * 32,
]
_frames = st.lists(
    st.builds(Frame, st.sampled_from(_PALETTE), st.sampled_from([0, 49, 50, 100]), st.floats(0, 9000, width=16)), max_size=12
)  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(query=_frames, compared=_frames)
def test_shares_are_those_of_the_published_rule(query: list[Frame], compared: list[Frame]) -> None:
    def distinct(frames: Sequence[Frame]) -> list[bytes]:
        seen: list[Frame] = []
        for frame in frames:
            if frame.pdq not in [one.pdq for one in seen]:
                seen.append(frame)
        return [one.pdq for one in seen if one.quality >= 50]

    def share(of: list[bytes], among: list[bytes]) -> float:
        near = [one for one in of if min(distance(one, other) for other in among) <= 31]
        return 100 * len(near) / len(of)

    ours, theirs = distinct(query), distinct(compared)
    made = video_match(query, compared)
    if ours and theirs:
        assert (made.query_percent, made.compared_percent) == (share(ours, theirs), share(theirs, ours))
    else:
        assert (made.query_percent, made.compared_percent) == (0, 0)


def test_shares_are_those_of_threatexchange(monkeypatch: pytest.MonkeyPatch) -> None:
    named: Any = types.ModuleType("vpdq")
    named.VpdqFeature = object
    monkeypatch.setitem(sys.modules, "vpdq", named)
    from threatexchange.extensions.vpdq.vpdq_brute_matcher import match_VPDQ_hash_brute
    from threatexchange.extensions.vpdq.vpdq_util import VpdqCompactFeature

    rng = np.random.default_rng(3)
    for _ in range(60):
        centres = rng.integers(0, 256, (4, 32), dtype=np.uint8)
        sides = []
        for _ in range(2):
            frames = []
            for number in range(12):
                bits = np.unpackbits(centres[rng.integers(0, 4)])
                bits[rng.choice(256, int(rng.integers(0, 24)), replace=False)] ^= 1
                frames.append(Frame(np.packbits(bits).tobytes(), int(rng.integers(45, 101)), number / 3))
            sides.append(frames)
        query, compared = ([VpdqCompactFeature.from_str(line) for line in feature_list(side)] for side in sides)
        theirs = match_VPDQ_hash_brute(query, compared, 50, 31)
        made = video_match(*sides)
        assert made.query_percent == pytest.approx(theirs.query_match_percent)
        assert made.compared_percent == pytest.approx(theirs.compared_match_percent)


# --- limits and hostile files ---------------------------------------------------------------------------------------


def refused(data: bytes | Path, limits: Limits = Limits()) -> str:  # noqa: B008
    with pytest.raises(ImageError) as refusal:
        video_fingerprint(data, limits=limits)
    assert refusal.value.digests == digests_of(data)
    return refusal.value.code


def test_limits() -> None:
    data = video((1, 2, 3))
    assert refused(data, Limits(pixels=192 * 144 - 1)) == "too_many_pixels"
    assert refused(data, Limits(duration=1)) == "too_long"


def test_what_is_no_video(tmp_path: Path) -> None:
    for data in (b"", b"text", encoded(photo(1, 64, 64), "PNG"), b"\0\0\0\x18ftypmp42" + bytes(500)):
        assert refused(data) in {"not_a_video", "damaged"}
    with pytest.raises(ImageError) as refusal:
        video_fingerprint(tmp_path / "absent.mp4")
    assert refusal.value.code == "not_readable"


def test_nothing_that_a_file_points_to_is_opened(tmp_path: Path) -> None:
    """Playlists, lists of parts and references to other files could read what is not theirs, or call outside."""
    other = tmp_path / "other.ts"
    other.write_bytes(video((1,), codec="mpeg2video", kind="mpegts"))
    lists = {
        "list.m3u8": f"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n{other}\n#EXT-X-ENDLIST\n",
        "list.ffconcat": f"ffconcat version 1.0\nfile '{other}'\n",
        "list.mpd": f'<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011"><Period><BaseURL>{other}</BaseURL></Period></MPD>',
        "list.sdp": "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 9 RTP/AVP 96\n",
    }
    for name, text in lists.items():
        path = tmp_path / name
        path.write_text(text)
        assert refused(path) == "not_a_video", name
    assert len(video_fingerprint(other).frames) == 1


def test_a_damaged_part_leaves_the_rest() -> None:
    whole = video((1, 2, 3, 4), codec="mpeg2video", kind="mpegts")
    broken = bytearray(whole)
    middle = len(broken) // 2
    broken[middle : middle + 400] = bytes(400)
    made, kept = video_fingerprint(whole).frames, video_fingerprint(bytes(broken)).frames
    assert video_match(kept, made).compared_percent >= 50


def test_a_codec_nobody_has_is_refused() -> None:
    data = video((1,))
    assert data.count(b"avc1") == 2  # as a brand of the file, and as the kind of its samples
    assert refused(data.replace(b"avc1", b"zzzz")) == "not_a_video"


def test_in_a_child(tmp_path: Path) -> None:
    path = tmp_path / "video.mp4"
    data = video((1, 2, 3))
    path.write_bytes(data)
    expected = video_fingerprint(path)
    assert video_fingerprint_safely(path) == expected
    rng = np.random.default_rng(1)
    with Decoder() as decoder:
        assert decoder.video_fingerprint(data) == expected
        assert decoder.fingerprint(encoded(photo(1, 64, 64), "PNG")).pdq_quality > 50
        assert len(decoder.processes()) == 2
        codes = set()
        for number in range(40):
            changed = bytearray(data if number % 2 else video((1, 2), codec="mpeg4", kind="avi"))
            for _ in range(30):
                changed[rng.integers(0, len(changed))] = rng.integers(0, 256)
            if number % 5 == 0:
                del changed[rng.integers(100, len(changed)) :]
            try:
                assert decoder.video_fingerprint(bytes(changed)).frames is not None
                codes.add("read")
            except ImageError as error:
                codes.add(error.code)
        assert "decoder_died" not in codes
        assert "read" in codes
        with pytest.raises(ImageError) as refusal:
            decoder.video_fingerprint(b"\x1aE\xdf\xa3" + bytes(range(256)) * 10)
        assert refusal.value.code in {"not_a_video", "damaged"}
        assert decoder.video_fingerprint(data) == expected
        for pid in decoder.processes():
            status = Path(f"/proc/{pid}/status").read_text().splitlines()
            assert int(next(line for line in status if line.startswith("VmHWM")).split()[1]) * 1024 <= 256 * 2**20


def test_a_frame_too_large_for_memory_is_refused() -> None:
    with Decoder(Limits(video_memory=100 * 2**20)) as decoder:
        data = _one_large()
        with pytest.raises(ImageError) as refusal:
            decoder.video_fingerprint(data)
        assert refusal.value.code in {"memory_exceeded", "damaged", "not_a_video"}
        assert decoder.video_fingerprint(video((1,))).frames


def _one_large() -> bytes:
    import av

    file = io.BytesIO()
    with av.open(file, "w", format="avi") as container:
        stream = container.add_stream("mpeg4", rate=1)
        stream.width, stream.height, stream.pix_fmt = 7200, 5200, "yuv420p"
        container.mux(stream.encode(av.VideoFrame.from_image(Image.new("RGB", (7200, 5200), "teal"))))
        container.mux(stream.encode(None))
    return file.getvalue()
