"""Activity is motion within a shot: none where nothing moves, more where more moves, and never a cut."""

import numpy as np
import pytest

from pipeline.media.video.frame import Frame
from pipeline.stages.analyze.shots import ACTIVITY_RATE, ActivityWatcher, ShotWatcher
from tests.unit.test_shots_watcher import Luma, frames_of, mixed, pan, still


def activity_of(pictures: list[Luma], rate: float = 30) -> tuple[float, ...]:
    return watched(frames_of(pictures, rate))


def watched(frames: list[Frame]) -> tuple[float, ...]:
    shots = ShotWatcher()
    activity = ActivityWatcher(shots)
    for frame in frames:
        shots.see(frame)
        activity.see(frame)
    return activity.activity


def test_there_is_one_number_for_each_quarter_of_a_second() -> None:
    assert len(activity_of(still(1, 61))) == 2 * ACTIVITY_RATE


def test_a_still_picture_has_none() -> None:
    assert set(activity_of(still(1, 60))) == {0.0}


def test_what_moves_faster_has_more() -> None:
    slow, fast = (np.mean(activity_of(pan(1, 60, step))) for step in (0, 2))
    assert 0 < slow < fast <= 1


def test_a_cut_between_still_pictures_is_no_motion() -> None:
    assert set(activity_of(still(1, 40) + still(2, 40))) == {0.0}


def test_a_cut_between_moving_pictures_shows_the_motion_around_it() -> None:
    numbers = activity_of(pan(1, 40, 1) + pan(2, 40, 1))
    assert max(numbers) < 2 * np.median(numbers)


def test_light_that_changes_evenly_is_no_motion() -> None:
    gray = np.full((180, 320), 128, np.uint8)
    brighter = [mixed(still(1, 1)[0], gray, 0) // 2 + number for number in range(60)]
    assert max(activity_of(brighter)) < 0.02


def test_a_slow_video_has_as_many_numbers_for_its_length() -> None:
    assert len(activity_of(still(1, 10), rate=1)) == 9 * ACTIVITY_RATE


@pytest.mark.parametrize("frames", [0, 1])
def test_less_than_two_frames_have_none(frames: int) -> None:
    assert activity_of(still(1, frames)) == ()
