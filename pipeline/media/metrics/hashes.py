"""Perceptual hash and dominant colours."""

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.domain.media import DominantColor
from pipeline.media.metrics.views import Views

FLAT_HASH = "0" * 16
"""What a picture without structure hashes to: it resembles every other one, so it counts as no one's duplicate."""
_HASH_SIDE = 32
_FLAT_SPREAD = 2.0
"""Standard deviation of luma below which there is nothing but noise to hash."""
_BITS = 4
"""16 steps per channel: near tones fall together, and counting 4096 bins takes 0.1 ms."""
_SAME = 48.0
"""Colours nearer than this (Euclidean, 0..441) are one to the eye and are merged."""


def perceptual_hash_of(views: Views) -> str:
    """64-bit DCT hash (Zauner 2010) as 16 hex digits; `FLAT_HASH` where the picture has no structure."""
    small = cv2.resize(views.thumb_gray, (_HASH_SIDE, _HASH_SIDE), interpolation=cv2.INTER_AREA).astype(np.float32)
    if float(small.std()) < _FLAT_SPREAD:
        return FLAT_HASH
    waves = cv2.dct(small)[:8, :8].ravel()
    bits = waves > np.median(waves[1:])
    return np.packbits(bits).tobytes().hex()


def dominant_colors_of(views: Views, *, count: int = 5) -> tuple[DominantColor, ...]:
    """At most `count` colours, largest share first, each the mean of its pixels."""
    pixels = views.swatch.reshape(-1, 3)
    coarse = (pixels >> (8 - _BITS)).astype(np.int64)
    bins = (coarse[:, 0] << 2 * _BITS) | (coarse[:, 1] << _BITS) | coarse[:, 2]
    counts = np.bincount(bins, minlength=1 << 3 * _BITS)
    sums = [np.bincount(bins, weights=pixels[:, channel], minlength=counts.size) for channel in range(3)]
    ranked = np.argsort(-counts, kind="stable")[: 8 * count]
    ranked = ranked[counts[ranked] > 0]
    means = np.stack(sums, axis=1)[ranked] / counts[ranked, None]
    return _merged(means, counts[ranked], total=pixels.shape[0], count=count)


def _merged(
    means: NDArray[np.float64], counts: NDArray[np.int64], *, total: int, count: int
) -> tuple[DominantColor, ...]:
    groups: list[tuple[NDArray[np.float64], int]] = []
    for colour, pixels in zip(means, counts, strict=True):
        near = next((i for i, (seen, _) in enumerate(groups) if np.linalg.norm(seen - colour) < _SAME), None)
        if near is None:
            groups.append((colour, int(pixels)))
        else:
            seen, weight = groups[near]
            groups[near] = ((seen * weight + colour * pixels) / (weight + pixels), weight + int(pixels))
    groups.sort(key=lambda group: -group[1])
    return tuple(DominantColor(hex=_hex(colour), share=round(weight / total, 4)) for colour, weight in groups[:count])


def _hex(colour: NDArray[np.float64]) -> str:
    return "#" + "".join(f"{round(float(part)):02x}" for part in colour)
