"""Whether two readings are of the same text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.stages.analyze.text.likeness import LONGEST, continued, is_counted_on, is_part, is_same, likeness


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("the smallest print of all", "the smallestprint of al1"),
        ("OPEN DAILY", "Open Daily."),
        ("Anna Lindqvist", "Anna Lindqvlst"),
    ],
)
def test_mistakes_of_reading_leave_a_text_the_same(one: str, other: str) -> None:
    assert is_same(one, other)


@pytest.mark.parametrize(("one", "other"), [("Directed by", "Photography"), ("Yes.", "No."), ("Exit", "")])
def test_other_texts_are_not_the_same(one: str, other: str) -> None:
    assert not is_same(one, other)


@given(st.text(max_size=40))
def test_a_text_is_like_itself(text: str) -> None:
    assert likeness(text, text) == 1.0


@pytest.mark.parametrize(
    ("one", "other"), [("Chapter 1", "Chapter 2"), ("00:59", "01:00"), ("Page 9", "Page 10"), ("3:2", "3 : 3")]
)
def test_other_numbers_count_on(one: str, other: str) -> None:
    assert is_counted_on(one, other)


@pytest.mark.parametrize(("one", "other"), [("Gate 1", "Gate I"), ("Gate 14", "Gate 1 4"), ("Gate 1", "Desk 2")])
def test_a_misread_digit_or_another_word_does_not_count_on(one: str, other: str) -> None:
    assert not is_counted_on(one, other)


def test_a_typed_text_grows() -> None:
    assert continued("Typed let", "Typed letter by") == "Typed letter by"


def test_a_line_that_runs_through_is_put_together() -> None:
    whole = continued("Storm warning for the co", "arning for the coast until Friday")
    assert whole == "Storm warning for the coast until Friday"


@pytest.mark.parametrize(
    ("one", "other"), [("Hello there", "Hello there"), ("Directed by", "Photography"), ("Hello there", "Hello")]
)
def test_the_same_another_and_a_shorter_text_are_no_growth(one: str, other: str) -> None:
    assert continued(one, other) is None


def test_a_line_that_runs_for_ever_begins_anew() -> None:
    assert continued("x" * (LONGEST - 3) + "harbour", "harbour news") is None


def test_a_cut_reading_is_a_part_of_the_whole() -> None:
    assert is_part("ster Quart", "The Minster Quartet")
    assert not is_part("Quartz watches", "The Minster Quartet")
