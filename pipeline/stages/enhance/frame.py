"""The picture on its way through the steps, and what a step hands on."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.domain.media import Box, Findings, MediaFacts, MediaLimits
from pipeline.media.image import Picture
from pipeline.ports import Models

Pixels = NDArray[np.uint8]
Curve = NDArray[np.float32]
"""A tone curve for each channel: (256, 3), 0..255. Float, so that composing several loses nothing."""

_BLACK, _WHITE, _LIGHT = 24, 248, 200
_BACKGROUND_SHARE = 0.3
"""From this share on, black or white is taken for the background."""
_ENOUGH = 0.01
_SAMPLE_SIDE = 192
"""Pixels a side: enough for statistics of light and colour, and 0.2 ms to look at."""


@dataclass(frozen=True, slots=True)
class Scene:
    """What a step knows besides the pixels: the original's facts and findings, the models there are, the limits."""

    facts: MediaFacts
    findings: Findings
    models: Models | None = None
    limits: MediaLimits = field(default_factory=MediaLimits)
    """`max_pixels` binds what a step makes as well: a file of a few bytes must not grow without bound."""

    def metric(self, name: str) -> float | None:
        """What `analyze` measured on the original, or None where it could not."""
        return self.findings.metrics.get(name)


@dataclass(frozen=True)
class Frame:
    """A picture with a tone curve that is not applied yet.

    Neighbouring steps that only bend tones compose their curves, so the full picture is passed over once for all of
    them.
    """

    _stored: Picture
    subject: Box | None = None
    _curve: Curve | None = None

    @cached_property
    def sample(self) -> Pixels:
        """The picture at about 192 pixels a side, the curve applied: steps judge light and colour by it."""
        small = _sampled(self._stored.pixels)
        return small if self._curve is None else _bent(small, self._curve)

    @property
    def width(self) -> int:
        return int(self._stored.pixels.shape[1])

    @property
    def height(self) -> int:
        return int(self._stored.pixels.shape[0])

    @property
    def alpha(self) -> Pixels | None:
        return self._stored.alpha

    def picture(self) -> Picture:
        """The picture with the curve applied; the very same one while no step has changed it."""
        if self._curve is None:
            return self._stored
        return replace(self._stored, pixels=_bent(self._stored.pixels, self._curve))

    def developed(self) -> "Frame":
        """The frame without a pending curve: its picture is drawn once, however often it is asked for."""
        return self if self._curve is None else Frame(self.picture(), self.subject)

    def tile(self, across: float, down: float, side: int) -> Pixels:
        """At most side x side pixels at full size about a point (fractions of the picture), with the curve applied."""
        left, top = int(across * self.width), int(down * self.height)
        rows = slice(max(0, top - side // 2), top + side // 2)
        columns = slice(max(0, left - side // 2), left + side // 2)
        pixels = np.ascontiguousarray(self._stored.pixels[rows, columns])
        return pixels if self._curve is None else _bent(pixels, self._curve)

    def bent(self, curve: Curve) -> "Frame":
        """The frame with one more tone curve behind the pending one."""
        composed = curve if self._curve is None else _composed(self._curve, curve)
        return Frame(self._stored, self.subject, composed)

    def redrawn(self, draw: Callable[[Pixels], Pixels]) -> "Frame":
        """The frame with other pixels of the same size."""
        picture = self.picture()
        return Frame(replace(picture, pixels=draw(picture.pixels)), self.subject)


@dataclass(frozen=True, slots=True)
class Applied:
    """What a step made of a frame, and one plain sentence on it."""

    frame: Frame
    detail: str
    changed: bool = True


def left_alone(frame: Frame, reason: str) -> Applied:
    """The very same frame, and why."""
    return Applied(frame, f"Left alone: {reason}.", changed=False)


def luma(pixels: Pixels) -> Pixels:
    """Brightness 0..255 of each pixel, Rec. 601 weights as in JPEG."""
    return np.asarray(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY), dtype=np.uint8)


def counted(tones: Pixels) -> Pixels:
    """The tones by which exposure is judged, flat: without a black night or a white studio behind the subject.

    Black counts as a background only beside true lights: a picture that is too dark has none.
    """
    lit = float(np.percentile(tones, 99.5)) >= _LIGHT
    is_black, is_white = tones < _BLACK, tones > _WHITE
    keep = np.ones(tones.shape, dtype=bool)
    if lit and is_black.mean() > _BACKGROUND_SHARE:
        keep &= ~is_black
    if is_white.mean() > _BACKGROUND_SHARE:
        keep &= ~is_white
    return tones[keep] if keep.mean() > _ENOUGH else tones[:0].ravel()


def curve_of(*channels: NDArray[np.floating]) -> Curve:
    """A curve from one array of 256 tones for all channels, or from three."""
    columns = channels * 3 if len(channels) == 1 else channels
    return np.clip(np.stack(columns, axis=-1), 0, 255).astype(np.float32)


def _sampled(pixels: Pixels) -> Pixels:
    """Skimmed to a coarse picture, 4 x 4 pixels of which are averaged: noise is out, and 12 MP take 2 ms."""
    height, width = pixels.shape[:2]
    coarse = max(1, min(width, 4 * _SAMPLE_SIDE)), max(1, min(height, 4 * _SAMPLE_SIDE))
    size = max(1, min(width, _SAMPLE_SIDE)), max(1, min(height, _SAMPLE_SIDE))
    skimmed = cv2.resize(pixels, coarse, interpolation=cv2.INTER_LINEAR)
    return np.asarray(cv2.resize(skimmed, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)


def _composed(first: Curve, second: Curve) -> Curve:
    tones = np.arange(256)
    columns = [np.interp(first[:, channel], tones, second[:, channel]) for channel in range(3)]
    return np.stack(columns, axis=-1).astype(np.float32)


def _bent(pixels: Pixels, curve: Curve) -> Pixels:
    table = np.rint(curve).astype(np.uint8)
    # One table for all channels takes two thirds of the time of three.
    same = bool((table == table[:, :1]).all())
    lookup = np.ascontiguousarray(table[:, 0]) if same else table.reshape(1, 256, 3)
    return np.asarray(cv2.LUT(pixels, lookup), dtype=np.uint8)
