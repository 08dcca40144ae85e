"""Faces that lie on their side or stand on their head: the detector finds them, but not their eyes."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from pipeline.ports import Models
from pipeline.stages.analyze.people.faces import Face, find_faces
from pipeline.stages.analyze.people.portraits import BEYOND_DOUBT, CLEAR, Portrait, portrait_of

_ROOM = 2.0
"""Side of the square that is turned, over the longer side of the box: the detector wants to see the whole head."""
_LEAST_SIDE = 32.0
"""Below, turning finds nothing that would tell people apart."""
_GAIN = 2.0
"""So much stronger must a turned face be: one found right has 22, the same one upside down 12 and lying 8."""


def upright(pixels: NDArray[np.uint8], portrait: Portrait, models: Models) -> Portrait:
    """The portrait as it is when the head is turned upright; the same one where that makes it no clearer.

    Only faces in doubt are turned, by quarters: each costs up to three small detections and vectors more.
    """
    if portrait.strength >= BEYOND_DOUBT or portrait.face.width < _LEAST_SIDE:
        return portrait
    turned = [
        portrait_of(pixels, face, models)
        for quarters in (1, 2, 3)
        if (face := _found_turned(pixels, portrait.face, quarters, models)) is not None
    ]
    best = max(turned, key=lambda candidate: candidate.strength, default=portrait)
    return best if best.strength >= max(CLEAR, portrait.strength + _GAIN) else portrait


def _found_turned(pixels: NDArray[np.uint8], face: Face, quarters: int, models: Models) -> Face | None:
    """The face as the detector sees it in the turned square, in the picture's coordinates; None where it sees none."""
    square, left, top = _square(pixels, face)
    middle = len(square) / 2
    found = find_faces(np.ascontiguousarray(np.rot90(square, quarters)), models)
    same = [other for other in found if max(abs(axis - middle) for axis in other.center) < middle / 2]
    if not same:
        return None
    points = same[0].points
    for _ in range(quarters):
        points = np.stack([len(square) - 1 - points[:, 1], points[:, 0]], axis=1)
    return replace(face, score=same[0].score, points=points + np.array([left, top]))


def _square(pixels: NDArray[np.uint8], face: Face) -> tuple[NDArray[np.uint8], int, int]:
    """The square around the face, black where it leaves the picture, and where its corner lies."""
    side = round(_ROOM * max(face.width, face.height))
    left, top = (round(middle - side / 2) for middle in face.center)
    height, width = pixels.shape[:2]
    inside = pixels[max(0, top) : min(height, top + side), max(0, left) : min(width, left + side)]
    square = np.zeros((side, side, 3), dtype=np.uint8)
    down, across = max(0, -top), max(0, -left)
    square[down : down + inside.shape[0], across : across + inside.shape[1]] = inside
    return square, left, top
