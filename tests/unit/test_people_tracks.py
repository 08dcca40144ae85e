"""Faces followed and people told apart, on made-up vectors whose truth is known."""

from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from pipeline.domain.analysis import Gender, Person
from pipeline.stages.analyze.people.allowlist import KnownFace, allowlisted
from pipeline.stages.analyze.people.appearances import Appearance
from pipeline.stages.analyze.people.clusters import partition, people_among
from pipeline.stages.analyze.people.faces import Face
from pipeline.stages.analyze.people.looks import Opinion, Opinions
from pipeline.stages.analyze.people.portraits import Portrait, aligned, unit
from pipeline.stages.analyze.people.tracks import Sample, Tracker

PIXELS = np.full((360, 640, 3), 90, dtype=np.uint8)
LENGTH = 16.0


def somebody(number: int) -> NDArray[np.float32]:
    """A direction of this person's own: in 128 dimensions any two are nearly at right angles."""
    return unit(np.random.default_rng(number).normal(size=128))


def between(one: NDArray[np.float32], other: NDArray[np.float32], cosine: float) -> NDArray[np.float32]:
    """A direction with this cosine to the first, on the way to the second."""
    across = unit(other - (one @ other) * one)
    return unit(cosine * one + np.sqrt(1 - cosine**2) * across)


def a_portrait(whose: NDArray[np.float32], *, x: float = 100, length: float = LENGTH, width: float = 60) -> Portrait:
    crop = np.random.default_rng(0).integers(0, 255, (112, 112, 3), dtype=np.uint8)
    face = Face(x, 100, width, width * 1.3, 0.93, np.zeros((5, 2)))
    return Portrait(face, crop, np.asarray(whose * length, dtype=np.float32), 2.5)


def tracked(samples: Sequence[Sequence[Portrait]], *, cuts: Sequence[int] = ()) -> Tracker:
    """A tracker that has seen these portraits, sample by sample, with a cut before each of the named samples."""
    tracker = Tracker(None)
    for number, portraits in enumerate(samples):
        scene = sum(cut <= number for cut in cuts)
        tracker.see(tuple(portraits), Sample(number, number * 0.4, scene, PIXELS))
    tracker.close()
    return tracker


def sizes(tracker: Tracker) -> list[int]:
    return [len(person.samples) for person in people_among(tracker.groups)]


def test_one_face_in_many_samples_is_one_person() -> None:
    assert sizes(tracked([[a_portrait(somebody(1))]] * 6)) == [6]


def test_a_face_that_jumps_is_known_by_its_vector() -> None:
    assert sizes(tracked([[a_portrait(somebody(1), x=40 + 90 * number)] for number in range(6)])) == [6]


def test_another_person_at_the_same_place_is_another_person() -> None:
    samples = [[a_portrait(somebody(1))]] * 4 + [[a_portrait(somebody(2))]] * 3
    assert sizes(tracked(samples)) == [4, 3]
    assert sizes(tracked(samples, cuts=[4])) == [4, 3]


def test_a_blurred_moment_belongs_to_who_was_there() -> None:
    clear, blurred = a_portrait(somebody(1)), a_portrait(somebody(2), length=5)
    assert sizes(tracked([[clear], [clear], [blurred], [clear]])) == [4]


def test_a_blurred_face_after_a_cut_belongs_to_nobody() -> None:
    clear, blurred = a_portrait(somebody(1)), a_portrait(somebody(2), length=5)
    assert sizes(tracked([[clear], [clear], [blurred], [blurred]], cuts=[2])) == [2]


@pytest.mark.parametrize("portrait", [a_portrait(somebody(1), length=9), a_portrait(somebody(1), width=20)])
def test_what_never_told_whose_face_it_was_is_nobody(portrait: Portrait) -> None:
    assert tracked([[portrait]] * 8).groups == []


def test_who_comes_back_after_others_is_the_same_person() -> None:
    first, second = [[a_portrait(somebody(1))]] * 5, [[a_portrait(somebody(2))]] * 8
    assert sizes(tracked([*first, *second, *first], cuts=[5, 13])) == [10, 8]


def test_two_faces_in_one_frame_stay_two_however_alike_they_are() -> None:
    twins = [a_portrait(somebody(1), x=50), a_portrait(somebody(1), x=400)]
    assert sizes(tracked([twins] * 4)) == [4, 4]


