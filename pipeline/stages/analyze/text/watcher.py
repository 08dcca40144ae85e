"""The text in a video, read while its frames pass by once."""

from pipeline.domain.analysis import TextResult
from pipeline.errors import CapabilityUnavailable
from pipeline.media.video.frame import Frame
from pipeline.ports import TextReader
from pipeline.stages.analyze.text.changes import Change, ChangeTest
from pipeline.stages.analyze.text.lines import lines_of, rows_of
from pipeline.stages.analyze.text.spans import texts_of
from pipeline.stages.analyze.text.tracker import Tracker

SIDE = 960
"""Pixels of the longest side of what is read (media-facts: the side at which no word is lost)."""
SAMPLED_S = 0.1
"""Seconds between the frames that are looked at: spans are right to two of them."""
_SETTLED_S = (0.5, 1.5)
"""Seconds between readings where something new stands still: at first, and after readings that found nothing new.
Captions stand for 0.8 s at least (the BBC's and Netflix's guidelines), nearly all for 1.5 s and more."""
_MOVING_S = (1.5, 4.0)
"""The same where all that is new moves: signs that pass, and all that is no text."""
_DOUBTFUL_S = 1.5
"""The same where a text that was read has gone or changed its letters."""
_SLOWER = 1.5
"""By how much a reading that found nothing new makes the next one wait longer."""
_MOST_ROWS = 120
"""Rows of a frame that are followed, the largest: a full page has 60. Comparing all with all costs by their square."""


class TextWatcher:
    """Reads the frames in which strokes have come that were not there before, and follows what it has read.

    Memory is flat in the video's length, but for some hundred bytes for each different text.
    """

    def __init__(self, reader: TextReader, *, side: int = SIDE) -> None:
        """Raises `CapabilityUnavailable` with the reason where the engine is missing."""
        reason = reader.unavailable()
        if reason is not None:
            raise CapabilityUnavailable(reason)
        self._reader, self._side = reader, side
        self._changes, self._tracker = ChangeTest(), Tracker()
        self._sampled_s = self._read_s = float("-inf")
        self._is_doubtful = False
        """A text was lost, or its letters have changed, since the last reading."""
        self._patience = 1.0
        self._size = (0, 0)
        self.readings = 0
        """Frames that the engine has read so far."""

    def see(self, frame: Frame) -> None:
        """The frame's text is known where it is one to look at; to be called with every frame, in order."""
        if frame.time_s < self._sampled_s + SAMPLED_S - 1e-3:
            return
        self._sampled_s = frame.time_s
        self._is_doubtful |= self._tracker.follow(frame.y, frame.time_s)
        if self._is_due(self._changes.judge(frame.y), frame.time_s):
            self._read(frame)

    def texts(self, end_s: float) -> tuple[TextResult, ...]:
        """Each text once with the time in which it stood, in order; to be called after the last frame.

        `end_s`: where the video ends.
        """
        self._tracker.close(end_s)
        return texts_of(self._tracker.ended, *self._size)

    def _is_due(self, change: Change, time_s: float) -> bool:
        waited_s = time_s - self._read_s + 1e-3
        settled_s, moving_s = (min(longest, shortest * self._patience) for shortest, longest in (_SETTLED_S, _MOVING_S))
        return (
            (change.settled and waited_s >= settled_s)
            or (change.moving and waited_s >= moving_s)
            or (self._is_doubtful and waited_s >= _DOUBTFUL_S)
        )

    def _read(self, frame: Frame) -> None:
        height, width = frame.y.shape
        self._size = (width, height)
        rows = rows_of(lines_of(self._reader.read(frame.rgb(self._side)), width, height))
        rows = sorted(rows, key=lambda row: -row.height)[:_MOST_ROWS]
        found_new = self._tracker.read(rows, frame.y, frame.time_s)
        self._patience = 1.0 if found_new else self._patience * _SLOWER
        self._read_s, self._is_doubtful = frame.time_s, False
        self._changes.mark_read()
        self.readings += 1
