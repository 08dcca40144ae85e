"""What a frame looks like, small enough to compare it with many others."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.media.video import Frame

cv2.setNumThreads(1)

SIDE = 32
"""Longest side of the luma that is compared, in pixels: area averages, so noise and small motion leave no trace."""


@dataclass(frozen=True, slots=True)
class Look:
    """`values`: luma, then both chroma planes around 0, of a frame made small; float32, of one length per video."""

    values: NDArray[np.float32]
    centered: NDArray[np.float32]
    """The same without the luma's mean: exposure changes `values`, and only scales this."""
    mean: float
    """Of luma, 0..255."""
    spread: float
    """Standard deviation of the small luma: near 0 where the frame is one flat colour."""
    detail: float
    """Variance of luma that is lost by making the frame small: what a blend of two pictures has less of."""


def look_of(frame: Frame) -> Look:
    """The frame's look; 60 microseconds."""
    height, width = frame.y.shape
    scale = min(1.0, SIDE / max(height, width))
    size = max(1, round(width * scale)), max(1, round(height * scale))
    half = (size[0] + 1) // 2, (size[1] + 1) // 2
    small = cv2.resize(frame.y, size, interpolation=cv2.INTER_AREA)
    chroma = [cv2.resize(plane, half, interpolation=cv2.INTER_AREA).ravel() for plane in (frame.u, frame.v)]
    luma = small.ravel().astype(np.float32)
    colors = np.concatenate(chroma).astype(np.float32) - 128
    mean = float(luma.mean())
    centered = luma - mean
    variance = float(centered @ centered) / luma.size
    whole = float(cv2.meanStdDev(frame.y)[1][0, 0]) ** 2
    return Look(
        values=np.concatenate((luma, colors)),
        centered=np.concatenate((centered, colors)),
        mean=mean,
        spread=variance**0.5,
        detail=max(0.0, whole - variance),
    )


def likeness_of(one: Look, other: Look) -> float:
    """-1..1, whatever the exposure: 1 for the same picture, about 0 for unrelated ones, 0 for a flat colour."""
    size = float(np.linalg.norm(one.centered) * np.linalg.norm(other.centered))
    return float(one.centered @ other.centered) / size if size > 1 else 0.0