def test_what_is_kept_does_not_grow_with_the_number_of_returns() -> None:
    returns = [[a_portrait(somebody(number // 10 % 3))] for number in range(300)]
    tracker = tracked(returns, cuts=range(0, 300, 10))
    assert len(tracker.groups) == 3
    assert sizes(tracker) == [100, 100, 100]
    assert all(len(group.thumbnail) < 10_000 for group in tracker.groups)


def test_the_thumbnail_is_of_the_best_sighting() -> None:
    small, large = a_portrait(somebody(1), width=30), a_portrait(somebody(1), width=100)
    only_small, both = tracked([[small]] * 2), tracked([[small], [large], [small]])
    assert both.groups[0].quality > 2 * only_small.groups[0].quality
    assert both.groups[0].thumbnail != only_small.groups[0].thumbnail


def an_appearance(whose: NDArray[np.float32], *samples: int) -> Appearance:
    found = Appearance(total=whose, tracks=1, clear=len(samples), strongest=16)
    for sample in samples:
        found.note(sample, 0.1)
    return found


def test_linkage_goes_by_the_average_and_not_by_the_nearest() -> None:
    degrees = (0, 25, 75, 100)
    chain = [between(somebody(1), somebody(2), float(np.cos(np.deg2rad(angle)))) for angle in degrees]
    assert float(chain[1] @ chain[2]) > 0.6
    groups = [an_appearance(whose, number) for number, whose in enumerate(chain)]
    assert sorted(sorted(members) for members in partition(groups)) == [[0, 1], [2, 3]]


def test_who_met_is_never_joined_through_a_third() -> None:
    whose = somebody(1)
    groups = [an_appearance(whose, 0, 1), an_appearance(whose, 1, 2), an_appearance(whose, 5)]
    found = partition(groups)
    assert len(found) == 2
    assert not any({0, 1} <= set(members) for members in found)


def test_asking_twice_gives_the_same_people() -> None:
    groups = [an_appearance(between(somebody(1), somebody(2), 0.7), 3), an_appearance(somebody(1), 0)]
    first, second = people_among(groups), people_among(groups)
    assert [list(person.samples) for person in first] == [list(person.samples) for person in second]
    assert [group.tracks for group in groups] == [1, 1]


def test_nobody_is_among_nothing() -> None:
    assert people_among([]) == []


def test_gender_is_unidentified_where_the_looks_do_not_agree() -> None:
    opinions = Opinions()
    assert (opinions.gender, opinions.age) == (Gender.UNIDENTIFIED, None)
    opinions.add(Opinion(30, 0.95))
    assert opinions.gender == Gender.MALE
    opinions.add(Opinion(40, 0.45))
    assert (opinions.gender, opinions.age) == (Gender.UNIDENTIFIED, 35.0)


def test_the_allow_list_knows_its_faces_and_says_nothing_of_who_has_no_vector() -> None:
    listed = KnownFace("Ada", tuple(3 * somebody(1)))
    people = [
        Person(0, embedding=tuple(between(somebody(1), somebody(9), 0.40))),
        Person(1, embedding=tuple(between(somebody(1), somebody(9), 0.36))),
        Person(2),
    ]
    assert [person.allowlisted for person in allowlisted(people, [listed])] == [True, False, None]
    assert [person.allowlisted for person in allowlisted(people, [])] == [None, None, None]


def test_a_face_is_aligned_whatever_its_size_place_and_angle() -> None:
    template = np.array(
        [(38.2946, 51.6963), (73.5318, 51.5014), (56.0252, 71.7366), (41.5493, 92.3655), (70.7299, 92.2041)]
    )
    angle = np.deg2rad(70)
    turned = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    pixels = np.zeros((900, 900, 3), dtype=np.uint8)
    points = template @ turned.T * 3 + 400
    for (x, y), value in zip(points, (60, 110, 160, 210, 250), strict=True):
        pixels[round(y) - 12 : round(y) + 12, round(x) - 12 : round(x) + 12] = value
    crop, turn = aligned(pixels, points)
    assert turn == pytest.approx(0, abs=1e-6)
    assert [int(crop[round(y), round(x), 0]) for x, y in template] == pytest.approx([60, 110, 160, 210, 250], abs=4)


def test_of_too_many_groups_those_count_that_were_seen_most_often() -> None:
    groups = tracked(
        [[a_portrait(somebody(1))]] * 6 + [[a_portrait(somebody(2))]] * 2 + [[a_portrait(somebody(3))]] * 4
    )
    assert [len(person.samples) for person in people_among(groups.groups, most=2)] == [6, 4]
