"""Faces in a picture: where they are and where their eyes, nose and mouths are (YuNet)."""

from collections.abc import Mapping
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.ports import Models
from pipeline.stages.analyze.people.needs import DETECTION

cv2.setNumThreads(1)

_LEAST_SCORE = 0.7
"""The models' notes: at 0.6 there were false faces on two of their pictures."""
_MOST_OVERLAP = 0.3
"""IoU from which two boxes are one face, as in YuNet's own decoder."""
_STRIDES = (8, 16, 32)
_LONGEST_SIDE = 640


@dataclass(frozen=True, slots=True)
class Face:
    """A face in pixels of the picture it was found in. `points`: eyes, nose, corners of the mouth, left to right."""

    x: float
    y: float
    width: float
    height: float
    score: float
    points: NDArray[np.float64]

    @property
    def area(self) -> float:
        return self.width * self.height

    @property
    def center(self) -> tuple[float, float]:
        return self.x + self.width / 2, self.y + self.height / 2

    def overlap(self, other: "Face") -> float:
        """Intersection over union, 0..1."""
        across = min(self.x + self.width, other.x + other.width) - max(self.x, other.x)
        down = min(self.y + self.height, other.y + other.height) - max(self.y, other.y)
        common = max(0.0, across) * max(0.0, down)
        return common / (self.area + other.area - common)


def find_faces(pixels: NDArray[np.uint8], models: Models) -> tuple[Face, ...]:
    """Every face that the detector is at least 0.7 sure of, in a picture (H, W, 3) of sRGB, the surest first.

    The detector looks at 640 pixels on the longest side, where it finds faces from about 10 pixels on.
    """
    height, width = pixels.shape[:2]
    scale = min(1.0, _LONGEST_SIDE / max(height, width))
    small = pixels if scale == 1.0 else _shrunk(pixels, scale)
    batch = _letterboxed(small)
    boxes, scores, points = _decoded(models.run(DETECTION, batch), batch.shape[3])
    kept = _strongest(boxes, scores)
    return tuple(_face(boxes[index] / scale, float(scores[index]), points[index] / scale) for index in kept)


def _face(box: NDArray[np.float64], score: float, points: NDArray[np.float64]) -> Face:
    x, y, width, height = (float(value) for value in box)
    return Face(x, y, width, height, score, points)


def _shrunk(pixels: NDArray[np.uint8], scale: float) -> NDArray[np.uint8]:
    height, width = pixels.shape[:2]
    size = max(1, round(width * scale)), max(1, round(height * scale))
    # Linear, as the detector was tested with; pictures many times too large would alias, and those are averaged.
    method = cv2.INTER_LINEAR if scale > 0.5 else cv2.INTER_AREA
    return np.asarray(cv2.resize(pixels, size, interpolation=method), dtype=np.uint8)


def _letterboxed(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    """[1, 3, H, W], BGR, 0..255, black to the right and below up to the next multiple of 32."""
    height, width = pixels.shape[:2]
    padded = cv2.copyMakeBorder(pixels, 0, -height % 32, 0, -width % 32, cv2.BORDER_CONSTANT)
    return np.asarray(cv2.dnn.blobFromImage(padded, swapRB=True), dtype=np.float32)


def _decoded(
    outputs: Mapping[str, NDArray[np.float32]], columns: int
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Boxes (x, y, width, height), scores and five points of all cells that are sure enough."""
    boxes, scores, points = [], [], []
    for stride in _STRIDES:
        face, thing = (np.clip(outputs[f"{name}_{stride}"][0, :, 0], 0, 1) for name in ("cls", "obj"))
        sure = np.sqrt(face * thing)
        chosen = np.flatnonzero(sure >= _LEAST_SCORE)
        cell = np.stack([chosen % (columns // stride), chosen // (columns // stride)], axis=1).astype(np.float64)
        box = outputs[f"bbox_{stride}"][0][chosen].astype(np.float64)
        size = np.exp(box[:, 2:]) * stride
        boxes.append(np.hstack([(cell + box[:, :2]) * stride - size / 2, size]))
        scores.append(sure[chosen].astype(np.float64))
        points.append((outputs[f"kps_{stride}"][0][chosen].reshape(-1, 5, 2) + cell[:, None]) * stride)
    return np.concatenate(boxes), np.concatenate(scores), np.concatenate(points)


def _strongest(boxes: NDArray[np.float64], scores: NDArray[np.float64]) -> list[int]:
    """One box for each face, the surest, by non-maximum suppression."""
    if not len(scores):
        return []
    kept = cv2.dnn.NMSBoxes(boxes.tolist(), scores.tolist(), _LEAST_SCORE, _MOST_OVERLAP)
    return [int(index) for index in np.asarray(kept).reshape(-1)]
