"""The measures of a frame, on its small planes."""

import cv2
import numpy as np
from numpy.typing import NDArray

cv2.setNumThreads(1)

_TONES, _SHADES, _ANGLES = 16, 5, 8
_PARTS = ((0, 18, 0.25), (18, 34, 0.25), (34, 59, 0.35), (59, 67, 0.15))
"""Layout, tones, colours, directions: from, to, weight. Colour tells most scenes apart and survives movement best."""
_GRID = (32, 18)
_MIDDLE, _WIDTH = 114.0, 68.0
"""The mean luma of 28 given photographs, and twice its standard deviation."""

Planes = tuple[NDArray[np.uint8], NDArray[np.uint8], NDArray[np.uint8]]


def signature_of(planes: Planes) -> bytes:
    """67 numbers of 0..255: means of Y, U, V in 3 x 2 fields; shares of 16 tones, 25 colours and 8 directions."""
    y, u, v = planes
    layout = np.concatenate([cv2.resize(plane, (3, 2), interpolation=cv2.INTER_AREA).ravel() for plane in planes])
    tones = cv2.calcHist([y], [0], None, [_TONES], [0, 256]).ravel()
    # Chroma of real pictures lives near the middle: the outer classes reach to the ends.
    edges = np.array([108, 122, 134, 148], dtype=np.float64)
    shades = np.digitize(u.ravel(), edges) * _SHADES + np.digitize(v.ravel(), edges)
    colours = np.bincount(shades, minlength=_SHADES**2)
    return bytes(np.concatenate([layout, _shares(tones), _shares(colours), _shares(_directions(y))]).astype(np.uint8))


def distance(first: NDArray[np.float64], second: NDArray[np.float64]) -> float:
    """How different two signatures (as arrays of 0..255) look, 0..1: half the L1 distance of each part, weighted."""
    difference = np.abs(first - second) / 255.0
    layout = min(1.0, float(difference[:18].mean()) * 3)
    total = _PARTS[0][2] * layout
    for start, end, weight in _PARTS[1:]:
        total += weight * min(1.0, float(difference[start:end].sum()) / 2)
    return total


def as_numbers(signature: bytes) -> NDArray[np.float64]:
    """The signature as an array that means can be taken of."""
    return np.frombuffer(signature, dtype=np.uint8).astype(np.float64)


def grid_of(y: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Luma on 32 by 18 fields."""
    return np.asarray(cv2.resize(y, _GRID, interpolation=cv2.INTER_AREA), dtype=np.float32)


def plainness_of(y: NDArray[np.uint8]) -> float:
    """Share of pixels within 8 levels of the commonest tone."""
    counts = cv2.calcHist([y], [0], None, [256], [0, 256]).ravel()
    near = np.convolve(counts, np.ones(17), mode="same")
    return float(near.max() / max(1.0, counts.sum()))


def exposure_of(y: NDArray[np.uint8]) -> float:
    """0..1: how near the mean is to a photograph's, less what is clipped at either end."""
    clipped = float(np.mean((y <= 4) | (y >= 251)))
    return float(np.exp(-(((float(y.mean()) - _MIDDLE) / _WIDTH) ** 2)) * max(0.0, 1.0 - 2 * clipped))


def sharpness_of(y: NDArray[np.uint8]) -> float:
    """Standard deviation of the Laplacian."""
    return float(cv2.Laplacian(y, cv2.CV_16S).std())


def openness_of(y: NDArray[np.uint8]) -> float:
    """0..1: about half of the frame calm, and the detail inside rather than cut by the border."""
    gradient = np.abs(cv2.Sobel(y, cv2.CV_16S, 1, 0)) + np.abs(cv2.Sobel(y, cv2.CV_16S, 0, 1))
    fields = cv2.resize(gradient.astype(np.float32), (12, 8), interpolation=cv2.INTER_AREA)
    total = float(fields.sum())
    if total <= fields.size:
        return 0.0  # less than one level of gradient anywhere: an empty frame shows nothing
    calm = float(np.mean(fields < 0.5 * fields.mean()))
    inside = float(fields[1:-1, 1:-1].sum()) / total
    # The inner fields are 60 of 96: detail that is spread evenly has 0.625 inside.
    return 0.5 * (1.0 - abs(calm - 0.5) / 0.5) + 0.5 * min(1.0, inside / 0.625)


def _directions(y: NDArray[np.uint8]) -> NDArray[np.float64]:
    across = cv2.Sobel(y, cv2.CV_32F, 1, 0)
    down = cv2.Sobel(y, cv2.CV_32F, 0, 1)
    angle = np.floor(np.mod(np.arctan2(down, across), np.pi) / np.pi * _ANGLES).clip(0, _ANGLES - 1)
    strength = np.abs(across) + np.abs(down)
    counts = np.bincount(angle.astype(np.int64).ravel(), weights=strength.ravel(), minlength=_ANGLES)
    return np.asarray(counts, dtype=np.float64)


def _shares(counts: NDArray[np.generic]) -> NDArray[np.float64]:
    numbers = np.asarray(counts, dtype=np.float64)
    return np.round(numbers / max(1.0, float(numbers.sum())) * 255)
