"""Denoise: takes grain out of brightness with an edge-preserving filter, and blotches out of colour."""

import cv2
import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from pipeline.stages.enhance.frame import Applied, Frame, Pixels, Scene, left_alone, luma

NAME = "denoise"

_KERNEL = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], dtype=np.float32)
"""J. Immerkaer, Fast Noise Variance Estimation, CVIU 64 (1996)."""
_TILE, _BLOCK = 384, 16
_FLATTEST = 20.0
"""Percentile of the blocks' activity that is taken for noise alone: above it lies texture."""
_REACH = 2.5
"""The bilateral filter's colour sigma in noise sigmas: two thirds of the noise lie well inside, edges outside."""
_STRIP_PIXELS, _LEAST_ROWS = 4_000_000, 64
"""A strip has so many rows at least, so what is wider than 62 500 pixels would not be worked on in strips at all."""


class Options(BaseModel):
    """From which noise on a picture is filtered, and how strongly."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    threshold: float = Field(
        3.5, ge=0.5, le=30, description="Noise (standard deviation, 0 to 255) from which on the filter is used."
    )
    strength: float = Field(0.8, ge=0, le=1, description="Share of the filtered picture in the result, 0 to 1.")


def apply(frame: Frame, scene: Scene, options: Options) -> Applied:
    """The frame with less noise and its edges; left alone when there is none to speak of."""
    if frame.width > _STRIP_PIXELS // _LEAST_ROWS:
        return left_alone(frame, f"a width of {frame.width} pixels is no photograph's")
    sigma = noise_of(frame)
    if sigma < options.threshold:
        return left_alone(frame, f"noise of {sigma:.1f} is not seen")
    quiet = frame.redrawn(lambda pixels: denoised(pixels, sigma, options.strength))
    return Applied(quiet, f"Noise of {sigma:.1f} was reduced to {noise_of(quiet):.1f}.")


def noise_of(frame: Frame) -> float:
    """Standard deviation of the luma's noise at full size, judged in five tiles: centre and quarters."""
    readings: list[float] = []
    for down, across in ((0.5, 0.5), (0.25, 0.25), (0.25, 0.75), (0.75, 0.25), (0.75, 0.75)):
        gray = luma(frame.tile(across, down, _TILE))
        if min(gray.shape) < 3:
            return 0.0
        response = np.abs(cv2.filter2D(gray, cv2.CV_32F, _KERNEL))
        blocks = max(1, gray.shape[1] // _BLOCK), max(1, gray.shape[0] // _BLOCK)
        activity = cv2.resize(response, blocks, interpolation=cv2.INTER_AREA)
        tone = cv2.resize(gray, blocks, interpolation=cv2.INTER_AREA)
        readings.extend(activity[(tone > 8) & (tone < 247)])
    if not readings:
        return 0.0
    return float(np.percentile(readings, _FLATTEST) * np.sqrt(np.pi / 2) / 6)


def denoised(pixels: Pixels, sigma: float, strength: float, *, strip_pixels: int = _STRIP_PIXELS) -> Pixels:
    """Bilateral filter on brightness, Gaussian at half size on colour: the eye forgives blurred colour."""
    result = np.empty_like(pixels)
    # Even, so that halving the colours meets the same rows in every strip.
    rows, halo = max(_LEAST_ROWS, strip_pixels // pixels.shape[1] // 2 * 2), 16
    for top in range(0, pixels.shape[0], rows):
        start = max(0, top - halo)
        strip = _denoised_strip(pixels[start : top + rows + halo], sigma, strength)
        wanted = min(rows, pixels.shape[0] - top)
        result[top : top + wanted] = strip[top - start : top - start + wanted]
    return result


def _denoised_strip(pixels: Pixels, sigma: float, strength: float) -> Pixels:
    planes = np.asarray(cv2.cvtColor(pixels, cv2.COLOR_RGB2YCrCb), dtype=np.uint8)
    brightness, red, blue = (np.asarray(plane, dtype=np.uint8) for plane in cv2.split(planes))
    diameter = 5 if sigma < 8 else 7
    smooth = cv2.bilateralFilter(brightness, diameter, _REACH * sigma, diameter / 2)
    quiet = cv2.addWeighted(smooth, strength, brightness, 1 - strength, 0)
    merged = cv2.merge((quiet, _smoothed(red, strength), _smoothed(blue, strength)))
    return np.asarray(cv2.cvtColor(merged, cv2.COLOR_YCrCb2RGB), dtype=np.uint8)


def _smoothed(plane: NDArray[np.uint8], strength: float) -> NDArray[np.uint8]:
    height, width = plane.shape
    half = cv2.resize(plane, (max(1, width // 2), max(1, height // 2)), interpolation=cv2.INTER_AREA)
    blurred = cv2.resize(cv2.GaussianBlur(half, (5, 5), 0), (width, height), interpolation=cv2.INTER_LINEAR)
    return np.asarray(cv2.addWeighted(blurred, strength, plane, 1 - strength, 0), dtype=np.uint8)
