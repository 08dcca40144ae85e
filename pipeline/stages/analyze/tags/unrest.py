"""Movement that is not the camera's."""

import cv2
import numpy as np
from numpy.typing import NDArray

cv2.setNumThreads(1)

_POINTS, _LEAST = 120, 12
_NEAR = 0.4
"""Pixels that a point may be off the camera's movement and still follow it."""
_FARTHEST = 8.0
"""Pixels at which a lost point is cut off: it says nothing more."""
_FRAME_S, _SIDE = 1 / 30, 320
_LONGEST_S = 0.2
"""Between frames further apart points are not followed reliably."""


def unrest_of(before: NDArray[np.uint8], after: NDArray[np.uint8], seconds: float) -> float:
    """Mean distance of points from where the camera's own movement would put them, in pixels of 320 per 1/30 s.

    Corners are followed from one frame to the next (Lucas-Kanade), the camera's shift, turn and zoom is what most of
    them agree on (RANSAC). 0.0 where there is too little to follow. Takes 1.5 ms.
    """
    if before.shape != after.shape or not 0 < seconds <= _LONGEST_S:
        return 0.0
    # OpenCV gives None where it finds no corner, whatever its types say.
    points: NDArray[np.float32] | None = cv2.goodFeaturesToTrack(before, _POINTS, 0.01, 6)  # type: ignore[assignment]
    if points is None or len(points) < _LEAST:
        return 0.0
    found, status, _ = cv2.calcOpticalFlowPyrLK(before, after, points, points.copy(), winSize=(15, 15), maxLevel=2)
    kept = status.ravel() == 1
    start, end = points.reshape(-1, 2)[kept], found.reshape(-1, 2)[kept]
    if len(start) < _LEAST:
        return 0.0
    camera, _ = cv2.estimateAffinePartial2D(start, end, method=cv2.RANSAC, ransacReprojThreshold=_NEAR, maxIters=200)
    if camera is None:
        return 0.0
    off = np.linalg.norm(start @ camera[:, :2].T + camera[:, 2] - end, axis=1)
    return float(np.minimum(off, _FARTHEST).mean() * _FRAME_S / seconds * _SIDE / max(before.shape))
