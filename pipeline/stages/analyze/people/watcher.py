"""The people in a video, found while its frames pass by once."""

from array import array
from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.domain.analysis import Constellation, Person, Span
from pipeline.media.video.frame import Frame
from pipeline.ports import Models
from pipeline.stages.analyze.people.appearances import Appearance
from pipeline.stages.analyze.people.clusters import people_among
from pipeline.stages.analyze.people.constellations import Sighting, constellations
from pipeline.stages.analyze.people.needs import missing, require
from pipeline.stages.analyze.people.portraits import BEYOND_DOUBT, portraits
from pipeline.stages.analyze.people.tracks import Sample, Tracker

EVERY_S = 0.4
"""Two and a half looks a second: who comes or goes is noticed within 0.4 s."""
_LONGEST_SIDE = 960
"""Pixels on the longest side of what is looked at: a face of one fortieth of the picture then has the 24 that tell."""
MOST_FACES = 24
"""Of one look, the largest: each costs two runs of a model, and in a crowd of more nobody is prominent."""
_CHANGE = 15.0
"""Mean difference of brightness, 0..255, to the frame before from which the picture has changed at once: a cut or a
flash. Pans stay below 10. It decides only where to look once more and whether a place still means the same face."""
_GRID = (32, 18)


class PeopleWatcher:
    """Looks for faces every `every_s` seconds and in the first frame after a cut, and keeps who they are.

    What is kept grows by a dozen bytes for each sighting and by some kilobytes for each different face.
    """

    def __init__(self, models: Models, *, every_s: float = EVERY_S) -> None:
        """Raises `CapabilityUnavailable` where people cannot be found: see `missing`."""
        require(models)
        self._models = models
        self._every_s = every_s
        self._tracker = Tracker(None if "age_and_gender" in missing(models) else models)
        self._times = array("d")
        self._scene = 0
        self._before: NDArray[np.float32] | None = None
        self._somebody: list[Appearance] | None = None

    def see(self, frame: Frame) -> None:
        """The frame's faces are known where it is one to look at; to be called with every frame, in order."""
        changed = self._has_changed(frame.y)
        self._scene += changed
        waited_s = frame.time_s - self._times[-1] if self._times else float("inf")
        # A flickering picture must not cost more than twice as much as a steady one.
        if waited_s < self._every_s * (0.5 if changed else 1.0) - 1e-6:
            return
        pixels = frame.rgb(_LONGEST_SIDE)
        self._somebody = None
        sample = Sample(len(self._times), frame.time_s, self._scene, pixels)
        self._times.append(frame.time_s)
        self._tracker.see(portraits(pixels, self._models, most=MOST_FACES), sample)

    def people(self) -> tuple[Person, ...]:
        """Everybody who was seen, in order of their first appearance, ids from 0; to be called after the last frame."""
        return tuple(
            Person(
                id=number,
                gender=person.opinions.gender,
                age=person.opinions.age,
                embedding=person.embedding,
                thumbnail=person.thumbnail,
            )
            for number, person in enumerate(self._found())
        )

    def constellations(self, shots: Sequence[Span]) -> tuple[Constellation, ...]:
        """Who is seen when, with the ids of `people`, over the whole of the shots."""
        sightings = {number: self._sightings(person) for number, person in enumerate(self._found())}
        return constellations(shots, sightings, every_s=self._every_s)

    def _found(self) -> list[Appearance]:
        if self._somebody is None:
            self._tracker.close()
            everybody = people_among(self._tracker.groups)
            self._somebody = [person for person in everybody if self._is_somebody(person)]
        return self._somebody

    def _is_somebody(self, person: Appearance) -> bool:
        """Seen clearly twice, or once beyond doubt: what is no face is taken for one in single frames."""
        return person.clear >= min(2, len(self._times)) or person.strongest >= BEYOND_DOUBT

    def _sightings(self, person: Appearance) -> list[Sighting]:
        return sorted(
            Sighting(self._times[sample], weight) for sample, weight in zip(person.samples, person.weights, strict=True)
        )

    def _has_changed(self, luma: NDArray[np.uint8]) -> bool:
        now = np.asarray(cv2.resize(luma, _GRID, interpolation=cv2.INTER_AREA), dtype=np.float32)
        before, self._before = self._before, now
        return before is not None and float(np.abs(now - before).mean()) >= _CHANGE
