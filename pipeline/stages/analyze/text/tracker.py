"""The texts of a video while it passes: followed from sample to sample, told apart at each reading."""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from pipeline.stages.analyze.text.lines import Line
from pipeline.stages.analyze.text.patches import NOTHING, Patch, cut_out, found
from pipeline.stages.analyze.text.tracks import Track

BRIDGED_S = 1.5
"""A text that is away for no longer has stood all the time: somebody walks past, a flash, a reading that failed."""
_HISTORY_S = 4.5
"""How far back a new text is looked for: longer than readings are apart. At 10 samples a second and 58 kB for a
plane that is 2.6 MB, however long the video."""
_MOST_MISSED = 3
"""Readings in a row that do not find a text which seems to be there: what is there is something else."""
_ONCE_SURE = 0.8
"""Confidence from which a text counts that was read a single time; another one must be read twice."""


@dataclass(slots=True)
class Tracker:
    """Keeps the open texts, the ended ones as numbers and words, and the last few planes."""

    ended: list[Track] = field(default_factory=list)
    _open: list[Track] = field(default_factory=list)
    _history: deque[tuple[float, NDArray[np.uint8]]] = field(default_factory=deque)

    def follow(self, y: NDArray[np.uint8], time_s: float) -> bool:
        """Every open text is known to be there or gone in this sample; True where one is gone or has altered."""
        while self._history and self._history[0][0] < time_s - _HISTORY_S:
            self._history.popleft()
        self._history.append((time_s, y))
        is_doubtful = False
        for track in self._open:
            is_doubtful |= _follow(track, y, time_s)
        self._end(time_s)
        return is_doubtful

    def read(self, lines: Sequence[Line], y: NDArray[np.uint8], time_s: float) -> bool:
        """Each line has been added to its text or begun one; True where there was anything new, or more."""
        pairs = [(track.fits(line), at, track) for at, line in enumerate(lines) for track in self._open]
        taken: set[int] = set()
        matched: set[int] = set()
        for fit, at, track in sorted(pairs, key=lambda pair: -pair[0]):
            if fit <= 0 or at in taken or id(track) in matched:
                continue
            track.read_again(lines[at], time_s, cut_out(y, lines[at]))
            taken.add(at)
            matched.add(id(track))
        before = [track for track in self._open if id(track) not in matched]
        new = [self._begun(line, y, time_s, before) for at, line in enumerate(lines) if at not in taken]
        for track in before:
            track.not_read(time_s)
        replaced = [track.counts_on for track in new if track.counts_on is not None]
        self._retire([*replaced, *(track for track in before if track.missed >= _MOST_MISSED)], time_s)
        self._open += new
        return bool(new) or any(track.is_growing for track in self._open)

    def close(self, end_s: float) -> None:
        """No more frames: what is still there stands to the end."""
        self._retire(self._open, end_s)

    def _begun(self, line: Line, y: NDArray[np.uint8], time_s: float, before: Sequence[Track]) -> Track:
        """A new text, from when on it can be seen in the last samples; not before the one it has counted on from."""
        patch = cut_out(y, line)
        track = Track(line, time_s, time_s, time_s, patch, patch.left, patch.top)
        track.counts_on = next((other for other in before if other.is_counted_on_by(line)), None)
        track.start_s = self._since(patch, time_s, counting=track.counts_on is not None)
        if track.counts_on is not None:
            track.counts_on.gone_s = track.start_s
        return track

    def _since(self, patch: Patch, time_s: float, *, counting: bool) -> float:
        since, left, top = time_s, patch.left, patch.top
        if not patch.is_telling:
            return since
        for sampled_s, y in reversed(self._history):
            there = found(patch, y, left, top)
            if there is None or (counting and there.is_altered):
                break
            since, left, top = sampled_s, there.left, there.top
        return since

    def _end(self, time_s: float) -> None:
        """What has been away for too long, and was not read meanwhile, has ended."""
        self._retire(
            [
                track
                for track in self._open
                if track.gone_s is not None and time_s - track.gone_s > BRIDGED_S and track.missed > 0
            ],
            time_s,
        )

    def _retire(self, tracks: Sequence[Track], time_s: float) -> None:
        for track in tracks:
            track.end_at(time_s)
            track.patch = NOTHING
        gone = {id(track): track for track in tracks}
        self.ended += [track for track in gone.values() if track.readings > 1 or track.line.confidence >= _ONCE_SURE]
        self._open = [track for track in self._open if id(track) not in gone]


def _follow(track: Track, y: NDArray[np.uint8], time_s: float) -> bool:
    """Whether the track needs a reading: it is lost, has other letters or may have more, or cannot be followed."""
    if not track.patch.is_telling:
        track.last_s = time_s if track.gone_s is None else track.last_s
        return True
    if track.has_left:
        return False
    there = found(track.patch, y, track.left, track.top)
    if there is None:
        was_there = track.gone_s is None
        track.gone_s = time_s if was_there else track.gone_s
        return was_there
    track.stands(there.left, there.top, time_s, y.shape)
    return there.is_altered or track.is_growing or track.has_left
