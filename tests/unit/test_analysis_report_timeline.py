"""The timeline's geometry: everything has its place on the axis, for one shot and for thousands."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.domain.analysis import Constellation, Presence, Span, TextResult, VideoFindings
from pipeline.reports.analysis.lanes import WIDTH, Axis, people_lanes, period, text_lanes
from pipeline.reports.analysis.presence import joined, mean_activity, seen_in, spans_of
from pipeline.reports.analysis.timeline import timeline
from pipeline.reports.words import timecode
from tests.unit.analysis_reports import a_person, a_thumbnail, some_findings


def cut_into(shots: int, seconds: float) -> VideoFindings:
    step = seconds / shots
    spans = tuple(Span(place * step, (place + 1) * step) for place in range(shots))
    return VideoFindings(seconds, shots, spans, 5.0, tuple([0.2] * round(5 * seconds)))


@pytest.mark.parametrize(
    ("shots", "seconds"), [(1, 0.04), (1, 4.0), (3, 10.0), (18, 61.0), (1000, 3600.0), (7, 36000.0)]
)
def test_stills_cover_the_whole_axis_and_none_is_too_narrow_to_be_seen(shots, seconds):
    drawn = timeline(cut_into(shots, seconds), {})
    assert drawn.stills[0].x == 0
    assert drawn.stills[-1].x + drawn.stills[-1].width == pytest.approx(WIDTH, abs=0.1)
    for left, right in zip(drawn.stills, drawn.stills[1:], strict=False):
        assert left.x + left.width == pytest.approx(right.x, abs=0.1)
    assert len(drawn.stills) == 1 or min(still.width for still in drawn.stills) >= 40


def test_shots_too_short_to_be_seen_share_a_place_and_the_longest_of_them_is_shown():
    shots = (Span(0, 0.1), Span(0.1, 0.3), Span(0.3, 10))
    drawn = timeline(VideoFindings(10.0, 250, shots, 5.0, ()), {1: a_thumbnail()})
    assert [still.title.partition(",")[0] for still in drawn.stills] == ["Shots 1 to 3"]
    assert drawn.stills[0].picture is not None


def test_a_video_without_thumbnails_or_with_broken_ones_has_empty_places():
    drawn = timeline(some_findings(), {0: b"no jpeg"})
    assert [still.picture for still in drawn.stills] == [None, None, None]


def test_a_still_is_repeated_for_as_long_as_its_shot_lasts():
    (still,) = timeline(cut_into(1, 4.0), {0: a_thumbnail()}).stills
    assert len(still.repeats) == 8
    assert still.repeats[-1] < WIDTH


@pytest.mark.parametrize("seconds", [0.04, 1.0, 59.9, 61.0, 600.0, 3600.0, 6 * 3600.0])
def test_the_ruler_has_a_few_ticks_with_different_words(seconds):
    ticks = timeline(cut_into(1, seconds), {}).ticks
    assert 1 <= len(ticks) <= 11
    assert len({tick.words for tick in ticks}) == len(ticks)
    assert all(0 <= tick.x <= WIDTH for tick in ticks)


def test_an_hour_of_activity_has_no_more_points_than_can_be_seen():
    curve = timeline(cut_into(1, 3600.0), {}).curve
    assert curve is not None
    assert curve.highest.count("L") == 499


def test_without_activity_there_is_no_curve():
    assert timeline(some_findings(activity=()), {}).curve is None


def test_rows_do_not_lie_on_each_other():
    drawn = timeline(some_findings(), {})
    for above, below in zip(drawn.rows, drawn.rows[1:], strict=False):
        assert above.y + above.height <= below.y
    assert drawn.rows[-1].y + drawn.rows[-1].height <= drawn.height


def test_of_many_people_those_seen_longest_have_a_lane_and_the_rest_share_one():
    shots = tuple(Span(place, place + 1) for place in range(30))
    scenes = tuple(
        Constellation(shot, tuple(Presence(person, 0.1) for person in range(15) if place <= 2 * person))
        for place, shot in enumerate(shots)
    )
    found = some_findings(
        duration_s=30.0, shots=shots, people=tuple(a_person(number) for number in range(15)), constellations=scenes
    )
    lanes = people_lanes(Axis(30.0), found)
    assert len(lanes) == 11
    assert lanes[-1].name == "5 more"
    assert {lane.name for lane in lanes[:-1]} == {f"Person {number}" for number in range(6, 16)}


def test_texts_that_stand_together_have_lanes_of_their_own():
    texts = [TextResult(str(place), 0.9, None, Span(1.0, 5.0)) for place in range(6)]
    lanes = text_lanes(Axis(10.0), texts)
    assert [lane.name for lane in lanes] == ["Text", "", "", "3 more"]
    assert [len(lane.blocks) for lane in lanes] == [1, 1, 1, 1]


def test_texts_one_after_the_other_share_a_lane():
    texts = [TextResult("a", 0.9, None, Span(place, place + 1.0)) for place in range(6)]
    assert len(text_lanes(Axis(10.0), texts)) == 1


@given(st.floats(0, 40), st.floats(0, 40))
def test_a_block_can_be_seen_and_never_leaves_the_axis(one, other):
    block = Axis(30.0).block(Span(min(one, other), max(one, other)), "title", words="some words")
    assert block.x >= 0
    assert block.width >= 1.5
    assert block.x + block.width <= WIDTH + 0.01
    assert len(block.words) * 6.2 <= block.width


def test_wide_letters_are_cut_sooner():
    axis = Axis(100.0)
    latin, wide = (
        axis.block(Span(0, 10), "title", words=words).words
        for words in ("a" * 40, "\N{CJK UNIFIED IDEOGRAPH-505C}" * 40)
    )
    assert len(latin) == 14
    assert len(wide) == 7


def test_a_person_is_present_where_a_scene_says_so():
    found = some_findings()
    assert spans_of(found, 0) == (Span(0.0, 4.0), Span(7.0, 10.0))
    assert seen_in(found, Span(4.0, 7.0)).people == ()
    assert seen_in(found, Span(0.0, 4.0)).people == (0,)


def test_stretches_that_meet_are_one():
    assert joined([Span(4, 6), Span(0, 2), Span(2, 3), Span(5, 7)]) == (Span(0, 3), Span(4, 7))


def test_the_mean_activity_of_a_shot_is_that_of_its_own_values():
    found = some_findings()
    assert [mean_activity(found, shot) for shot in found.shots] == pytest.approx([0.1, 0.5, 0.0])
    assert mean_activity(some_findings(activity=()), found.shots[0]) is None


@pytest.mark.parametrize(
    ("seconds", "whole", "tenths"),
    [(0, "0:00", "0:00.0"), (65.39, "1:05", "1:05.3"), (3725.0, "1:02:05", "1:02:05.0"), (59.99, "0:59", "0:59.9")],
)
def test_a_time_code_is_rounded_down(seconds, whole, tenths):
    assert timecode(seconds) == whole
    assert timecode(seconds, tenths=True) == tenths


def test_a_short_stretch_is_told_in_tenths():
    dash = "\N{EN DASH}"
    assert period(Span(0, 30), Span(31, 90)) == f"0:00{dash}0:30, 0:31{dash}1:30"
    assert period(Span(0, 3.25)) == f"0:00.0{dash}0:03.2"
