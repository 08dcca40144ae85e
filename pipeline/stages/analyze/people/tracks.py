"""Faces followed from one sampled frame to the next."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from pipeline.ports import Models
from pipeline.stages.analyze.people.appearances import DIMENSIONS, Appearance
from pipeline.stages.analyze.people.clusters import join
from pipeline.stages.analyze.people.faces import Face
from pipeline.stages.analyze.people.looks import is_good, opinion_of, quality
from pipeline.stages.analyze.people.portraits import SAME_PERSON, Portrait, unit
from pipeline.stages.analyze.people.prominence import attention
from pipeline.stages.analyze.people.thumbnails import face_thumbnail

_OVERLAP = 0.3
"""IoU from which a face at the same place is taken for the same one while the picture does not change."""
_OTHER_PERSON = 0.25
"""Cosine below which even a face at the same place is another one: 99 of 100 pairs of different people have less than
.233 by the models' notes."""
_FORGOTTEN_S = 2.0
"""A track that was not seen for so long is over. If the person comes back, clustering finds out."""
_LEAST_SIDE = 24.0
"""Pixels across a face from which its vector says anything: at 24 the cosine with the full size is .28 to .70, and a
track averages many; at 20 and less it falls below .38 for most."""
_MOST_OPINIONS = 12
"""Good looks of one track that age and gender are asked of: more change the mean by less than the model's own error."""
_BETTER = 1.1


@dataclass(frozen=True, slots=True)
class Sample:
    """A frame that was looked at. `scene` counts the visible changes of the picture before it."""

    number: int
    time_s: float
    scene: int
    pixels: NDArray[np.uint8]


@dataclass(slots=True)
class Track:
    """One face, where it was last seen, and what was seen of it. `vectors` is a sum: clearer sightings weigh more."""

    face: Face
    scene: int
    last_s: float
    vectors: NDArray[np.float32] = field(default_factory=lambda: np.zeros(DIMENSIONS, dtype=np.float32))
    appearance: Appearance = field(default_factory=Appearance)

    def link(self, portrait: Portrait, scene: int) -> float:
        """How well the portrait continues the track, above 0 where it does at all."""
        overlap = self.face.overlap(portrait.face)
        stays = overlap if scene == self.scene and overlap >= _OVERLAP else 0.0
        if not self.appearance.clear or not tells(portrait):
            return stays
        likeness = float(unit(self.vectors) @ portrait.embedding)
        if likeness >= SAME_PERSON:
            return 1 + likeness + overlap
        return stays if likeness >= _OTHER_PERSON else 0.0

    def follow(self, portrait: Portrait, sample: Sample, attributes: Models | None) -> None:
        """The portrait is the track's last sighting."""
        self.face, self.scene, self.last_s = portrait.face, sample.scene, sample.time_s
        height, width = sample.pixels.shape[:2]
        seen = self.appearance
        seen.note(sample.number, attention(portrait.face, width, height))
        if not tells(portrait):
            return
        seen.clear += 1
        seen.strongest = max(seen.strongest, portrait.strength)
        self.vectors = self.vectors + portrait.vector
        worth = quality(portrait)
        if worth > _BETTER * seen.quality:
            seen.thumbnail, seen.quality = face_thumbnail(sample.pixels, portrait.face), worth
        if attributes is not None and seen.opinions.count < _MOST_OPINIONS and is_good(portrait):
            seen.opinions.add(opinion_of(portrait, attributes))

    def closed(self) -> Appearance:
        """What is left of the track once it is over."""
        self.appearance.total, self.appearance.tracks = unit(self.vectors), 1
        return self.appearance


@dataclass(slots=True)
class Tracker:
    """All faces of a video, sample by sample: those in sight as tracks, the others as groups of appearances."""

    attributes: Models | None
    open: list[Track] = field(default_factory=list)
    groups: list[Appearance] = field(default_factory=list)

    def see(self, portraits: tuple[Portrait, ...], sample: Sample) -> None:
        """Each portrait continues the track it fits best, or begins one; tracks long out of sight are closed."""
        self.close(before_s=sample.time_s - _FORGOTTEN_S)
        links = [
            (strength, position, number)
            for position, track in enumerate(self.open)
            for number, portrait in enumerate(portraits)
            if (strength := track.link(portrait, sample.scene)) > 0
        ]
        continued: dict[int, Track] = {}
        taken: set[int] = set()
        for _, position, number in sorted(links, reverse=True):
            if position not in taken and number not in continued:
                taken.add(position)
                continued[number] = self.open[position]
        for number, portrait in enumerate(portraits):
            track = continued.get(number)
            if track is None:
                track = Track(portrait.face, sample.scene, sample.time_s)
                self.open.append(track)
            track.follow(portrait, sample, self.attributes)

    def close(self, *, before_s: float = float("inf")) -> None:
        """Tracks last seen before this time are over; those that never told whose face it was are dropped."""
        ended = [track for track in self.open if track.last_s < before_s]
        self.open = [track for track in self.open if track.last_s >= before_s]
        for track in ended:
            if track.appearance.clear:
                join(self.groups, track.closed())


def tells(portrait: Portrait) -> bool:
    """Whether the portrait tells whose face it is."""
    return portrait.is_clear and portrait.face.width >= _LEAST_SIDE
