"""Subject and background: where the eye goes, how the frame holds it, and what lies behind it."""

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.domain.media import Box
from pipeline.media.metrics.views import Views

MAP_SIDE = 64
"""Side of the saliency map: Hou and Zhang 2007 found 64 pixels the scale at which objects stand out."""
_THIRD = 1 / 6
"""Distance of the thirds' lines from the centre, as a share of the side: inside it a subject is well placed."""
_BORDER_SHARE = 0.04
_WHITE_FROM = 245
"""A packshot's background is white from here (marketplaces ask for 255, JPEG wobbles a little)."""
_PLAIN_SPREAD = 12.0
"""Standard deviation of the border's luma below which the background is plain."""
_DIFFERENT = 18.0
"""Distance from a plain background's colour (0..255) from which a pixel belongs to the subject."""


@dataclass(frozen=True, slots=True)
class Background:
    """The outer 4 % of the picture. `white` and `black` are shares of its pixels."""

    luma: float
    white: float
    black: float
    spread: float


@dataclass(frozen=True, slots=True)
class Placement:
    """`composition` 0..1, 1 = well placed and balanced; `fill` = share of the frame's longer fit that the subject
    takes; `box` is None where nothing stands out."""

    composition: float
    fill: float
    box: Box | None


def background_of(views: Views) -> Background:
    """What the border of the picture shows."""
    border = _border_mask(views.thumb_gray.shape)
    pixels, luma = views.thumb[border], views.thumb_gray[border].astype(np.float32)
    white = (pixels.min(axis=1) >= _WHITE_FROM).mean()
    black = (pixels.max(axis=1) <= 10).mean()
    return Background(luma=float(luma.mean()), white=float(white), black=float(black), spread=float(luma.std()))


def placement_of(views: Views, background: Background) -> Placement:
    """The subject's box, how much of the frame it fills, and how it is placed."""
    if views.is_tiny:
        return Placement(composition=1.0, fill=1.0, box=None)
    saliency = _saliency(views)
    box = _different_from_border(views) if background.spread < _PLAIN_SPREAD else _box_of(saliency)
    fill = max(box.width, box.height) if box else 1.0
    return Placement(composition=_composition(saliency), fill=fill, box=box)


def _border_mask(shape: tuple[int, ...]) -> NDArray[np.bool_]:
    height, width = shape[:2]
    mask = np.ones((height, width), dtype=bool)
    down, across = max(1, round(height * _BORDER_SHARE)), max(1, round(width * _BORDER_SHARE))
    mask[down : height - down, across : width - across] = False
    return mask


def _saliency(views: Views) -> NDArray[np.float32]:
    """Spectral residual (Hou and Zhang 2007) times colour distance (Achanta 2009): one likes detail, one likes size."""
    small = cv2.resize(views.thumb_gray, (MAP_SIDE, MAP_SIDE), interpolation=cv2.INTER_AREA).astype(np.float32)
    spectrum = np.fft.fft2(small)
    amplitude = np.log(np.abs(spectrum) + 1.0).astype(np.float32)
    residual = np.exp(amplitude - cv2.blur(amplitude, (3, 3)))
    detail = np.abs(np.fft.ifft2(residual * np.exp(1j * np.angle(spectrum)))) ** 2
    detail = cv2.GaussianBlur(detail.astype(np.float32), (0, 0), 3.0)
    colours = cv2.resize(views.thumb, (MAP_SIDE, MAP_SIDE), interpolation=cv2.INTER_AREA).astype(np.float32)
    soft = cv2.GaussianBlur(colours, (0, 0), 1.5)
    distance = np.sqrt(((soft - soft.mean(axis=(0, 1))) ** 2).sum(axis=2))
    combined = _to_one(detail) * 0.5 + _to_one(distance) * 0.5
    return np.asarray(combined, dtype=np.float32)


def _to_one(values: NDArray[Any]) -> NDArray[np.float32]:
    top = float(values.max())
    return np.asarray(values / top if top > 1e-6 else np.zeros_like(values), dtype=np.float32)


def _composition(saliency: NDArray[np.float32]) -> float:
    """1 while the weight of the picture lies between its thirds' lines, falling to 0 at the frame's edge."""
    total = float(saliency.sum())
    if total <= 0:
        return 1.0
    positions = (np.arange(MAP_SIDE) + 0.5) / MAP_SIDE - 0.5
    across = abs(float(saliency.sum(axis=0) @ positions)) / total
    down = abs(float(saliency.sum(axis=1) @ positions)) / total
    return float(np.clip(1.0 - (max(across, down) / _THIRD) ** 2 / 9, 0.0, 1.0))


def _box_of(saliency: NDArray[np.float32]) -> Box | None:
    """The box that holds the most salient eighth of the picture, outliers left out; None when it is nearly all."""
    threshold = np.percentile(saliency, 87.5)
    salient = (saliency >= max(float(threshold), 1e-6)).astype(np.float32)
    return _boxed(salient, low=0.05, high=0.95)


def _different_from_border(views: Views) -> Box | None:
    colour = np.median(views.thumb[_border_mask(views.thumb_gray.shape)], axis=0).astype(np.float32)
    distance = np.abs(views.thumb.astype(np.float32) - colour).max(axis=2)
    return _boxed((distance > _DIFFERENT).astype(np.float32), low=0.002, high=0.998)


def _boxed(mask: NDArray[np.float32], *, low: float, high: float) -> Box | None:
    if not mask.any():
        return None
    left, right = _span(mask.sum(axis=0), low, high)
    top, bottom = _span(mask.sum(axis=1), low, high)
    if (right - left) * (bottom - top) > 0.9:
        return None
    return Box(x=left, y=top, width=right - left, height=bottom - top)


def _span(weights: NDArray[np.float32], low: float, high: float) -> tuple[float, float]:
    cumulated = np.cumsum(weights, dtype=np.float64) / float(weights.sum())
    first, last = int(np.searchsorted(cumulated, low)), int(np.searchsorted(cumulated, high - 1e-9))
    return first / weights.size, (min(last, weights.size - 1) + 1) / weights.size
