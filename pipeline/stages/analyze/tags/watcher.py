"""Looks at a video while it is decoded: cheap measures often, the models where something new is to be seen."""

from collections.abc import Iterable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from pipeline.domain.analysis import Label
from pipeline.media.video.frame import Frame
from pipeline.ports import Models
from pipeline.stages.analyze.tags import signature
from pipeline.stages.analyze.tags.evidence import Evidence, evidence_of
from pipeline.stages.analyze.tags.look import Look
from pipeline.stages.analyze.tags.unrest import unrest_of

LOOK_S = 0.5
"""Seconds between looks: a thumbnail is at most a quarter of a second off, and no shot of a second goes unseen."""
JUDGE_S = 1.0
"""Least seconds between two questions to the models where the picture changes slowly."""
JUDGE_AGAIN_S = 2.0
"""Most seconds: somebody may have walked into a picture that looks the same as a whole."""
CHANGED, CUT = 0.1, 0.25
"""Distance to the look judged last. From one look to the next it is below 0.06 in nine of ten cases within the given
clips, and 0.28 to 0.73 across the 17 transitions of the composed video."""
SIDE = 480
"""Pixels of the longest side that the models get: they take 416, 256 and 224."""
WORTH_KEEPING = 0.2
"""Words below this probability are not kept: they cannot become a tag."""
_ROUNDING = 1e-6


class TagWatcher:
    """Sees each frame once, in order, and keeps a `Look` every half second. One thread at a time."""

    def __init__(self, models: Models | None, *, look_s: float = LOOK_S) -> None:
        """Without models the looks hold measures only."""
        self._models = models
        self._look_s = look_s
        self._looks: list[Look] = []
        self._grid: NDArray[np.float32] | None = None
        self._before: tuple[float, NDArray[np.uint8]] | None = None
        self._next_s = self._judged_s = 0.0
        self._judged: NDArray[np.float64] | None = None

    @property
    def looks(self) -> tuple[Look, ...]:
        """All looks so far, by time."""
        return tuple(self._looks)

    def see(self, frame: Frame) -> None:
        """Looks at the frame where half a second has gone by, and asks the models where it shows something new."""
        before, self._before = self._before, (frame.time_s, frame.y)
        if frame.time_s < self._next_s:
            return
        # On a fixed grid: half a second is no whole number of frames at 25 a second.
        self._next_s = (int(frame.time_s / self._look_s + _ROUNDING) + 1) * self._look_s - _ROUNDING
        print_ = signature.signature_of((frame.y, frame.u, frame.v))
        judged = self._is_worth_judging(frame.time_s, print_)
        seen = Evidence()
        if judged and self._models is not None:
            seen = evidence_of(frame.rgb(SIDE), self._models, video=True)
        unrest = 0.0 if before is None else unrest_of(before[1], frame.y, frame.time_s - before[0])
        look = self._look(frame, print_, seen, judged=judged and self._models is not None)
        self._looks.append(replace(look, unrest=unrest))

    def _is_worth_judging(self, time_s: float, print_: bytes) -> bool:
        numbers = signature.as_numbers(print_)
        if self._judged is not None:
            away, since = signature.distance(numbers, self._judged), time_s - self._judged_s
            if away < CUT and since < (JUDGE_S if away >= CHANGED else JUDGE_AGAIN_S):
                return False
        self._judged, self._judged_s = numbers, time_s
        return True

    def _look(self, frame: Frame, print_: bytes, seen: Evidence, *, judged: bool) -> Look:
        y = frame.y
        grid = signature.grid_of(y)
        moved = 0.0 if self._grid is None else float(np.abs(grid - self._grid).mean())
        self._grid = grid
        return Look(
            time_s=frame.time_s,
            signature=print_,
            brightness=float(y.mean()),
            spread=float(y.std()),
            dark=float(np.mean(y < 32)),
            plain=signature.plainness_of(y),
            moved=moved,
            unrest=0.0,
            sharpness=signature.sharpness_of(y),
            exposure=signature.exposure_of(y),
            openness=signature.openness_of(y),
            judged=judged,
            labels=_labels(item for item in seen.words.items() if item[1] >= WORTH_KEEPING),
            flags=_labels(seen.flags.items()),
            persons=len(seen.persons),
            person_share=seen.persons[0].box.width * seen.persons[0].box.height if seen.persons else 0.0,
        )


def _labels(items: Iterable[tuple[str, float]]) -> tuple[Label, ...]:
    return tuple(Label(word, round(probability, 3)) for word, probability in sorted(items, key=lambda item: -item[1]))
