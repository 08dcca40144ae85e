"""Tones and colours: histogram facts, exposure, clipping, contrast, colour cast and saturation."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.media.metrics.views import Views

Shares = NDArray[np.float64]
"""256 shares of pixels that add up to 1."""

WHITE, BLACK = 250, 4
"""Tones beyond which a packshot's background is pure."""
_BLOWN, _BLOCKED = (240, 252), (1, 6)
"""Tones from none to all of which a pixel counts as blown out (rising) or blocked up (falling)."""
_PULL, _LONGEST_PULL = 1.0, 40.0
"""Noise on a blown area is cut off at 255 and so pulls its mean down by 0.4 (1 / sqrt(2 pi)) of its sigma. What is
measured, in luma and on the proxy, is 0.4 of the channels' own noise: so the pull is about what is measured."""
_PLATEAU_DEPTH = 4 / 255
"""Share of the top tone within which a blown area lies that was darkened later."""
_PLATEAU_DENSITY = (0.3, 0.6)
"""Share of the lightest tones (within 6 % of the top) that lie on the plateau, from which they are taken for blown out
rather than for light: a blown sky has 0.6 and more."""
_NATURAL_PLATEAU = 0.015
"""Share of the pixels that lie as close together in unblown pictures too."""
MIDDLE_GRAY = 118
"""Luma of an 18 % grey card in sRGB."""
CHANNELS = ("red", "green", "blue")
PERCENTILES = (1, 5, 50, 95, 99)
_NORM = 6
"""Minkowski norm of shades of grey and grey edge: Finlayson 2004 and van de Weijer 2007 found 6 best."""
_TOO_DARK = 20
"""Pixels below this tell nothing of the light's colour."""
_NO_EDGES = 0.05
"""Mean step per pixel below which there are no edges to ask."""
_NEUTRAL_RADIUS = (0.5, 0.35)
"""How far from neutral (log ratio) a pixel may be and still count as grey under coloured light; narrowed once."""


@dataclass(frozen=True, slots=True)
class Backdrop:
    """How much of a packshot the picture is, 0..1: 1 where the whole border is pure white, or pure black."""

    white: float = 0.0
    black: float = 0.0


def shares_of(pixels: NDArray[np.uint8], channel: int = 0) -> Shares:
    """The histogram of one channel of an 8-bit picture as shares."""
    counts = cv2.calcHist([pixels], [channel], None, [256], [0, 256]).ravel().astype(np.float64)
    return np.asarray(counts / counts.sum(), dtype=np.float64)


def percentile(shares: Shares, percent: float) -> float:
    """The tone below or at which so many per cent of the pixels lie, 0..255."""
    return float(np.searchsorted(np.cumsum(shares), percent / 100 - 1e-9))


def mean(shares: Shares) -> float:
    return float(shares @ np.arange(256))


def without_backdrop(shares: Shares, backdrop: Backdrop) -> Shares:
    """The tones without the pure white or black that a packshot's background is made of."""
    kept = shares.copy()
    kept[WHITE - 2 :] *= 1 - backdrop.white
    kept[: BLACK + 5] *= 1 - backdrop.black
    total = kept.sum()
    return np.asarray(kept / total, dtype=np.float64) if total > 0.01 else shares


def exposure_of(shares: Shares) -> float:
    """Stops between the mean tone and middle grey, negative when darker; -7 for black."""
    return float(np.log2(max(_linear(mean(shares)) / _linear(MIDDLE_GRAY), 2.0**-7)))


def lost_channels_of(views: Views) -> NDArray[np.uint8]:
    """For each pixel of the thumbnail the middle one of its three channels.

    At 255 two channels are at their end, so the colour is lost; a red coat that fills only its red channel is not.
    """
    red, green, blue = cv2.split(views.thumb)
    middle = cv2.max(cv2.min(red, green), cv2.min(cv2.max(red, green), blue))
    return np.asarray(middle, dtype=np.uint8)


def clipped_of(shares: Shares, noise_sigma: float) -> tuple[float, float]:
    """Share of the pixels that are blown out, and share that are blocked up.

    `noise_sigma` is that of the picture itself. Darkening brings no detail back: a plateau of one tone at the top of
    the histogram is a blown area too, wherever that top is.
    """
    levels = np.arange(256)
    pull = min(_LONGEST_PULL, _PULL * noise_sigma)
    blown = float(shares @ np.interp(levels + pull, _BLOWN, (0, 1)))
    blocked = float(shares @ np.interp(levels - pull, _BLOCKED, (1, 0)))
    return max(blown, _darkened_plateau(shares)), blocked


