"""Who is seen together, and when, from the times of sightings alone."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.domain.analysis import Span
from pipeline.stages.analyze.people.constellations import BRIDGE_S, Sighting, constellations
from pipeline.stages.analyze.people.faces import Face
from pipeline.stages.analyze.people.prominence import attention, shares

EVERY_S = 0.4


def seen(start_s: float, end_s: float, weight: float = 0.1) -> list[Sighting]:
    """A sighting at every step from `start_s` up to, not including, `end_s`."""
    return [Sighting(start_s + step * EVERY_S, weight) for step in range(round((end_s - start_s) / EVERY_S))]


def found(shots: list[Span], **sightings: list[Sighting]) -> list[tuple[float, float, tuple[int, ...]]]:
    people = {"abc".index(name): times for name, times in sightings.items()}
    return [
        (round(one.span.start_s, 3), round(one.span.end_s, 3), tuple(presence.person_id for presence in one.people))
        for one in constellations(shots, people, every_s=EVERY_S)
    ]


def test_people_who_follow_one_another_are_cut_apart_at_the_cuts() -> None:
    shots = [Span(0, 4), Span(4, 8), Span(8, 12)]
    assert found(shots, a=seen(0.2, 4) + seen(8.2, 12), b=seen(4.2, 8)) == [(0, 4, (0,)), (4, 8, (1,)), (8, 12, (0,))]


def test_a_video_without_people_is_one_empty_span() -> None:
    assert found([Span(0, 4), Span(4, 8)]) == [(0, 8, ())]


def test_a_video_without_shots_has_no_spans() -> None:
    assert constellations([], {}, every_s=EVERY_S) == ()


def test_a_short_drop_out_is_bridged_and_a_long_one_is_not() -> None:
    shot = [Span(0, 20)]
    assert found(shot, a=seen(0, 8) + seen(8 + BRIDGE_S, 20)) == [(0, 20, (0,))]
    assert found(shot, a=seen(0, 8) + seen(12, 20)) == [(0, 7.8, (0,)), (7.8, 11.8, ()), (11.8, 20, (0,))]


def test_a_drop_out_is_not_bridged_across_a_cut() -> None:
    shots = [Span(0, 5), Span(5, 6.5), Span(6.5, 12)]
    assert found(shots, a=seen(0, 5) + seen(6.6, 12)) == [(0, 5, (0,)), (5, 6.5, ()), (6.5, 12, (0,))]


def test_who_comes_in_the_middle_of_a_shot_opens_a_span_there() -> None:
    assert found([Span(0, 10)], a=seen(0, 10), b=seen(4, 10)) == [(0, 3.8, (0,)), (3.8, 10, (0, 1))]


def test_prominence_is_attention_times_time_and_sums_to_one() -> None:
    (only,) = constellations([Span(0, 4)], {0: seen(0, 4, 0.3), 1: seen(0, 4, 0.1)}, every_s=EVERY_S)
    assert [presence.relative_prominence for presence in only.people] == pytest.approx([0.75, 0.25])


def test_half_of_the_time_counts_half() -> None:
    sightings = {0: seen(0, 8), 1: seen(0, 2) + seen(3.6, 5.6)}
    first = constellations([Span(0, 6)], sightings, every_s=EVERY_S)[0]
    assert [presence.relative_prominence for presence in first.people] == pytest.approx([0.6, 0.4])


@given(
    cuts=st.lists(st.floats(0.1, 5), min_size=1, max_size=8),
    people=st.lists(st.lists(st.floats(0, 40), min_size=1, max_size=30), max_size=4),
)
def test_spans_cover_the_shots_without_gap_and_each_differs_from_the_next(
    cuts: list[float], people: list[list[float]]
) -> None:
    bounds = [sum(cuts[:number]) for number in range(len(cuts) + 1)]
    shots = [Span(start, end) for start, end in itertools.pairwise(bounds)]
    sightings = {number: [Sighting(time, 0.1) for time in sorted(times)] for number, times in enumerate(people)}
    spans = constellations(shots, sightings, every_s=EVERY_S)
    assert (spans[0].span.start_s, spans[-1].span.end_s) == (0, bounds[-1])
    for one, following in itertools.pairwise(spans):
        assert one.span.end_s == following.span.start_s
        assert {who.person_id for who in one.people} != {who.person_id for who in following.people}
    for one in spans:
        assert not one.people or sum(who.relative_prominence for who in one.people) == pytest.approx(1)


def a_face(x: float, y: float, side: float = 10) -> Face:
    return Face(x - side / 2, y - side / 2, side, side, 0.9, np.zeros((5, 2)))


def test_the_middle_gets_more_attention_than_the_corner_and_the_large_more_than_the_small() -> None:
    middle, corner = attention(a_face(50, 50), 100, 100), attention(a_face(5, 5), 100, 100)
    assert middle == pytest.approx(0.01)
    assert 0 < corner < middle / 5
    assert attention(a_face(50, 50, 20), 100, 100) == pytest.approx(4 * middle)


def test_shares_of_nothing_are_equal() -> None:
    assert shares([0.0, 0.0]) == (0.5, 0.5)
    assert shares([]) == ()
