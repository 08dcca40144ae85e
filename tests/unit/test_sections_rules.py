"""Sections: which shots belong together, what they are called, and which frame stands for them."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.domain.analysis import Constellation, Label, Presence, Section, Span, TextResult
from pipeline.stages.analyze.sections import sections
from pipeline.stages.analyze.tags import Look


def looks(start_s: float, end_s: float, scene: int = 0, **measures: object) -> list[Look]:
    """Looks every half second at one place; another `scene` looks quite different."""
    print_ = np.zeros(67, np.uint8)
    print_[:18] = 30 + 60 * (scene % 4)
    for part in (18 + scene % 16, 34 + scene * 3 % 25, 59 + scene % 8):
        print_[part] = 255
    typical = Look(0, bytes(print_), 110, 50, 0.05, 0.2, 4.0, 0.1, 20.0, 0.8, 0.6, judged=True)
    times = np.arange(start_s, end_s - 0.01, 0.5)
    return [replace(typical, time_s=float(time), **measures) for time in times]  # type: ignore[arg-type]


def words(**probabilities: float) -> tuple[Label, ...]:
    return tuple(Label(word.replace("_", " "), probability) for word, probability in probabilities.items())


def shots(*ends: float) -> list[Span]:
    return [Span(start, end) for start, end in zip((0.0, *ends), ends, strict=False)]


def made(
    cuts: Sequence[Span],
    seen: Sequence[Look],
    *,
    activity: Sequence[float] | None = None,
    people: Sequence[Constellation] | None = (),
    texts: Sequence[TextResult] | None = (),
    critical: Sequence[str] = (),
) -> tuple[Section, ...]:
    values = [0.2] * int(cuts[-1].end_s * 4) if activity is None else activity
    return sections(cuts, seen, values, 4.0, people, texts, critical)


def outline(found: Sequence[Section]) -> list[tuple[str, list[tuple[float, float]]]]:
    return [(section.tag, [(span.start_s, span.end_s) for span in section.spans]) for section in found]


def text(start_s: float, end_s: float, said: str = "THE TITLE") -> TextResult:
    return TextResult(said, 0.95, span=Span(start_s, end_s))


CARD = {"plain": 0.9, "moved": 0.0, "brightness": 30.0, "spread": 30.0, "dark": 0.9}
BLACK = {"plain": 1.0, "moved": 0.0, "brightness": 2.0, "spread": 0.5, "dark": 1.0}


def test_shots_of_one_place_are_one_section() -> None:
    seen = looks(0, 4, 1, labels=words(kitchen=0.8)) + looks(4, 8, 1, labels=words(kitchen=0.7)) + looks(8, 12, 5)
    assert outline(made(shots(4, 8, 12), seen)) == [("kitchen", [(0, 8)]), ("scene", [(8, 12)])]


def test_a_place_that_returns_is_one_section_with_two_spans() -> None:
    seen = looks(0, 4, 1, labels=words(cat=0.9)) + looks(4, 8, 5) + looks(8, 12, 1, labels=words(cat=0.9))
    assert outline(made(shots(4, 8, 12), seen)) == [("cat", [(0, 4), (8, 12)]), ("scene", [(4, 8)])]


def test_a_place_that_returns_after_minutes_is_a_new_section() -> None:
    seen = looks(0, 4, 1) + looks(4, 200, 5) + looks(200, 204, 1)
    assert len(made(shots(4, 200, 204), seen)) == 3


def test_other_people_in_a_similar_room_are_another_section() -> None:
    seen = looks(0, 4, 1) + looks(4, 8, 1)
    near = [
        replace(look, signature=bytes([*look.signature[:34], *looks(0, 1, 3)[0].signature[34:]])) for look in seen[8:]
    ]
    who = [Constellation(Span(0, 4), (Presence(0, 1.0),)), Constellation(Span(4, 8), (Presence(1, 1.0),))]
    together = made(shots(4, 8), seen[:8] + seen[8:], people=())
    assert len(together) == 1
    assert len(made(shots(4, 8), seen[:8] + near, people=who)) == 2


def test_a_shot_too_short_to_be_looked_at_joins_its_neighbour() -> None:
    seen = looks(0, 4, 1) + looks(4.5, 8, 5)
    assert len(made(shots(4.1, 4.4, 8), seen)) == 2


def test_black_between_two_scenes_stays_by_itself() -> None:
    seen = looks(0, 4, 1) + looks(4, 6, 1, **BLACK) + looks(6, 10, 1)
    assert outline(made(shots(4, 6, 10), seen)) == [("scene", [(0, 4), (6, 10)]), ("black", [(4, 6)])]


def test_white_letters_on_black_are_not_black() -> None:
    seen = looks(0, 4, 1, **CARD) + looks(4, 30, 5)
    assert outline(made(shots(4, 30), seen, texts=[text(0.5, 3.5)]))[0][0] == "title_card"


def test_without_a_reader_nothing_is_called_a_card() -> None:
    seen = looks(0, 4, 1) + looks(4, 8, 2, **CARD) + looks(8, 30, 5)
    tags = [section.tag for section in made(shots(4, 8, 30), seen, texts=None)]
    assert set(tags).isdisjoint({"title_card", "credits", "intro", "outro"})


def test_what_stands_before_the_title_is_the_intro_and_after_the_credits_the_outro() -> None:
    seen = looks(0, 4, 1) + looks(4, 8, 2, **CARD) + looks(8, 60, 5)
    seen += looks(60, 80, 6, **CARD) + looks(80, 84, 7)
    names = [text(60 + index * 2, 66 + index * 2, f"Name {index}\nGrip") for index in range(7)]
    found = made(shots(4, 8, 60, 80, 84), seen, texts=[text(4, 8), *names])
    assert [section.tag for section in found] == ["intro", "title_card", "scene", "credits", "outro"]


def test_a_list_of_names_in_the_middle_is_a_card_and_not_credits() -> None:
    seen = looks(0, 20, 1) + looks(20, 30, 2, **CARD) + looks(30, 60, 5)
    found = made(shots(20, 30, 60), seen, texts=[text(20, 30, "a\nb\nc\nd\ne\nf")])
    assert [section.tag for section in found] == ["scene", "title_card", "scene"]


def test_a_sign_in_a_picture_is_no_card() -> None:
    assert made(shots(10), looks(0, 10, 1), texts=[text(0, 10, "EXIT")])[0].tag == "scene"


def test_what_does_not_move_for_two_seconds_is_still() -> None:
    assert made(shots(4), looks(0, 4, 1, moved=0.1))[0].tag == "still"
    assert made(shots(1), looks(0, 1, 1, moved=0.1))[0].tag == "scene"


def test_the_cut_before_a_still_does_not_make_it_move() -> None:
    still = looks(4, 8, 5, moved=0.1)
    seen = [*looks(0, 4, 1), replace(still[0], moved=60.0), *still[1:]]
    assert [section.tag for section in made(shots(4, 8), seen)] == ["scene", "still"]


def face(start_s: float, end_s: float, *ids: int) -> Constellation:
    return Constellation(Span(start_s, end_s), tuple(Presence(id_, 1 / len(ids)) for id_ in ids))


def test_a_large_calm_face_is_a_talking_head_and_needs_somebody_who_looked_for_faces() -> None:
    seen = looks(0, 10, 1, persons=1, person_share=0.3, moved=1.0, labels=words(person=0.9))
    assert made(shots(10), seen, people=[face(0, 10, 3)])[0].tag == "talking_head"
    assert made(shots(10), seen, people=None)[0].tag == "person"
    assert made(shots(10), seen, people=[Constellation(Span(0, 10))])[0].tag == "person"


def test_a_walker_far_away_is_no_talking_head() -> None:
    seen = looks(0, 10, 1, persons=1, person_share=0.05, moved=1.0)
    assert made(shots(10), seen, people=[face(0, 10, 3)])[0].tag == "scene"


def test_many_persons_are_a_crowd() -> None:
    found = made(shots(10), looks(0, 10, 1, persons=8, person_share=0.1))
    assert (found[0].tag, found[0].confidence) == ("crowd", 1.0)


def test_the_liveliest_section_is_action_only_where_more_moves_than_the_camera() -> None:
    quiet, lively = [0.05] * 40, [0.6] * 40
    seen = looks(0, 10, 1) + looks(10, 20, 5, unrest=1.5)
    found = made(shots(10, 20), seen, activity=quiet + lively)
    assert [section.tag for section in found] == ["scene", "action"]
    assert [section.relative_activity for section in found] == [pytest.approx(0.083, abs=0.001), 1.0]
    assert made(shots(10), looks(0, 10, 1, moved=20.0), activity=quiet)[0].tag == "scene"


def test_the_most_special_likely_word_names_a_section() -> None:
    seen = looks(0, 4, 1, labels=words(animal=0.9, dog=0.8, beagle=0.3))
    assert (made(shots(4), seen)[0].tag, made(shots(4), seen)[0].confidence) == ("dog", 0.8)


def test_the_thumbnail_is_sharp_well_exposed_open_and_away_from_cuts() -> None:
    seen = looks(0, 5, 1)
    seen[0] = replace(seen[0], sharpness=40.0)  # at the cut
    seen[2] = replace(seen[2], sharpness=40.0, exposure=0.2)
    seen[4] = replace(seen[4], sharpness=30.0)
    seen[6] = replace(seen[6], sharpness=30.0, openness=0.9)
    assert made(shots(5), seen)[0].thumbnail_s == 3.0


def test_a_section_nobody_looked_at_has_its_middle_as_thumbnail_and_no_confidence() -> None:
    found = made(shots(4), [])
    assert (found[0].tag, found[0].thumbnail_s, found[0].confidence) == ("scene", 2.0, 0.0)


def test_a_flag_in_two_looks_or_a_listed_word_makes_a_section_critical() -> None:
    flagged = {"flags": words(nudity=0.6)}
    once = looks(0, 1, 1) + looks(1, 1.5, 1, **flagged) + looks(1.5, 4, 1)
    assert not made(shots(4), once)[0].is_critical
    assert made(shots(4), looks(0, 2, 1) + looks(2, 4, 1, **flagged))[0].is_critical
    armed = looks(0, 4, 1, labels=words(rifle=0.7, gun=0.7, weapon=0.7))
    assert made(shots(4), armed, critical=["Weapon"])[0].is_critical
    assert not made(shots(4), armed)[0].is_critical


@given(st.lists(st.tuples(st.floats(0.1, 9), st.integers(0, 6), st.booleans()), min_size=1, max_size=14))
def test_every_second_is_in_exactly_one_section_and_all_numbers_in_their_ranges(
    parts: list[tuple[float, int, bool]],
) -> None:
    ends = [round(float(end), 3) for end in np.cumsum([length for length, _, _ in parts])]
    cuts = shots(*ends)
    seen = [
        look
        for cut, (_, scene, dark) in zip(cuts, parts, strict=True)
        for look in looks(cut.start_s, cut.end_s, scene, **(BLACK if dark else {}))
    ]
    found = made(cuts, sorted(seen, key=lambda look: look.time_s))
    spans = sorted((span for section in found for span in section.spans), key=lambda span: span.start_s)
    assert [spans[0].start_s, *(span.end_s for span in spans)] == [*(span.start_s for span in spans), ends[-1]]
    for section in found:
        assert 0 <= section.confidence <= 1 and 0 <= section.relative_activity <= 1
        assert any(span.start_s <= section.thumbnail_s <= span.end_s for span in section.spans)


def test_no_shots_are_no_sections() -> None:
    assert sections([], [], [], 4.0, None, None, ()) == ()
