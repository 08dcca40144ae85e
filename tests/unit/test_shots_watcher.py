"""Shots are told apart by cuts, dissolves and fades, and by nothing that happens within one."""

from collections.abc import Iterable
from functools import cache
from itertools import pairwise

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from pipeline.media.video.frame import Frame
from pipeline.stages.analyze.shots import ShotWatcher

RATE = 30
Luma = NDArray[np.uint8]


@cache
def scene(seed: int) -> Luma:
    """A picture with large shapes and fine detail, unlike that of any other seed; larger than a frame."""
    chance = np.random.default_rng(seed)
    shapes = cv2.resize(chance.integers(30, 226, (7, 12), np.uint8), (480, 270), interpolation=cv2.INTER_CUBIC)
    detail = cv2.resize(chance.normal(0, 30, (135, 240)), (480, 270))
    return np.clip(shapes + detail, 0, 255).astype(np.uint8)


def still(seed: int, frames: int) -> list[Luma]:
    return [scene(seed)[:180, :320]] * frames


def pan(seed: int, frames: int, step: int) -> list[Luma]:
    picture = scene(seed)
    return [picture[number % 90 : number % 90 + 180, step * number : step * number + 320] for number in range(frames)]


def mixed(one: Luma, other: Luma, share: float) -> Luma:
    return np.asarray(cv2.addWeighted(one, 1 - share, other, share, 0), np.uint8)


def dissolve(one: list[Luma], other: list[Luma], length: int) -> list[Luma]:
    blends = [
        mixed(old, new, (number + 1) / (length + 1))
        for number, (old, new) in enumerate(zip(one[-length:], other[:length], strict=True))
    ]
    return one[:-length] + blends + other[length:]


def through(color: int, one: list[Luma], other: list[Luma], half: int, hold: int) -> list[Luma]:
    flat = np.full_like(one[0], color)
    out = [mixed(picture, flat, (number + 1) / half) for number, picture in enumerate(one[-half:])]
    into = [mixed(flat, picture, number / half) for number, picture in enumerate(other[:half])]
    return [*one[:-half], *out, *[flat] * hold, *into, *other[half:]]


def frames_of(pictures: Iterable[Luma], rate: float = RATE) -> list[Frame]:
    gray = np.full((90, 160), 128, np.uint8)
    return [
        Frame(
            index, index / rate, np.ascontiguousarray(picture), gray, gray, lambda side: np.zeros((1, 1, 3), np.uint8)
        )
        for index, picture in enumerate(pictures)
    ]


def starts_of(pictures: Iterable[Luma], rate: float = RATE) -> list[int]:
    """Numbers of the frames that begin the second and later shots."""
    watcher, frames = ShotWatcher(), frames_of(pictures, rate)
    for frame in frames:
        watcher.see(frame)
    spans = watcher.shots(len(frames) / rate)
    assert spans[0].start_s == 0.0
    assert spans[-1].end_s == len(frames) / rate
    assert all(one.end_s == other.start_s for one, other in pairwise(spans))
    return [round(span.start_s * rate) for span in spans[1:]]


def test_a_cut_begins_a_shot_at_its_very_frame() -> None:
    assert starts_of(still(1, 40) + still(2, 40) + pan(3, 40, 2)) == [40, 80]


@pytest.mark.parametrize("rate", [10, 24, 60])
def test_a_cut_is_found_at_any_frame_rate(rate: int) -> None:
    assert starts_of(pan(1, 40, 2) + pan(2, 40, 2), rate) == [40]


@pytest.mark.parametrize("length", [8, 15, 24, 30])
def test_a_dissolve_is_one_transition(length: int) -> None:
    [at] = starts_of(dissolve(still(1, 60), pan(2, 60, 1), length))
    assert 60 - length <= at <= 60


