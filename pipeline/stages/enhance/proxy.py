"""The reduced form of an enhanced picture, made as `validate` makes the original's, so that both can be compared."""

import cv2
import numpy as np
import simplejpeg

from pipeline.media.image import Picture
from pipeline.stages.validate import PROXY_QUALITY, PROXY_SIDE


def proxy_of(picture: Picture) -> bytes:
    """An sRGB JPEG on white, at most `PROXY_SIDE` pixels on its longest side, never larger than the picture."""
    scale = min(1.0, PROXY_SIDE / max(picture.width, picture.height))
    size = max(1, round(picture.width * scale)), max(1, round(picture.height * scale))
    pixels = picture.flattened()
    # `validate` lets the JPEG decoder reduce by such a factor; one that is not whole would also take thrice the time.
    factor = next((factor for factor in (8, 4, 2) if max(picture.width, picture.height) >= factor * PROXY_SIDE), 1)
    while factor > 1:
        # Halving again and again is the average over the factor, and twice as fast.
        half = max(1, pixels.shape[1] // 2), max(1, pixels.shape[0] // 2)
        pixels, factor = np.asarray(cv2.resize(pixels, half, interpolation=cv2.INTER_AREA), np.uint8), factor // 2
    if size != (pixels.shape[1], pixels.shape[0]):
        pixels = np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), np.uint8)
    contiguous = np.ascontiguousarray(pixels)
    return bytes(simplejpeg.encode_jpeg(contiguous, quality=PROXY_QUALITY, colorsubsampling="444"))
