"""How much of the attention a face takes: by its area and by how near the middle it is."""

import math
from collections.abc import Sequence

from pipeline.stages.analyze.people.faces import Face

_AT_THE_CORNER = 0.1
"""Centrality of a face in the corner: there it counts a tenth, not nothing."""


def attention(face: Face, width: int, height: int) -> float:
    """Area x centrality, 0..1: the face's share of the picture, times 1 in its middle and 0.1 in its corners."""
    across, down = face.center
    distance = math.hypot(across / width * 2 - 1, down / height * 2 - 1) / math.sqrt(2)
    return face.area / (width * height) * max(_AT_THE_CORNER, 1 - distance)


def shares(weights: Sequence[float]) -> tuple[float, ...]:
    """The weights over their sum; equal shares where all are nothing."""
    total = sum(weights)
    return tuple(weight / total if total > 0 else 1 / len(weights) for weight in weights)
