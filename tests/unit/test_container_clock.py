"""Frames get the times of the file's own clock, and times that run forward whatever the file says."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.media.video.clock import Clock


def times_of(stamps: list[float | None], *, may_restart: bool = False) -> list[float]:
    clock = Clock(0.04, may_restart=may_restart)
    return [clock.time_of(stamp) for stamp in stamps]


def test_the_first_frame_is_at_zero_whatever_its_stamp() -> None:
    assert times_of([1000.0, 1000.04]) == pytest.approx([0.0, 0.04])


def test_uneven_stamps_are_kept() -> None:
    assert times_of([5.0, 5.04, 5.3, 9.0]) == pytest.approx([0.0, 0.04, 0.3, 4.0])


def test_frames_without_stamps_follow_at_the_frame_rate() -> None:
    assert times_of([None, None, None]) == pytest.approx([0.0, 0.04, 0.08])


def test_a_missing_stamp_among_others_costs_no_time() -> None:
    assert times_of([0.0, 0.04, None, 0.12]) == pytest.approx([0.0, 0.04, 0.08, 0.12])


def test_a_stamp_in_the_wrong_order_shifts_none_of_the_later_ones() -> None:
    found = times_of([0.0, 0.08, 0.04, 0.12])
    assert found[3] == pytest.approx(0.12)
    assert found[1] < found[2] < found[3]


def test_a_clock_that_starts_anew_goes_on_where_the_old_one_was() -> None:
    assert times_of([100.0, 100.04, 3.0, 3.04]) == pytest.approx([0.0, 0.04, 0.08, 0.12])


def test_a_clock_that_stays_a_little_behind_is_a_new_one() -> None:
    stamps = [number / 25 for number in range(8)]
    found = times_of([*stamps, *stamps, *(0.32 + stamp for stamp in stamps)])
    assert found[-1] - found[-8] == pytest.approx(7 / 25, abs=0.01)


def test_a_leap_forward_of_a_transport_stream_is_a_new_clock() -> None:
    assert times_of([0.0, 0.04, 90_000.0, 90_000.04], may_restart=True) == pytest.approx([0.0, 0.04, 0.08, 0.12])


def test_elsewhere_a_picture_may_stand_for_long() -> None:
    assert times_of([0.0, 0.04, 600.0]) == pytest.approx([0.0, 0.04, 600.0])


@given(st.lists(st.none() | st.floats(-1e6, 1e6), min_size=2, max_size=50), st.booleans())
def test_times_always_increase(stamps: list[float | None], may_restart: bool) -> None:
    found = times_of(stamps, may_restart=may_restart)
    assert found[0] == 0.0
    assert all(one < other for one, other in pairwise(found))
