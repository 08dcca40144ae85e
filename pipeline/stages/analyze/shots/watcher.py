"""The shots of a video: stretches between two cuts, dissolves or fades."""

from array import array
from bisect import bisect_right
from dataclasses import dataclass

from pipeline.domain.analysis import Span
from pipeline.media.video import Frame
from pipeline.stages.analyze.shots.cuts import CutFinder
from pipeline.stages.analyze.shots.dissolves import Blend, DissolveFinder
from pipeline.stages.analyze.shots.fades import FadeFinder, Flat
from pipeline.stages.analyze.shots.look import Look, look_of

LONG_FLAT_S = 2.0
"""A black or white stretch that stands longer is a shot of its own; a shorter one belongs to the fade around it."""
LEAST_SHOT = 5
"""Frames between two boundaries; the second of two closer ones is dropped."""
_BLEND_STEP_S = 1 / 38
"""Dissolves are looked for at 19 to 38 frames a second: faster videos are thinned out, their windows would be short."""
_GAP, _APART = 5, 15
"""Looked-at frames between two blends of one dissolve, at most, and between the middles of two dissolves, at least."""


@dataclass(frozen=True, slots=True)
class Transition:
    """From one shot to the next: `start` is the first frame of the change, `end` the first after it, `at` the frame
    that begins the new shot. For a cut the three are one."""

    start: int
    at: int
    end: int


class ShotWatcher:
    """Sees every frame of a video and tells its shots; keeps a few numbers per frame."""

    def __init__(self) -> None:
        self._cuts, self._dissolves, self._fades = CutFinder(), DissolveFinder(), FadeFinder()
        self._times, self._thinned = array("d"), array("l")
        self._next_blend_s = 0.0
        self._transitions: tuple[Transition, ...] | None = None

    def see(self, frame: Frame) -> None:
        """The next frame in order."""
        self.see_look(look_of(frame), frame.time_s)

    def see_look(self, look: Look, time_s: float) -> None:
        """The next frame's look and its time."""
        self._cuts.see(look)
        self._fades.see(look)
        if time_s >= self._next_blend_s:
            self._dissolves.see(look)
            self._thinned.append(len(self._times))
            self._next_blend_s = time_s + _BLEND_STEP_S * 0.999
        self._times.append(time_s)

    def shots(self, end_s: float) -> tuple[Span, ...]:
        """Contiguous shots from 0 to `end_s`, where the last frame ends; at least one where a frame was seen."""
        if not self._times:
            return ()
        starts = [0.0, *(self._times[transition.at] for transition in self._found())]
        return tuple(Span(start, end) for start, end in zip(starts, [*starts[1:], end_s], strict=True))

    def transitions(self) -> tuple[Span, ...]:
        """From the first frame of each change of shots to the first after it; a cut takes no time."""
        return tuple(
            Span(self._times[found.start], self._times[min(found.end, len(self._times) - 1)]) for found in self._found()
        )

    def _found(self) -> tuple[Transition, ...]:
        if self._transitions is None:
            self._cuts.finish()
            self._dissolves.finish()
            self._transitions = self._resolved()
        return self._transitions

    def _resolved(self) -> tuple[Transition, ...]:
        cuts, flats = self._cuts.cuts, self._fades.flats
        found = [Transition(cut, cut, cut) for cut in cuts]
        for flat in flats:
            found += self._faded(flat, cuts)
        taken = sorted({index for flat in flats for index in (flat.start, flat.end)} | set(cuts))
        found += self._dissolved(taken)
        kept: list[Transition] = []
        for transition in sorted(found, key=lambda each: each.at):
            if transition.at >= (kept[-1].at if kept else 0) + LEAST_SHOT:
                kept.append(transition)
        return tuple(kept)

    def _faded(self, flat: Flat, cuts: list[int]) -> list[Transition]:
        """What a flat stretch adds to the cuts: one boundary in its middle, or one at each end that is no cut."""
        entered = any(abs(cut - flat.start) <= 1 for cut in cuts) or flat.start == 0
        left = any(abs(cut - flat.end) <= 1 for cut in cuts) or flat.end >= len(self._times)
        if self._times[min(flat.end, len(self._times) - 1)] - self._times[flat.start] >= LONG_FLAT_S:
            ends = [index for index, is_cut in ((flat.start, entered), (flat.end, left)) if not is_cut]
            return [Transition(index, index, index) for index in ends]
        if entered or left or not flat.is_fade:
            return []
        return [Transition(flat.start, (flat.start + flat.end) // 2, flat.end)]

    def _dissolved(self, taken: list[int]) -> list[Transition]:
        """The strongest blend of each dissolve, where no cut and no flat stretch lies within it."""
        strongest = [
            max(free, key=lambda each: each.strength)
            for run in _runs(self._dissolves.blends)
            if (free := [blend for blend in run if not _holds_any(taken, *self._frames(blend))])
        ]
        best: list[Blend] = []
        for blend in sorted(strongest, key=lambda each: -each.strength):
            if all(abs(blend.center - one.center) >= _APART for one in best):
                best.append(blend)
        return [Transition(start, self._thinned[one.center], end) for one in best for start, end in [self._frames(one)]]

    def _frames(self, blend: Blend) -> tuple[int, int]:
        """The first and the last frame of a blend's window."""
        return self._thinned[blend.center - blend.half], self._thinned[blend.center + blend.half]


def _runs(blends: list[Blend]) -> list[list[Blend]]:
    """Blends that follow one another, with small gaps: one dissolve each."""
    runs: list[list[Blend]] = []
    for blend in blends:
        if runs and blend.center - runs[-1][-1].center <= _GAP:
            runs[-1].append(blend)
        else:
            runs.append([blend])
    return runs


def _holds_any(indices: list[int], start: int, end: int) -> bool:
    """Whether one of the sorted indices lies after `start` and not after `end`."""
    return bisect_right(indices, end) > bisect_right(indices, start)
