"""Hard cuts: one frame that differs from its predecessor far more than its neighbours do, and stays different."""

from collections import deque

import numpy as np

from pipeline.stages.analyze.shots.look import Look, likeness_of

REACH = 4
"""Frames on either side that a cut is compared with; flashes and jolts up to this long are none."""
_FORGIVEN = 0.5

# Chosen on the development compositions of `benchmark/video_compositions.py` and composed_18_shots.mp4. Each of their
# 109 cuts has a ratio of 3.4 or more, a likeness of 0.60 or less and a difference of 7 or more; of all frames that
# change as much as `_LEAST` and are no cut, none has a ratio above 1.7.
_RATIO, _LIKENESS, _LEAST = 2.5, 0.65, 3.5
# A jump within one scene: the picture stays much alike, so it has to stand out more.
_JUMP_RATIO, _JUMP_LIKENESS, _JUMP_LEAST = 8.0, 0.9, 8.0
_STAYS = 0.5
"""Share of a cut's difference that must remain to each frame around it; a flash takes it back."""


class CutFinder:
    """Tells the cuts of a video, `REACH` frames after they happened."""

    def __init__(self) -> None:
        self.cuts: list[int] = []
        """Indices of frames that begin a shot."""
        self._looks: deque[Look] = deque(maxlen=2 * REACH + 2)
        self._changes: deque[float] = deque(maxlen=2 * REACH + 1)
        self._seen = 0

    def see(self, look: Look) -> None:
        """The next frame in order."""
        if self._looks:
            self._changes.append(_difference(self._looks[-1], look))
        self._looks.append(look)
        self._seen += 1
        if len(self._changes) > REACH:
            self._decide(len(self._changes) - 1 - REACH)

    def finish(self) -> None:
        """Decides on the last frames, which have fewer successors."""
        for place in range(max(0, len(self._changes) - REACH), len(self._changes)):
            self._decide(place)

    def _decide(self, place: int) -> None:
        """Whether the change at `place` is a cut: it leads from look `place` to look `place + 1`."""
        changes = list(self._changes)
        change = changes[place]
        around = changes[max(0, place - REACH) : place] + changes[place + 1 : place + 1 + REACH]
        ratio = change / max([_FORGIVEN, *around])
        if change < _LEAST or ratio < _RATIO:
            return
        looks = list(self._looks)
        before, after = looks[place], looks[place + 1]
        likeness = likeness_of(before, after)
        is_cut = likeness < _LIKENESS
        is_jump = ratio >= _JUMP_RATIO and change >= _JUMP_LEAST and likeness < _JUMP_LIKENESS
        if (is_cut or is_jump) and self._stays(looks, place, change):
            self.cuts.append(self._seen - len(changes) + place)

    def _stays(self, looks: list[Look], place: int, change: float) -> bool:
        before, after = looks[place], looks[place + 1]
        later = looks[place + 2 : place + 2 + REACH]
        earlier = looks[max(0, place - REACH) : place]
        remaining = [_difference(before, look) for look in later] + [_difference(look, after) for look in earlier]
        return min(remaining, default=change) >= _STAYS * change


def _difference(one: Look, other: Look) -> float:
    """Mean absolute difference in levels of 255."""
    return float(np.abs(one.values - other.values).mean())
