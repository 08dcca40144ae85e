"""Small pictures of faces."""

import cv2
import numpy as np
import simplejpeg
from numpy.typing import NDArray

from pipeline.stages.analyze.people.faces import Face

MAX_SIDE = 128
_MARGIN = 1.7
"""Side of the square over the longer side of the box, which ends at brow and chin: hair and neck belong to a face."""
_QUALITY = 85


def face_thumbnail(pixels: NDArray[np.uint8], face: Face) -> bytes:
    """A square JPEG around the face, at most 128 pixels a side, never enlarged, without metadata."""
    height, width = pixels.shape[:2]
    side = max(1, min(round(_MARGIN * max(face.width, face.height)), height, width))
    across, down = face.center
    # Moved into the picture where it would leave it, instead of padded: the face need not be in the middle.
    left = min(max(0, round(across - side / 2)), width - side)
    top = min(max(0, round(down - side / 2)), height - side)
    square = np.ascontiguousarray(pixels[top : top + side, left : left + side])
    if side > MAX_SIDE:
        square = np.asarray(cv2.resize(square, (MAX_SIDE, MAX_SIDE), interpolation=cv2.INTER_AREA), dtype=np.uint8)
    return bytes(simplejpeg.encode_jpeg(square, quality=_QUALITY, colorspace="RGB", colorsubsampling="420"))
