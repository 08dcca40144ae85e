"""Dissolves: frames that are a blend of the picture before and the picture after."""

import math
from collections import deque
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.stages.analyze.shots.look import Look, likeness_of

HALVES = (4, 6, 8, 11, 15, 20)
"""Half lengths that are tried, in frames: dissolves from a quarter of a second to two seconds at 30 frames a second."""
_PLACES = (0.25, 0.5, 0.75)

# Chosen on the development compositions of `benchmark/video_compositions.py` and composed_18_shots.mp4: of 1,532
# windows around dissolves 986 pass all that follows, several for each dissolve; of 3,132 between unlike pictures of one
# moving shot none does.
_LEAST, _LIKENESS = 6.0, 0.7
"""Of the pictures at both ends: how far apart they are at least (root mean square) and how much alike at most."""
_RESIDUE = 0.5
"""Share of that distance that a frame in between may lie beside the straight line from one to the other."""
_DIP = 0.4
"""How much of the detail that a blend loses may still be there: 0 in a dissolve, however much both shots move, and 1 in
a moving shot, whose every frame is sharp."""
_NEW = 5.5
"""Levels of content at each end that the other does not have, or it only grows darker or brighter."""
_QUARTER, _HALF, _REST = (-0.25, 0.5), (0.25, 0.75), (0.5, 1.25)
"""How far the change has come after a quarter, a half and three quarters of a window that lies right around it."""
_DIP_TELLS = 4.0
"""Variance below which a picture has too little detail to lose any."""


@dataclass(frozen=True, slots=True)
class Blend:
    """A frame, counted from 0, around which the pictures `half` frames before and after are blended."""

    center: int
    half: int
    strength: float


class DissolveFinder:
    """Tells, for every frame, whether those around it are blends; which of them are transitions is told at the end."""

    def __init__(self) -> None:
        self.blends: list[Blend] = []
        self._looks: deque[Look] = deque(maxlen=2 * HALVES[-1] + 1)
        self._seen = 0

    def see(self, look: Look) -> None:
        """The next frame in order."""
        self._looks.append(look)
        self._seen += 1
        if len(self._looks) > HALVES[-1]:
            self._decide(len(self._looks) - 1 - HALVES[-1])

    def finish(self) -> None:
        """Decides on the last frames, which have fewer successors."""
        for place in range(max(0, len(self._looks) - HALVES[-1]), len(self._looks)):
            self._decide(place)

    def _decide(self, place: int) -> None:
        looks, best = self._looks, None
        for half in HALVES:
            if place < half or place + half >= len(looks):
                break
            strength = self._strength([looks[place + round((2 * share - 1) * half)] for share in (0.0, *_PLACES, 1.0)])
            if strength and (best is None or strength > best.strength):
                best = Blend(self._seen - len(looks) + place, half, strength)
        if best:
            self.blends.append(best)

    def _strength(self, looks: list[Look]) -> float:
        """How clearly the looks are the way of one picture into another; 0.0 where they are not."""
        first, last = looks[0], looks[-1]
        way = last.values - first.values
        length = float(way @ way)
        likeness = likeness_of(first, last)
        if length < _LEAST**2 * way.size or likeness > _LIKENESS:
            return 0.0
        if min(first.spread, last.spread) * (1 - likeness**2) ** 0.5 < _NEW:
            return 0.0
        steps = [_step(look, first, way, length) for look in looks[1:-1]]
        done, residue = steps[1]
        dip = _dip(first, looks[2], last, done)
        ways = (share for share, _ in steps)
        is_steady = all(low < share < high for share, (low, high) in zip(ways, (_QUARTER, _HALF, _REST), strict=True))
        if not is_steady or residue > _RESIDUE or dip > _DIP:
            return 0.0
        return math.sqrt(length / way.size) * (1 - residue) * (1 - max(0.0, dip))


def _step(look: Look, first: Look, way: NDArray[np.float32], length: float) -> tuple[float, float]:
    come = look.values - first.values
    done = float(come @ way) / length
    rest = come - done * way
    return done, (float(rest @ rest) / length) ** 0.5


def _dip(first: Look, middle: Look, last: Look, done: float) -> float:
    blended = (1 - done) ** 2 * first.detail + done**2 * last.detail
    lasting = (1 - done) * first.detail + done * last.detail
    return (middle.detail - blended) / max(_DIP_TELLS, lasting - blended)
