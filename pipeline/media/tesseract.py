"""Tesseract, the engine for clean documents and for the scripts that the other engine does not know."""

import os
import shutil
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

import cv2
import numpy as np
import pytesseract
from numpy.typing import NDArray

from pipeline.domain.analysis import TextResult
from pipeline.domain.media import Box
from pipeline.errors import CapabilityUnavailable, TooExpensive

# Tesseract's own threads only wait for each other (its FAQ says so), and the stage's pool owns the cores.
os.environ.setdefault("OMP_THREAD_LIMIT", "1")

_TIMEOUT_S = 60
"""A full page takes 1 to 5 s; a picture of noise can take minutes."""
_PAGE, _LINE = "--psm 3", "--psm 7"
"""Tesseract's page segmentation: a page that it takes apart itself, and a single line."""
_WORD = 5
"""The level of Tesseract's rows that are words."""
_UNSURE = 0.3
"""Below, words are marks that Tesseract took for letters: rules, stains, the edge of a photograph."""
LINE_ROWS = 48
"""Height in pixels of a single line: Tesseract reads best where capitals have 30 to 33 (its FAQ)."""

_installed: tuple[str, ...] | None = None
_lock = threading.Lock()


def installed_languages() -> tuple[str, ...]:
    """The languages that Tesseract has data for on this machine, by its own codes; none where it is not installed."""
    global _installed  # noqa: PLW0603 - a cache: asking starts a process
    if shutil.which(pytesseract.pytesseract.tesseract_cmd) is None:
        return ()
    with _lock:
        if _installed is None:
            _installed = tuple(sorted(pytesseract.get_languages()))
        return _installed


@dataclass(frozen=True, slots=True)
class TesseractReader:
    """`pipeline.ports.TextReader` by the program `tesseract`, for documents in the given languages.

    Languages are Tesseract's codes, such as eng, deu or kor. For signs and scenes it is the wrong engine.
    """

    languages: tuple[str, ...] = ("eng",)

    def unavailable(self) -> str | None:
        """Why no text can be read, with the command that fixes it; None when program and languages are there."""
        installed = installed_languages()
        if not installed:
            return "Tesseract is not installed: run `apt-get install tesseract-ocr`, or choose the engine rapidocr"
        missing = [language for language in self.languages if language not in installed]
        if missing:
            packages = " ".join(f"tesseract-ocr-{language.replace('_', '-')}" for language in missing)
            return f"Tesseract has no data for {', '.join(missing)}: run `apt-get install {packages}`"
        return None

    def read(self, pixels: NDArray[np.uint8]) -> tuple[TextResult, ...]:
        """The lines of a document, in Tesseract's order; raises `CapabilityUnavailable`, or `TooExpensive` on noise."""
        reason = self.unavailable()
        if reason is not None:
            raise CapabilityUnavailable(reason)
        height, width = pixels.shape[:2]
        words = _words(pixels, "+".join(self.languages), _PAGE)
        return tuple(
            _line(list(row), width, height)
            for _, row in groupby(words, key=lambda word: (word.block, word.paragraph, word.line))
        )


def read_line(pixels: NDArray[np.uint8], language: str, *, rows: int = LINE_ROWS) -> tuple[str, float]:
    """What a picture of one line says in an installed language, and how sure Tesseract is, 0..1; "" for nothing.

    `rows`: the height in pixels in which Tesseract sees the line.
    """
    scale = rows / pixels.shape[0]
    sized = cv2.resize(pixels, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC)
    words = list(_words(np.asarray(sized, np.uint8), language, _LINE))
    if not words:
        return "", 0.0
    return " ".join(word.text for word in words), _sureness(words)


@dataclass(frozen=True, slots=True)
class _Word:
    text: str
    confidence: float
    block: int
    paragraph: int
    line: int
    left: int
    top: int
    right: int
    bottom: int


def _words(pixels: NDArray[np.uint8], languages: str, config: str) -> Iterator[_Word]:
    try:
        rows: Mapping[str, Sequence[str | int | float]] = pytesseract.image_to_data(
            pixels,
            lang=languages,
            config=config,
            timeout=_TIMEOUT_S,
            output_type=pytesseract.Output.DICT,
        )
    except pytesseract.TesseractError as error:
        raise CapabilityUnavailable(f"Tesseract failed: {error.message}") from error
    except RuntimeError as error:  # what pytesseract raises when the time is over
        raise TooExpensive(f"Tesseract did not read the picture within {_TIMEOUT_S} seconds.") from error
    for at, level in enumerate(rows["level"]):
        text, confidence = str(rows["text"][at]).strip(), float(rows["conf"][at]) / 100
        if level != _WORD or not text or confidence < _UNSURE:
            continue
        left, top, width, height = (int(rows[side][at]) for side in ("left", "top", "width", "height"))
        block, paragraph, line = (int(rows[part][at]) for part in ("block_num", "par_num", "line_num"))
        yield _Word(text, confidence, block, paragraph, line, left, top, left + width, top + height)


def _line(words: Sequence[_Word], width: int, height: int) -> TextResult:
    left, top = min(word.left for word in words), min(word.top for word in words)
    right, bottom = max(word.right for word in words), max(word.bottom for word in words)
    box = Box(left / width, top / height, (right - left) / width, (bottom - top) / height)
    return TextResult(" ".join(word.text for word in words), _sureness(words), box=box)


def _sureness(words: Sequence[_Word]) -> float:
    """Of the whole, each word by its letters."""
    letters = sum(len(word.text) for word in words)
    return sum(word.confidence * len(word.text) for word in words) / letters
