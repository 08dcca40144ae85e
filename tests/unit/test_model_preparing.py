"""How a picture becomes a network's input, and where a point of it is found again."""

from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.inference.entries import Input
from pipeline.inference.preparing import prepare
from pipeline.inference.samples import sample_picture

SAMPLE_SUM = 2667100
SIDES = st.integers(1, 300)


def an_input(**changes: Any) -> Input:
    return Input.model_validate({"tensor": "x", "size": (64, 96), **changes})


def a_flat_picture(height: int, width: int, *color: int) -> np.ndarray:
    return np.full((height, width, 3), color, np.uint8)


def test_numbers_are_divided_then_less_the_mean_then_over_the_deviation() -> None:
    spec = an_input(divide_by=255, mean=(0.5, 0.25, 0), std=(0.5, 0.5, 2))
    batch, _ = prepare(a_flat_picture(64, 96, 255, 51, 102), spec)
    assert batch.shape == (1, 3, 64, 96) and batch.dtype == np.float32
    assert np.allclose(batch[0, :, 5, 5], [1.0, -0.1, 0.2], atol=1e-6)


def test_blue_comes_first_where_the_network_wants_it() -> None:
    batch, _ = prepare(a_flat_picture(64, 96, 1, 2, 3), an_input(color="BGR", mean=(1, 1, 1)))
    assert batch[0, :, 0, 0].tolist() == [2, 1, 0]


def test_whole_numbers_stay_whole_with_the_channels_last() -> None:
    batch, _ = prepare(a_flat_picture(64, 96, 1, 2, 3), an_input(dtype="uint8", layout="NHWC"))
    assert batch.shape == (1, 64, 96, 3) and batch.dtype == np.uint8
    assert batch[0, 0, 0].tolist() == [1, 2, 3]


def test_nearest_invents_no_tone() -> None:
    picture = a_flat_picture(200, 200, 0, 0, 0)
    picture[::3] = 255
    tones = {resize: set(np.unique(prepare(picture, an_input(resize=resize))[0])) for resize in ("nearest", "squash")}
    assert tones["nearest"] == {0, 255}
    assert len(tones["squash"]) > 2


def test_a_centre_crop_keeps_the_middle_of_the_longer_side() -> None:
    picture = a_flat_picture(100, 300, 0, 0, 0)
    picture[:, 100:200] = 200
    batch, _ = prepare(picture, an_input(size=(64, 64), resize="center_crop", short_side=64))
    assert batch.min() > 190


def test_a_letterbox_shows_everything_and_fills_the_rest() -> None:
    spec = an_input(size=(64, 64), resize="letterbox", pad=114)
    batch, placement = prepare(a_flat_picture(50, 100, 9, 9, 9), spec)
    rows = batch[0, 0, :, 0]
    assert rows[16:48].tolist() == [9] * 32
    assert set(rows[:16]) | set(rows[48:]) == {114}
    assert placement.fractions(np.array([[0, 16, 64, 48]], np.float32)).tolist() == [[0, 0, 1, 1]]


def test_a_letterbox_at_the_top_left_has_no_offset() -> None:
    spec = an_input(size=(64, 64), resize="letterbox", anchor="top_left")
    assert prepare(a_flat_picture(50, 100, 9, 9, 9), spec)[1].offset_y == 0


def test_free_keeps_the_size_up_to_a_longest_side_and_fills_to_a_multiple() -> None:
    spec = an_input(resize="free", longest_side=320, multiple=32)
    assert prepare(a_flat_picture(100, 200, 1, 1, 1), spec)[0].shape == (1, 3, 128, 224)
    assert prepare(a_flat_picture(1000, 2000, 1, 1, 1), spec)[0].shape == (1, 3, 160, 320)


@pytest.mark.parametrize("resize", ["squash", "nearest", "letterbox", "center_crop"])
@given(height=SIDES, width=SIDES)
def test_every_picture_becomes_the_size_of_the_entry(resize: str, height: int, width: int) -> None:
    spec = an_input(resize=resize, short_side=100)
    batch, _ = prepare(a_flat_picture(height, width, 7, 8, 9), spec)
    assert batch.shape == (1, 3, 64, 96)


@pytest.mark.parametrize(
    "changes",
    [
        {"resize": "squash"},
        {"resize": "letterbox"},
        {"resize": "letterbox", "anchor": "top_left"},
        {"resize": "center_crop", "short_side": 100},
        {"resize": "free", "longest_side": 120, "multiple": 32},
    ],
    ids=str,
)
def test_what_is_seen_in_the_input_is_found_again_in_the_picture(changes: dict[str, Any]) -> None:
    picture = a_flat_picture(200, 320, 0, 0, 0)
    picture[80:120, 140:200] = 255
    batch, placement = prepare(picture, an_input(**changes))
    rows, columns = np.nonzero(batch[0, 0] > 127)
    corners = np.array([[columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]], np.float32)
    assert np.allclose(placement.fractions(corners), [[140 / 320, 80 / 200, 200 / 320, 120 / 200]], atol=0.02)


def test_the_sample_is_the_same_everywhere() -> None:
    sample = sample_picture(64, 96)
    assert sample.shape == (64, 96, 3)
    assert int(sample.astype(np.int64).sum()) == SAMPLE_SUM
    assert cv2.Laplacian(sample, cv2.CV_64F).std() > 10
