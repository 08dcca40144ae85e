"""Sharpness, noise and JPEG blockiness of a proxy."""

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.media.metrics.views import SMALLEST_SIDE, Views, reduced

EDGE_SHARE = 0.02
"""The strongest 2 % of the gradients are taken for edges: the sharp subject in front of a soft background decides."""
COARSE_SIGMA = 1.6
LEVEL_WEIGHTS = (0.6, 0.25, 0.15)
"""Full, half and quarter size: the first sees a slight blur, the last still tells a heavy one from a heavier one."""
NOISE_SCALE = 16
"""Keeps the fraction in 16-bit integers, which OpenCV filters several times faster than floats."""
NOISE_KERNEL = NOISE_SCALE * np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], dtype=np.float32)
"""J. Immerkaer, Fast Noise Variance Estimation, CVIU 64 (1996): blind to constant, linear and edge-like structure."""
NOISE_BLOCK = 16
FLATTEST_SHARE = 0.08
"""Noise is measured where there is the least of anything else: in the blocks that are flattest at half size."""
_HONEST = (16, 236)
"""Tones between which noise is not cut off at black or white."""
_ENOUGH = 0.1
"""Share of the picture that must have such tones for its noise to be known."""
_TEXTURE = 0.5
"""How much of the energy at half size is taken for texture."""
_FINEST_PERIOD = 2.2
"""Pixels; at 2 and below a period cannot be seen."""


def sharpness_of(views: Views, noise_sigma: float) -> float:
    """0 (no edge, or nothing but blur) to 1 (edges as steep as pixels allow), whatever the contrast and the noise."""
    total, weights = 0.0, 0.0
    level, sigma = views.gray, noise_sigma
    for weight in LEVEL_WEIGHTS:
        if min(level.shape) < SMALLEST_SIDE:
            break
        total += weight * _steepness(level, sigma)
        weights += weight
        level, sigma = reduced(level, 2), sigma / 2
    return total / weights if weights else 0.0


def _steepness(gray: NDArray[np.uint8], sigma: float) -> float:
    """How much of the edges' energy a slight blur takes away, 0..1; the noise's own energy is left out."""
    across, down = _steps(cv2.GaussianBlur(gray, (0, 0), COARSE_SIGMA))
    coarse = cv2.add(across, down)
    sample = coarse[::4, ::4].ravel()
    rank = max(0, int(sample.size * (1 - EDGE_SHARE)) - 1)
    edges = np.flatnonzero(coarse >= max(int(np.partition(sample, rank)[rank]), 2))
    if edges.size == 0:
        return 0.0
    below = _energy(across, down, edges)
    above = _energy(*_steps(gray), edges) - 4 * sigma * sigma
    return float(np.clip(1.0 - below / above, 0.0, 1.0)) if above > 0 else 0.0


def _steps(gray: NDArray[np.uint8] | cv2.typing.MatLike) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """How far each pixel is from its right and from its lower neighbour; one row and column smaller."""
    here = gray[:-1, :-1]
    across, down = cv2.absdiff(gray[:-1, 1:], here), cv2.absdiff(gray[1:, :-1], here)
    return np.asarray(across, dtype=np.uint8), np.asarray(down, dtype=np.uint8)


def _energy(across: NDArray[np.uint8], down: NDArray[np.uint8], where: NDArray[np.intp]) -> float:
    dx, dy = (steps.ravel()[where].astype(np.float32) for steps in (across, down))
    return float((dx @ dx + dy @ dy) / where.size)


def noise_of(views: Views) -> float:
    """Standard deviation of the noise on the proxy, in 8-bit levels of luma; 0 where nothing can be measured.

    Halving the picture halves noise, but not texture: what stays as strong at half size is bark or cloth, so part of it
    is taken off again (not all: noise that was averaged down to the proxy is not quite white any more).
    """
    if min(views.half.shape) < 2 * NOISE_BLOCK:
        return 0.0
    blocks = (views.half.shape[1] // (NOISE_BLOCK // 2), views.half.shape[0] // (NOISE_BLOCK // 2))
    tone = cv2.resize(views.half, blocks, interpolation=cv2.INTER_AREA).ravel()
    honest = (tone > _HONEST[0]) & (tone < _HONEST[1])
    if np.count_nonzero(honest) < max(4, _ENOUGH * honest.size):
        return 0.0
    fine, coarse = (_unevenness(gray, blocks)[honest] for gray in (views.gray, views.half))
    flattest = np.argsort(coarse, kind="stable")[: max(4, int(coarse.size * FLATTEST_SHARE))]
    surplus = float(np.mean(fine[flattest] ** 2 - _TEXTURE * coarse[flattest] ** 2))
    return float(np.sqrt(max(0.0, surplus) / (1 - _TEXTURE / 4)))


def _unevenness(gray: NDArray[np.uint8], blocks: tuple[int, int]) -> NDArray[np.float64]:
    """Immerkaer's sigma for each block."""
    response = np.abs(cv2.filter2D(gray, cv2.CV_16S, NOISE_KERNEL))
    mean = cv2.resize(response, blocks, interpolation=cv2.INTER_AREA).ravel()
    return np.asarray(mean * (np.sqrt(np.pi / 2) / 6 / NOISE_SCALE), dtype=np.float64)


def blockiness_of(views: Views, scale: float) -> float:
    """How strongly an 8 x 8 grid shows, 0 = not at all; `scale` = proxy width / original width.

    The grid is looked for where the original's 8 pixels lie in the proxy, which has a faint grid of its own. A proxy
    of less than about a quarter of the original's size shows no grid any more: 0.
    """
    if views.is_tiny:
        return 0.0
    if 8 * scale < _FINEST_PERIOD:
        return 0.0
    profiles = [_step_profile(views.gray[::2], 0), _step_profile(views.gray[:, ::2], 1)]
    return float(np.mean([_periodic_share(profile, 8 * scale) for profile in profiles]))


def _step_profile(gray: NDArray[np.uint8], axis: int) -> NDArray[np.float64]:
    """Mean step between neighbouring columns (axis 0) or rows (axis 1).

    Steps above 24 levels are edges of the content: they count as 24, or one fence post would hide the grid.
    """
    steps = cv2.absdiff(gray[:, 1:], gray[:, :-1]) if axis == 0 else cv2.absdiff(gray[1:], gray[:-1])
    limited = np.minimum(steps, 24)
    return np.asarray(cv2.reduce(limited, axis, cv2.REDUCE_AVG, dtype=cv2.CV_64F).ravel(), dtype=np.float64)


def _periodic_share(profile: NDArray[np.float64], period: float) -> float:
    """Amplitude at the grid's frequency and its harmonics against what lies beside them, per mean step."""
    length = profile.size
    if length < 4 * period:
        return 0.0
    window = np.hanning(length)
    level = float(np.mean(profile)) + 0.25
    flat = (profile - np.mean(profile)) * window / (level * window.sum())
    positions = np.arange(length)
    share = 0.0
    for harmonic in range(1, int(period / 2) + 1):
        offsets = harmonic / period + np.array([0.0, -6.0, -4.0, 4.0, 6.0]) / length
        amplitudes = np.abs(np.exp(-2j * np.pi * np.outer(offsets, positions)) @ flat)
        share += max(0.0, float(amplitudes[0] - amplitudes[1:].mean()))
    return share
