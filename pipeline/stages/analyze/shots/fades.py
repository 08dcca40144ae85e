"""Fades through black or white: stretches of flat frames that the picture sinks into and comes out of."""

from collections import deque
from dataclasses import dataclass, field

from pipeline.stages.analyze.shots.look import Look

_BLACK, _WHITE = 10.0, 245.0
"""Mean luma of flat frames; burnt-in marks, which stay when the picture fades, lift black to 2 at the most."""
_FLAT = 9.0
"""Spread of flat frames: a small bright mark on black has 5; dark scenes that can be made out have more."""
_CONTRAST = 12.0
"""Levels of mean luma that lie between the flat stretch and the picture beside it, for it to be a fade at all."""
_STEP = 0.6
"""Share of that contrast that one frame may take: a fade takes a few frames, a flash or a black-out one."""
_REMEMBERED = 30
"""Frames on either side in which the picture has to be seen."""


@dataclass(slots=True)
class _Edge:
    """One side of a stretch: how far the mean luma lies from the flat one in the nearest frame, and at the most."""

    nearest: float = 0.0
    farthest: float = 0.0
    spread: float = 0.0
    frames: int = 0

    def add(self, look: Look, side: float) -> None:
        distance = abs(look.mean - side)
        if not self.frames:
            self.nearest = distance
        self.farthest, self.spread = max(self.farthest, distance), max(self.spread, look.spread)
        self.frames += 1

    @property
    def is_slope(self) -> bool:
        return self.farthest > _CONTRAST and self.nearest < _STEP * self.farthest


@dataclass(slots=True)
class Flat:
    """Frames `start` up to, not including, `end` are black (`side` 0), or white (255)."""

    start: int
    end: int
    side: float
    _before: _Edge = field(default_factory=_Edge)
    _after: _Edge = field(default_factory=_Edge)

    @property
    def is_fade(self) -> bool:
        """Whether a picture sinks into it and another, or the same, comes out."""
        # White with no picture on either side is a lamp or a title card that grows bright, not a fade.
        is_picture = self.side == 0.0 or max(self._before.spread, self._after.spread) > _FLAT
        return is_picture and self._before.is_slope and self._after.is_slope


class FadeFinder:
    """Tells the flat stretches of a video."""

    def __init__(self) -> None:
        self.flats: list[Flat] = []
        """Those seen so far, in order."""
        self._recent: deque[Look] = deque(maxlen=_REMEMBERED)
        self._seen = 0

    def see(self, look: Look) -> None:
        """The next frame in order."""
        side = _side(look)
        last = self.flats[-1] if self.flats else None
        if side is not None and last and last.side == side and last.end == self._seen:
            last.end += 1
        else:
            if last and self._seen < last.end + _REMEMBERED:
                last._after.add(look, last.side)
            if side is not None:
                self.flats.append(self._begun(side))
        self._recent.append(look)
        self._seen += 1

    def _begun(self, side: float) -> Flat:
        flat = Flat(self._seen, self._seen + 1, side)
        for look in reversed(self._recent):
            flat._before.add(look, side)
        return flat


def _side(look: Look) -> float | None:
    if look.spread > _FLAT:
        return None
    if look.mean <= _BLACK:
        return 0.0
    return 255.0 if look.mean >= _WHITE else None
