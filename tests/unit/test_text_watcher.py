"""When a video is read, and how one text becomes one result with its time."""

import tracemalloc
from collections.abc import Callable, Sequence

import cv2
import numpy as np
import pytest

from pipeline.domain.analysis import TextResult
from pipeline.domain.media import Box
from pipeline.media.video import Frame
from pipeline.stages.analyze.text import TextWatcher

RATE = 25
WIDTH, HEIGHT = 320, 180
Stand = tuple[str, float, float, int, int]
"""A text that stands from one second to another, left and with its foot at a place of the plane."""


class Screen:
    """Shows texts, and reads those that it shows: a reader that makes no mistakes."""

    def __init__(self, *stands: Stand, misread: Callable[[str, int], str] = lambda text, _: text) -> None:
        self._stands, self._misread = stands, misread
        self._time_s = 0.0
        self.readings = 0

    def unavailable(self) -> str | None:
        return None

    def read(self, pixels: np.ndarray) -> tuple[TextResult, ...]:
        assert pixels.ndim == 3
        self.readings += 1
        return tuple(
            TextResult(
                self._misread(text, self.readings),
                0.95,
                box=Box(left / WIDTH, (foot - 14) / HEIGHT, 9 * len(text) / WIDTH, 18 / HEIGHT),
            )
            for text, left, foot in self._shown()
        )

    def frame(self, index: int, background: np.ndarray) -> Frame:
        self._time_s = index / RATE
        y = background.copy()
        for text, left, foot in self._shown():
            cv2.putText(y, text, (left, foot), cv2.FONT_HERSHEY_SIMPLEX, 0.5, 235, 1)
        grey = np.full((HEIGHT // 2, WIDTH // 2), 128, np.uint8)
        return Frame(index, self._time_s, y, grey, grey, lambda _: np.zeros((HEIGHT, WIDTH, 3), np.uint8))

    def _shown(self) -> Sequence[tuple[str, int, int]]:
        return [(text, x, y) for text, start_s, end_s, x, y in self._stands if start_s <= self._time_s < end_s]


def wall(_: int) -> np.ndarray:
    return np.full((HEIGHT, WIDTH), 90, np.uint8)


def noise(index: int) -> np.ndarray:
    return np.random.default_rng(index).integers(0, 256, (HEIGHT, WIDTH), dtype=np.uint8)


def watched(
    screen: Screen, seconds: float, background: Callable[[int], np.ndarray] = wall
) -> list[tuple[str, float, float]]:
    watcher = TextWatcher(screen)
    for index in range(round(seconds * RATE)):
        watcher.see(screen.frame(index, background(index)))
    found = watcher.texts(seconds)
    assert all(text.span is not None and text.box is not None for text in found)
    return [(text.text, text.span.start_s, text.span.end_s) for text in found if text.span is not None]


def assert_stands(found: Sequence[tuple[str, float, float]], *expected: tuple[str, float, float]) -> None:
    assert [text for text, _, _ in found] == [text for text, _, _ in expected]
    times = [time_s for _, *span in found for time_s in span]
    assert times == pytest.approx([time_s for _, *span in expected for time_s in span], abs=0.2)


def test_a_text_that_stands_for_a_while_is_one_result_with_its_time() -> None:
    found = watched(Screen(("Breaking news", 2.0, 6.0, 30, 150)), 9)
    assert_stands(found, ("Breaking news", 2.0, 6.0))


def test_a_text_that_stands_to_the_end_ends_there() -> None:
    assert_stands(watched(Screen(("The end", 3.0, 99.0, 30, 90)), 6), ("The end", 3.0, 6.0))


def test_two_texts_at_once_are_two_results() -> None:
    screen = Screen(("Harbour news", 1.0, 6.0, 30, 150), ("Live", 3.0, 8.0, 250, 30))
    assert_stands(watched(screen, 9), ("Harbour news", 1.0, 6.0), ("Live", 3.0, 8.0))


def test_two_lines_that_come_and_go_together_are_one_text() -> None:
    screen = Screen(("We leave at", 2.0, 5.0, 60, 130), ("first light", 2.0, 5.0, 60, 148))
    assert_stands(watched(screen, 7), ("We leave at\nfirst light", 2.0, 5.0))


def test_a_short_absence_is_bridged_and_a_long_one_is_not() -> None:
    short = Screen(("Harbour news", 1.0, 3.0, 30, 150), ("Harbour news", 3.8, 6.0, 30, 150))
    assert_stands(watched(short, 8), ("Harbour news", 1.0, 6.0))
    long = Screen(("Harbour news", 1.0, 3.0, 30, 150), ("Harbour news", 7.0, 9.0, 30, 150))
    assert_stands(watched(long, 11), ("Harbour news", 1.0, 3.0), ("Harbour news", 7.0, 9.0))


def test_captions_that_follow_in_one_place_are_told_apart() -> None:
    screen = Screen(("Where is she", 1.0, 4.0, 60, 150), ("In the boat", 4.0, 7.0, 60, 150))
    assert_stands(watched(screen, 9), ("Where is she", 1.0, 4.0), ("In the boat", 4.0, 7.0))


def test_the_reading_with_most_votes_wins() -> None:
    texts = ("Harbour news", "Sunny", "Cloudy", "Rainy", "Windy")
    screen = Screen(
        *((text, 1.0 + 2 * at, 12.0, 30 + 150 * (at % 2), 150 - 40 * (at // 2)) for at, text in enumerate(texts)),
        misread=lambda text, reading: text.replace("b", "h") if reading == 1 else text,
    )
    assert "Harbour news" in [text for text, _, _ in watched(screen, 13)]


def test_a_clock_is_one_text() -> None:
    seconds = [(f"12:00:{second:02d}", float(second), second + 1.0, 220, 30) for second in range(12)]
    found = watched(Screen(*seconds), 12)
    assert_stands(found, ("12:00:00", 0.0, 12.0))


def test_numbers_that_stand_for_a_while_are_texts_of_their_own() -> None:
    screen = Screen(("Chapter 1", 1.0, 6.0, 100, 90), ("Chapter 2", 6.0, 11.0, 100, 90))
    assert_stands(watched(screen, 12), ("Chapter 1", 1.0, 6.0), ("Chapter 2", 6.0, 11.0))


def test_a_typed_text_is_one_result_with_all_its_letters() -> None:
    text = "Typed letter by letter"
    typed = [(text[:end], 1 + end / 8, 1 + (end + 1) / 8 if end < len(text) else 9.0, 30, 90) for end in range(1, 23)]
    found = watched(Screen(*typed), 10)
    assert [text for text, _, _ in found] == [text]
    assert found[0][2] == pytest.approx(9.0, abs=0.2)


def test_a_still_picture_without_strokes_is_never_read() -> None:
    screen = Screen()
    assert watched(screen, 20) == []
    assert screen.readings == 0


def test_a_still_text_is_read_once() -> None:
    screen = Screen(("Harbour news", 0.0, 99.0, 30, 150))
    assert_stands(watched(screen, 60), ("Harbour news", 0.0, 60.0))
    assert screen.readings == 1


def test_a_picture_that_never_rests_is_read_at_a_bounded_rate() -> None:
    screen = Screen()
    assert watched(screen, 60, noise) == []
    assert 10 <= screen.readings <= 40


def test_nothing_seen_is_no_text() -> None:
    assert TextWatcher(Screen()).texts(0.0) == ()


def test_memory_does_not_grow_with_the_video() -> None:
    screen = Screen(("Harbour news", 0.0, 999.0, 30, 150))
    watcher = TextWatcher(screen)
    held = []
    tracemalloc.start()
    for index in range(60 * RATE):
        watcher.see(screen.frame(index, noise(index)))
        if index in (20 * RATE, 60 * RATE - 1):
            held.append(tracemalloc.get_traced_memory()[0])
    tracemalloc.stop()
    assert held[1] - held[0] < 50_000
    assert held[1] < 5_000_000