def _darkened_plateau(shares: Shares) -> float:
    top = percentile(shares, 99.9)
    if top < 32:
        return 0.0
    light = float(shares @ np.interp(np.arange(256) * 255 / top, _BLOWN, (0, 1)))
    plateau = float(shares[int(np.floor(top * (1 - _PLATEAU_DEPTH))) :].sum())
    density = np.interp(plateau / max(light, 1e-9), _PLATEAU_DENSITY, (0, 1))
    return max(0.0, float(light * density) - _NATURAL_PLATEAU) if light < 0.5 else 0.0


def contrast_of(shares: Shares) -> float:
    """0..1: the span of tones from the 5th to the 95th percentile."""
    return (percentile(shares, 95) - percentile(shares, 5)) / 255


def light_of(views: Views) -> dict[str, NDArray[np.float64]]:
    """Estimates of the light's colour: per channel the log of its share over the mean, (0, 0, 0) where neutral.

    `gray_world` is the plain mean and `white_patch` the brightest tenth; `light` is the mean of four that fail on
    different pictures: white patch, shades of grey, grey edge, and the mean of the pixels that are nearly neutral.
    """
    values = views.swatch.astype(np.float32)
    lit = views.swatch.max(axis=2) > _TOO_DARK
    if not lit.any():
        none = np.zeros(3)
        return {"gray_world": none, "white_patch": none, "light": none}
    tones = values[lit]
    brightness = tones.sum(axis=1)
    white_patch = _log_ratios(tones[brightness >= np.percentile(brightness, 90)].mean(axis=0))
    shades = _log_ratios(_minkowski(tones))
    estimates = [white_patch, shades, _near_neutral(tones)]
    edges = cv2.magnitude(cv2.Sobel(values, cv2.CV_32F, 1, 0), cv2.Sobel(values, cv2.CV_32F, 0, 1)) / 8
    edges = edges.reshape(values.shape)[lit]
    if float(edges.mean()) > _NO_EDGES:
        estimates.append(_log_ratios(_minkowski(edges)))
    light = np.mean(estimates, axis=0)
    return {"gray_world": _log_ratios(tones.mean(axis=0)), "white_patch": white_patch, "light": light}


def cast_of(light: NDArray[np.float64]) -> float:
    """Length of the light's deviation from neutral: 0.1 is about 10 % between the channels."""
    return float(np.sqrt(light @ light))


def saturation_of(views: Views, light: NDArray[np.float64]) -> float:
    """0 (black and white) to 1: mean saturation weighted by brightness, with the cast taken out."""
    values = views.swatch.reshape(-1, 3).astype(np.float32) * np.exp(-light).astype(np.float32)
    highest = values.max(axis=1)
    total = float(highest.sum())
    return float((highest - values.min(axis=1)).sum()) / total if total > 0 else 0.0


def colourfulness_of(views: Views) -> float:
    """Hasler and Suesstrunk 2003: 0 grey, 15 slightly, 33 moderately, 59 highly colourful, above 100 extremely."""
    red, green, blue = (views.swatch[..., channel].astype(np.float32) for channel in range(3))
    red_green, yellow_blue = red - green, (red + green) / 2 - blue
    spread = np.hypot(red_green.std(), yellow_blue.std())
    return float(spread + 0.3 * np.hypot(red_green.mean(), yellow_blue.mean()))


def _linear(tone: float) -> float:
    return float((tone / 255) ** 2.2)


def _minkowski(values: NDArray[np.float32]) -> NDArray[np.float64]:
    squared = (values.astype(np.float64) / 255) ** 2
    return np.asarray(np.mean(squared * squared * squared, axis=0) ** (1 / _NORM), dtype=np.float64)


def _log_ratios(channels: NDArray[np.floating]) -> NDArray[np.float64]:
    logs = np.log(np.maximum(channels.astype(np.float64), 1e-3))
    return np.asarray(logs - logs.mean(), dtype=np.float64)


def _near_neutral(tones: NDArray[np.float32]) -> NDArray[np.float64]:
    logs = np.log(np.maximum(tones, 4))
    ratios = logs - logs.mean(axis=1, keepdims=True)
    brightness = tones.mean(axis=1)
    centre = np.zeros(3)
    for radius in _NEUTRAL_RADIUS:
        away = ((ratios - centre.astype(np.float32)) ** 2).sum(axis=1)
        weights = brightness * np.exp(-away / (2 * radius * radius))
        total = float(weights.sum())
        centre = (ratios * weights[:, None]).sum(axis=0) / total if total > 0 else centre
    return np.asarray(centre, dtype=np.float64)