@pytest.mark.parametrize("color", [0, 255])
@pytest.mark.parametrize("hold", [1, 10])
def test_a_fade_through_black_or_white_is_one_transition(color: int, hold: int) -> None:
    [at] = starts_of(through(color, still(1, 60), still(2, 60), 12, hold))
    assert 48 <= at <= 60 + hold + 12


def test_black_that_stands_for_long_is_a_shot_of_its_own() -> None:
    first, second = starts_of(through(0, still(1, 60), still(2, 60), 12, 3 * RATE))
    assert second - first >= 3 * RATE


def test_a_cut_to_black_and_a_fade_out_of_it_are_one_boundary() -> None:
    black = [np.zeros((180, 320), np.uint8)] * 15
    into = [mixed(black[0], picture, number / 12) for number, picture in enumerate(still(2, 12))]
    assert starts_of(still(1, 40) + black + into + still(2, 40)) == [40]


def test_a_fade_in_at_the_start_and_a_fade_out_at_the_end_are_no_boundaries() -> None:
    black = np.zeros((180, 320), np.uint8)
    into = [mixed(black, picture, number / 15) for number, picture in enumerate(still(1, 15))]
    assert starts_of([*[black] * 5, *into, *still(1, 40), *into[::-1], *[black] * 5]) == []


@pytest.mark.parametrize("length", [1, 2, 3])
def test_a_flash_is_no_cut(length: int) -> None:
    lit = [np.clip(picture * 2.6 + 60.0, 0, 255).astype(np.uint8) for picture in still(1, length)]
    assert starts_of(still(1, 40) + lit + still(1, 40)) == []


def test_a_camera_that_moves_fast_is_no_transition() -> None:
    assert starts_of(still(1, 30) + pan(1, 20, 8) + [pan(1, 20, 8)[-1]] * 30) == []


def test_light_that_changes_is_no_transition() -> None:
    pictures = pan(1, 60, 1)
    gains = np.clip((np.arange(60) - 20) / 12, 0, 1) * 0.6
    assert (
        starts_of([np.clip(p * (1 - gain), 0, 255).astype(np.uint8) for p, gain in zip(pictures, gains, strict=True)])
        == []
    )


def test_a_cut_is_found_in_low_light() -> None:
    dark = [(picture * 0.1).astype(np.uint8) for picture in still(1, 40) + still(2, 40)]
    assert starts_of(dark) == [40]


def test_a_cut_right_after_another_is_one() -> None:
    assert len(starts_of(still(1, 40) + still(2, 2) + still(3, 40))) <= 1


def test_a_single_frame_is_one_shot() -> None:
    watcher = ShotWatcher()
    watcher.see(frames_of(still(1, 1))[0])
    [span] = watcher.shots(0.04)
    assert (span.start_s, span.end_s) == (0.0, 0.04)
    assert watcher.transitions() == ()


def test_no_frames_are_no_shots() -> None:
    assert ShotWatcher().shots(0.0) == ()


def test_a_cut_takes_no_time_and_a_dissolve_some() -> None:
    watcher = ShotWatcher()
    for frame in frames_of(dissolve(still(1, 60), still(2, 60) + still(3, 40), 16)):
        watcher.see(frame)
    blend, cut = watcher.transitions()
    assert 8 / RATE <= blend.seconds <= 40 / RATE
    assert cut.seconds == 0.0


@settings(deadline=None, max_examples=25)
@given(st.lists(st.sampled_from(["black", "white", "one", "two", "gray"]), min_size=1, max_size=60))
def test_shots_cover_any_video_without_gaps(names: list[str]) -> None:
    pictures = {"black": np.zeros((9, 16), np.uint8), "white": np.full((9, 16), 255, np.uint8)}
    pictures |= {"one": scene(1)[:9, :16], "two": scene(2)[:9, :16], "gray": np.full((9, 16), 90, np.uint8)}
    starts = starts_of(pictures[name] for name in names)
    assert starts == sorted(set(starts))
    assert all(0 < start < len(names) for start in starts)
