"""PDQ beside the published implementation: the same bits within rounding, the same quality."""

from __future__ import annotations

import numpy as np
import pdqhash
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from mamori.engine.images import dihedral, fingerprint, pdq_of
from mamori.engine.limits import Limits
from tests.engine.images.pictures import distance, drawing, encoded, grain, opened, photo, poster, reference

SEEDS = range(3)


@pytest.mark.parametrize("size", [(640, 480), (481, 641), (333, 97)])
def test_a_full_decode_differs_by_two_bits_at_most(size: tuple[int, int]) -> None:
    for seed in SEEDS:
        image = photo(seed, *size)
        for data in (
            encoded(image, "JPEG", quality=60 + 3 * seed, subsampling=seed % 3),
            encoded(image, "PNG", compress_level=1),
        ):
            made = fingerprint(data)
            expected, quality = reference(opened(data))
            assert made.preprocessing == "mamori-1/full"
            assert distance(made.pdq, expected) <= 2
            assert abs(made.pdq_quality - quality) <= 1


def test_pure_colours_differ_by_six_bits_at_most() -> None:
    """JPEG's luma is taken as it is stored; the reference takes luma of colours that were clipped to what screens show."""
    for seed in range(6):
        data = encoded(poster(seed, 640, 480), "JPEG", quality=50 + 8 * seed)
        assert distance(fingerprint(data).pdq, reference(opened(data))[0]) <= 6


@pytest.mark.parametrize(
    ("size", "way"),
    [
        ((1600, 1000), "mamori-1/scale-2"),
        ((1080, 1920), "mamori-1/scale-2"),
        ((2003, 2051), "mamori-1/scale-4"),
    ],
)
def test_a_scaled_decode_stays_near(size: tuple[int, int], way: str) -> None:
    """Photographs within 2 bits, the hardest drawings within 6."""
    for seed in range(2):
        for image, most in ((photo(seed, *size), 2), (drawing(seed, *size), 6)):
            data = encoded(image, "JPEG", quality=70 + 8 * seed, progressive=bool(seed % 2))
            made = fingerprint(data)
            expected, quality = reference(opened(data))
            assert made.preprocessing == way
            assert distance(made.pdq, expected) <= most
            assert abs(made.pdq_quality - quality) <= 2


@pytest.mark.parametrize("size", [(640, 480), (1800, 1350)])
def test_where_noise_could_turn_many_bits_the_whole_picture_is_decoded_in_colours(size: tuple[int, int]) -> None:
    for seed in SEEDS:
        data = encoded(grain(seed, *size), "JPEG", quality=50 + 20 * seed)
        made = fingerprint(data)
        expected, quality = reference(opened(data))
        assert quality >= 80
        assert made.preprocessing == "mamori-1/full"
        assert distance(made.pdq, expected) <= 2


def test_a_picture_too_large_to_be_decoded_whole_keeps_what_part_of_it_gave() -> None:
    data = encoded(grain(0, 1800, 1350), "JPEG")
    assert fingerprint(data, limits=Limits(pixels=1_000_000)).preprocessing == "mamori-1/scale-2"


def test_nothing_small_is_decoded_at_a_smaller_scale() -> None:
    for size in ((3000, 999), (999, 3000), (640, 480)):
        assert fingerprint(encoded(Image.new("RGB", size), "JPEG")).preprocessing == "mamori-1/full"


def test_pictures_with_enough_to_see_keep_the_published_rule() -> None:
    """Quality of 80 and more: a distance of 10 at most, whatever is shown and however it is stored."""
    seen = 0
    for seed in SEEDS:
        for image in (drawing(seed, 700, 500), drawing(seed, 1200, 1100), photo(seed, 150, 90)):
            for data in (encoded(image, "JPEG", quality=40), encoded(image, "GIF"), encoded(image, "WEBP", quality=50)):
                made = fingerprint(data)
                expected, quality = reference(opened(data))
                assert abs(made.pdq_quality - quality) <= 2
                if quality >= 80:
                    seen += 1
                    assert distance(made.pdq, expected) <= 10
    assert seen > 15


def test_quality_follows_the_reference_over_its_whole_range() -> None:
    qualities = set()
    for strength in (0.02, 0.1, 0.2, 0.3, 0.4, 0.6, 0.8, 1.0):
        pixels = np.asarray(photo(3, 400, 300)).astype(np.float32)
        data = encoded(Image.fromarray((128 + (pixels - 128) * strength).astype(np.uint8)), "PNG", compress_level=1)
        value, quality = pdq_of(data)
        expected, known = reference(opened(data))
        assert abs(quality - known) <= 1
        if known >= 20:
            assert distance(value, expected) <= 2
        qualities.add(known)
    assert min(qualities) < 10
    assert max(qualities) == 100
    assert len(qualities) >= 5


def test_one_colour_has_no_quality() -> None:
    assert fingerprint(encoded(Image.new("RGB", (300, 200), "teal"), "PNG")).pdq_quality == 0


@settings(max_examples=60, deadline=None)
@given(width=st.integers(40, 700), height=st.integers(40, 700), seed=st.integers(0, 2**32))
def test_every_size_agrees(width: int, height: int, seed: int) -> None:
    """With something to see at every frequency: where there is nothing, as in what is 8 pixels wide, rounding decides in both."""
    coarse = np.random.default_rng(seed).integers(0, 256, (40, 40, 3), dtype=np.uint8)
    image = Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC)
    value, quality = pdq_of(encoded(image, "PNG", compress_level=1))
    expected, known = reference(image)
    assert abs(quality - known) <= 1
    assert distance(value, expected) <= 2


def test_sixty_four_by_sixty_four_is_taken_as_it_is() -> None:
    image = photo(7, 64, 64)
    assert pdq_of(encoded(image, "PNG")) == reference(image)


def test_below_five_pixels_there_is_no_pdq() -> None:
    for size in ((4, 100), (100, 4), (1, 1)):
        made = fingerprint(encoded(Image.new("RGB", size, "red"), "PNG"))
        assert (made.pdq, made.pdq_quality, made.width, made.height) == (None, 0, *size)
        assert dihedral(encoded(Image.new("RGB", size), "PNG")) == ()
    assert fingerprint(encoded(Image.new("RGB", (5, 5), "red"), "PNG")).pdq is not None


def test_the_eight_forms_are_the_published_ones() -> None:
    for seed in range(6):
        image = photo(seed, 320, 240)
        forms, _quality = pdqhash.compute_dihedral(np.asarray(image))
        ours = dihedral(encoded(image, "PNG", compress_level=1))
        assert [distance(one, np.packbits(other).tobytes()) <= 2 for one, other in zip(ours, forms, strict=True)] == [
            True
        ] * 8


def test_the_eight_forms_are_near_the_turned_files() -> None:
    """Whose fingerprint is close enough to match, and none is another's."""
    image = photo(2, 640, 480)
    turns = Image.Transpose
    turned = [image, *(image.transpose(way) for way in (turns.ROTATE_90, turns.ROTATE_180, turns.ROTATE_270, turns.FLIP_TOP_BOTTOM, turns.FLIP_LEFT_RIGHT, turns.TRANSPOSE, turns.TRANSVERSE))]  # fmt: skip
    ours = dihedral(encoded(image, "PNG", compress_level=1))
    table = [[distance(form, reference(other)[0]) for other in turned] for form in ours]
    assert max(table[number][number] for number in range(8)) <= 31
    assert min(table[one][other] for one in range(8) for other in range(8) if one != other) > 60
