"""How much a video moves: one number for every quarter of a second."""

from array import array
from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.domain.analysis import Span
from pipeline.media.video import Frame
from pipeline.stages.analyze.shots.watcher import ShotWatcher

cv2.setNumThreads(1)

ACTIVITY_RATE = 4.0
"""Pairs of pictures a second. Number k compares those that are shown at k / 4 and (k + 1) / 4 seconds."""

_SIDE = 80
"""Pixels of the compared pictures' longest side."""
_STILL, _FULL = 0.5, 40.0
"""Mean change of luma, in levels, that is none (noise and compression leave as much at this size) and full activity
(a whip pan over a contrasty scene)."""


class ActivityWatcher:
    """Sees every frame of a video and keeps one number for each pair of samples."""

    rate = ACTIVITY_RATE

    def __init__(self, shots: ShotWatcher) -> None:
        """`shots` sees the same video; it is asked for the transitions when `activity` is."""
        self._shots = shots
        self._changes = array("d")
        self._samples = 0
        self._last_s = 0.0
        self._shown: NDArray[np.uint8] | None = None
        self._small: NDArray[np.float32] | None = None
        self._previous: NDArray[np.float32] | None = None

    def see(self, frame: Frame) -> None:
        """The next frame in order."""
        # What is shown at a sample's time is the last frame that is not after it.
        while self._shown is not None and self._samples / ACTIVITY_RATE < frame.time_s:
            self._sample()
        self._shown, self._small, self._last_s = frame.y, None, frame.time_s

    @property
    def activity(self) -> tuple[float, ...]:
        """One number 0..1 per pair, motion within a shot, once every frame has been seen.

        Pairs that a transition lies in show two shots: they get the mean of the nearest pairs on both sides. Brightness
        that changes evenly is no motion. Empty for videos of up to a quarter of a second.
        """
        while self._shown is not None and self._samples / ACTIVITY_RATE <= self._last_s:
            self._sample()
        changes = np.asarray(self._changes, np.float64)
        motion = np.clip((changes - _STILL) / (_FULL - _STILL), 0.0, 1.0)
        return tuple(round(float(value), 4) for value in _within_shots(motion, self._shots.transitions()))

    def _sample(self) -> None:
        if self._small is None and self._shown is not None:
            self._small = _made_small(self._shown)
        if self._small is not None and self._previous is not None:
            self._changes.append(_change(self._previous, self._small))
        self._previous = self._small
        self._samples += 1


def _made_small(y: NDArray[np.uint8]) -> NDArray[np.float32]:
    height, width = y.shape
    scale = min(1.0, _SIDE / max(height, width))
    size = max(1, round(width * scale)), max(1, round(height * scale))
    return np.asarray(cv2.resize(y, size, interpolation=cv2.INTER_AREA), np.float32)


def _change(one: NDArray[np.float32], other: NDArray[np.float32]) -> float:
    if one is other:
        return 0.0
    difference = other - one
    return float(np.abs(difference - np.median(difference)).mean())


def _within_shots(motion: NDArray[np.float64], transitions: Sequence[Span]) -> NDArray[np.float64]:
    numbers = np.arange(motion.size)
    begins, ends = numbers / ACTIVITY_RATE, (numbers + 1) / ACTIVITY_RATE
    is_across = np.zeros(motion.size, bool)
    for span in transitions:
        first, last = np.searchsorted(ends, span.start_s), np.searchsorted(begins, span.end_s)
        is_across[first:last] = True
    within = numbers[~is_across]
    if not within.size:
        return np.zeros_like(motion)
    after = np.searchsorted(within, numbers)
    left = motion[within[np.maximum(after - 1, 0)]]
    right = motion[within[np.minimum(after, within.size - 1)]]
    return np.where(
        is_across, (np.where(after == 0, right, left) + np.where(after == within.size, left, right)) / 2, motion
    )
