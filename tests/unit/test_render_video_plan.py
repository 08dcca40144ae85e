"""What is to be made of a video, from what was found in it."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.domain.analysis import Section, Span, VideoFindings
from pipeline.media.video_renditions.plan import RenderOptions, plan_renditions


def a_section(start_s: float, end_s: float, tag: str = "action", *, is_critical: bool = False) -> Section:
    return Section(tag, (Span(start_s, end_s),), (start_s + end_s) / 2, 0.8, is_critical, 0.5)


def found(*sections: Section, seconds: float = 60.0) -> VideoFindings:
    return VideoFindings(seconds, 100, (Span(0.0, seconds / 2), Span(seconds / 2, seconds)), 5.0, (), sections=sections)


def test_each_shot_has_its_still_in_the_middle():
    assert plan_renditions(found(), RenderOptions()).shots == (15.0, 45.0)


def test_a_clip_lies_around_the_thumbnail_of_its_section():
    plan = plan_renditions(found(a_section(10.0, 30.0)), RenderOptions(clip_s=4.0))
    assert plan.clips == ((0, Span(18.0, 22.0)),)


@given(st.floats(0, 50), st.floats(0.1, 10), st.floats(0, 1))
def test_a_clip_never_leaves_its_section_and_is_no_longer_than_it_may_be(start, length, share):
    section = replace(a_section(start, start + length), thumbnail_s=start + share * length * 0.99)
    ((_, clip),) = plan_renditions(found(section), RenderOptions(clip_s=4.0)).clips
    assert clip.start_s >= start - 0.001
    assert clip.end_s <= start + length + 0.001
    assert clip.seconds == pytest.approx(min(4.0, length), abs=0.002)


def test_of_many_sections_the_longest_have_a_clip_in_order_of_time():
    sections = [a_section(10.0 * place, 10.0 * place + 1 + place % 3) for place in range(6)]
    plan = plan_renditions(found(*sections), RenderOptions(max_clips=2))
    assert [index for index, _ in plan.clips] == [2, 5]


@pytest.mark.parametrize(
    "poor", [a_section(0, 50, "black"), a_section(0, 50, "credits"), a_section(0, 50, is_critical=True)]
)
def test_the_poster_shows_what_speaks_for_the_video(poor):
    assert plan_renditions(found(poor, a_section(50, 60)), RenderOptions()).poster_s == 55


def test_where_every_section_is_poor_the_best_of_them_is_the_poster():
    assert plan_renditions(found(a_section(0, 50, "black")), RenderOptions()).poster_s == 25


def test_without_sections_the_poster_comes_from_the_longest_shot():
    assert plan_renditions(found(), RenderOptions()).poster_s == 15


def test_nothing_found_is_no_reason_to_fail():
    plan = plan_renditions(VideoFindings(0.0, 0, (), 5.0, ()), RenderOptions())
    assert (plan.poster_s, plan.shots, plan.clips) == (0.0, (), ())
