"""From an engine's lines to texts in reading order, and which script they are in."""

import numpy as np
import pytest

from pipeline.domain.analysis import TextResult
from pipeline.domain.media import Box
from pipeline.errors import CapabilityUnavailable
from pipeline.stages.analyze.text import TextWatcher, texts_in_picture
from pipeline.stages.analyze.text.languages import language_of, script_of


class Page:
    """A reader that finds given lines: text, left, top, width and height in pixels of a page of 1000 x 1000."""

    def __init__(self, *lines: tuple[str, int, int, int, int], missing: str | None = None) -> None:
        self._lines, self._missing = lines, missing

    def unavailable(self) -> str | None:
        return self._missing

    def read(self, pixels: np.ndarray) -> tuple[TextResult, ...]:
        assert pixels.shape == (1000, 1000, 3)
        return tuple(
            TextResult(text, 0.9, box=Box(left / 1000, top / 1000, width / 1000, height / 1000))
            for text, left, top, width, height in self._lines
        )


def texts(*lines: tuple[str, int, int, int, int]) -> list[str]:
    return [text.text for text in texts_in_picture(np.zeros((1000, 1000, 3), np.uint8), Page(*lines))]


def test_words_of_a_row_are_joined_from_left_to_right() -> None:
    assert texts(("world", 220, 102, 90, 30), ("Hello", 100, 100, 100, 30)) == ["Hello world"]


def test_rows_under_each_other_are_one_text() -> None:
    assert texts(("ANY TIME", 110, 140, 160, 32), ("NO PARKING", 100, 100, 200, 34)) == ["NO PARKING\nANY TIME"]


def test_a_headline_and_small_print_are_two_texts() -> None:
    assert texts(("SALE", 100, 100, 300, 90), ("while stocks last", 100, 200, 200, 20)) == ["SALE", "while stocks last"]


def test_rows_far_apart_are_two_texts() -> None:
    assert texts(("Exit", 100, 100, 100, 30), ("Toilets", 100, 300, 100, 30)) == ["Exit", "Toilets"]


def test_columns_are_read_one_after_the_other() -> None:
    left = [(f"left {row}", 50, 100 + 40 * row, 300, 34) for row in range(3)]
    right = [(f"right {row}", 550, 100 + 40 * row, 300, 34) for row in range(3)]
    assert texts(*right, *left) == ["left 0\nleft 1\nleft 2", "right 0\nright 1\nright 2"]


def test_the_box_of_a_text_holds_its_lines() -> None:
    (text,) = texts_in_picture(
        np.zeros((1000, 1000, 3), np.uint8), Page(("one", 100, 100, 50, 30), ("two", 90, 135, 80, 30))
    )
    assert text.box is not None
    assert (text.box.x, text.box.y, text.box.width, text.box.height) == pytest.approx((0.09, 0.1, 0.08, 0.065))


def test_a_symbol_read_as_a_chinese_sign_among_latin_words_is_dropped() -> None:
    assert texts(("穴", 50, 100, 30, 30), ("Palais", 90, 100, 100, 30), ("穴", 50, 300, 30, 30)) == ["Palais"]


def test_a_single_sign_stays_where_longer_text_of_its_script_stands() -> None:
    assert texts(("穴", 50, 100, 30, 30), ("禁止", 90, 100, 60, 30)) == ["穴 禁止"]


def test_a_single_letter_alone_is_no_text() -> None:
    assert texts(("X", 500, 500, 100, 100)) == []


def test_marks_are_no_text() -> None:
    assert texts(("--- . _", 100, 100, 300, 30)) == []


def test_chinese_signs_are_japanese_where_kana_stand_beside_them() -> None:
    page = Page(("ポイ捨て", 100, 100, 200, 50), ("営業中", 100, 500, 150, 50))
    found = texts_in_picture(np.zeros((1000, 1000, 3), np.uint8), page)
    assert [text.language for text in found] == ["ja", "ja"]


def test_without_an_engine_the_reason_is_told_and_nothing_is_found() -> None:
    page = Page(missing="RapidOCR is not installed: run this")
    with pytest.raises(CapabilityUnavailable, match="run this"):
        texts_in_picture(np.zeros((1000, 1000, 3), np.uint8), page)
    with pytest.raises(CapabilityUnavailable, match="run this"):
        TextWatcher(page)


@pytest.mark.parametrize(
    ("text", "script"),
    [
        ("Wet Floor", "Latin"),
        ("清潔できれいな港区を", "Kana"),
        ("港区 MINATO CITY", "Han"),
        ("서울 Seoul Pyeongyang", "Hangul"),
        ("Maison 穴 de la culture", "Latin"),
        ("서울 Seoul", "Hangul"),
        ("Осторожно", "Cyrillic"),
        ("Έξοδος", "Greek"),
        ("\uff2e\uff2f\uff0e", "Latin"),
        ("35,498.64", None),
    ],
)
def test_the_script_is_that_which_tells_most(text: str, script: str | None) -> None:
    assert script_of(text) == script


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("ポイ捨て禁止!", "ja"),
        ("서울", "ko"),
        ("禁止吸烟", "zh"),
        ("Έξοδος κινδύνου", "el"),
        ("זהירות", "he"),
        ("ห้ามสูบบุหรี่", "th"),
    ],
)
def test_a_script_of_one_language_tells_it(text: str, language: str) -> None:
    assert language_of(text) == language


@pytest.mark.parametrize("text", ["", "EXIT", "129.00", "LOT A2291-7", "www.example.com", "OK 42"])
def test_what_is_too_short_to_tell_has_no_language(text: str) -> None:
    assert language_of(text) is None
