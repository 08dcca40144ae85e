"""What is kept of somebody who appears in a video: numbers and one thumbnail, however long the appearance."""

from array import array
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from pipeline.stages.analyze.people.looks import Opinions
from pipeline.stages.analyze.people.portraits import unit

DIMENSIONS = 128


@dataclass(slots=True)
class Appearance:
    """A face followed over some samples of a video, or several such appearances of one person.

    `total` is the sum of the unit vectors of the `tracks` that it is made of, so the dot product of two totals over
    both numbers of tracks is the average similarity between them. Samples are counted from 0; `seen` has their bits.
    """

    total: NDArray[np.float32] = field(default_factory=lambda: np.zeros(DIMENSIONS, dtype=np.float32))
    tracks: int = 0
    clear: int = 0
    """Sightings that tell whose face it is."""
    strongest: float = 0.0
    seen: int = 0
    samples: "array[int]" = field(default_factory=lambda: array("L"))
    weights: "array[float]" = field(default_factory=lambda: array("f"))
    """Area x centrality of each sighting, in the order of `samples`."""
    opinions: Opinions = field(default_factory=Opinions)
    thumbnail: bytes = b""
    quality: float = -1.0

    @property
    def embedding(self) -> tuple[float, ...]:
        return tuple(float(number) for number in unit(self.total))

    def note(self, sample: int, weight: float) -> None:
        """The face was there in this sample."""
        self.seen |= 1 << sample
        self.samples.append(sample)
        self.weights.append(weight)

    def likeness(self, other: "Appearance") -> float:
        """Average cosine between the tracks of both, -1..1."""
        return float(self.total @ other.total) / (self.tracks * other.tracks)

    def meets(self, other: "Appearance") -> bool:
        """Whether both were seen in the same frame, so that they cannot be one person."""
        return bool(self.seen & other.seen)

    def absorb(self, other: "Appearance") -> None:
        """Both are one person's: this one stands for them afterwards, with the better thumbnail."""
        self.total = self.total + other.total
        self.tracks += other.tracks
        self.clear += other.clear
        self.strongest = max(self.strongest, other.strongest)
        self.seen |= other.seen
        self.samples.extend(other.samples)
        self.weights.extend(other.weights)
        self.opinions.absorb(other.opinions)
        if other.quality > self.quality:
            self.thumbnail, self.quality = other.thumbnail, other.quality
