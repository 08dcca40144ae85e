"""White background: makes the plain background of a packshot white, and pads the picture to a shape."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from pipeline.domain.media import Box
from pipeline.media.image import Picture
from pipeline.stages.enhance.frame import Applied, Frame, Pixels, Scene, left_alone

NAME = "white_background"

_SIDE = 512
"""Longest side of the small picture in which the background is looked for."""
_RING = 0.02
"""Width of the border that is judged, as a share of the longer side of the small picture."""
_SOFT = 1.8
"""Between the tolerance and this multiple of it a pixel is partly background: the soft edge of the mask."""
_WHITE = 250
_STRIP_PIXELS = 1_000_000

_Canvas = tuple[int, int, int, int]
"""Left and top of the picture on its canvas, and the canvas' width and height."""


class Options(BaseModel):
    """What counts as one plain background, and the shape the result is padded to."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    tolerance: float = Field(
        22, ge=4, le=80, description="Difference (0 to 255) within which a pixel belongs to the background."
    )
    uniform: float = Field(
        0.9, ge=0.5, le=1, description="Share of the border that must be of one colour; else the picture is left alone."
    )
    darkest: float = Field(110, ge=0, le=255, description="A background darker than this (0 to 255) is left alone.")
    aspect: str | None = Field(
        None, pattern=r"^[1-9]\d{0,3}:[1-9]\d{0,3}$", description='Padded with white to this shape, for example "1:1".'
    )


@dataclass(frozen=True, slots=True)
class _Background:
    """A plain colour that may change slowly over the picture, and where it reaches in from the border."""

    planes: NDArray[np.float32]
    """(3, 3): for each channel the value at the centre and its change over half the width and half the height."""
    region: NDArray[np.uint8]
    """255 where the small picture is connected with the border through background."""

    def colours(self, top: int, rows: int, width: int, height: int) -> NDArray[np.float32]:
        """The background's colour at each pixel of a strip of the full picture."""
        return _surface(self.planes, _places(0, width, width), _places(top, rows, height))


def apply(frame: Frame, scene: Scene, options: Options) -> Applied:
    """The frame on white; left alone when its border is not of one light colour, or is white already."""
    flat = frame.picture().flattened()
    small = _small(flat)
    background, uniform = _found(small, options)
    if uniform < options.uniform:
        return left_alone(frame, f"only {uniform:.0%} of the border is of one colour")
    brightness = float(background.planes[:, 0].mean())
    if brightness < options.darkest:
        return left_alone(frame, f"a background with a brightness of {brightness:.0f} is too dark to be made white")
    is_white = bool((small[background.region > 0] >= _WHITE).mean() > 0.98)
    canvas, remark = _canvas(frame, options, scene.limits.max_pixels)
    if is_white and canvas == (0, 0, frame.width, frame.height) and frame.alpha is None:
        return left_alone(frame, f"the background is white{remark}")
    drawn = _drawn(flat, None if is_white else background, options.tolerance, canvas)
    subject = _subject(background.region) or frame.subject
    detail = "The background was white" if is_white else "The background was made white"
    return Applied(Frame(Picture(drawn), _moved(subject, frame, canvas)), f"{detail}{remark}.")


def padded_size(width: int, height: int, options: Options) -> tuple[int, int]:
    """Width and height of the smallest canvas of the wanted shape around a picture of this size; else its own."""
    if options.aspect is None:
        return width, height
    across, down = (int(part) for part in options.aspect.split(":"))
    return max(width, round(height * across / down)), max(height, round(width * down / across))


def _small(pixels: Pixels) -> Pixels:
    scale = min(1.0, _SIDE / max(pixels.shape[:2]))
    size = max(1, round(pixels.shape[1] * scale)), max(1, round(pixels.shape[0] * scale))
    return np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)


def _found(small: Pixels, options: Options) -> tuple[_Background, float]:
    """The background, and the share of the border that it covers."""
    height, width = small.shape[:2]
    ring = np.ones((height, width), dtype=bool)
    edge = max(1, round(_RING * max(height, width)))
    ring[edge : height - edge, edge : width - edge] = False
    across, down = _places(0, width, width), _places(0, height, height)
    planes = _fitted(small, ring, across, down, options.tolerance)
    near = _distance(small, _surface(planes, across, down)) <= options.tolerance
    framed = cv2.copyMakeBorder(near.astype(np.uint8), 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=1)
    cv2.floodFill(framed, None, (0, 0), 255)
    region = np.where(framed[1:-1, 1:-1] == 255, 255, 0).astype(np.uint8)
    return _Background(planes, region), float(near[ring].mean())


def _fitted(
    small: Pixels, ring: NDArray[np.bool_], across: NDArray[np.float32], down: NDArray[np.float32], tolerance: float
) -> NDArray[np.float32]:
    """A plane for each channel through the border's pixels, without those of a subject that touches the border."""
    rows, columns = np.nonzero(ring)
    colours = small[rows, columns].astype(np.float32)
    places = np.stack((np.ones(rows.size, np.float32), across[columns], down[rows]), axis=1)
    inside = np.abs(colours - np.median(colours, axis=0)).max(axis=1) <= 2 * tolerance
    planes = np.zeros((3, 3), dtype=np.float32)
    planes[:, 0] = np.median(colours, axis=0)
    if inside.sum() >= 16:
        planes = np.linalg.lstsq(places[inside], colours[inside], rcond=None)[0].T.astype(np.float32)
    return planes


def _places(first: int, count: int, side: int) -> NDArray[np.float32]:
    """Where pixels lie along a side, -1 to 1."""
    return ((np.arange(first, first + count) + 0.5) / side * 2 - 1).astype(np.float32)


def _surface(
    planes: NDArray[np.float32], across: NDArray[np.float32], down: NDArray[np.float32]
) -> NDArray[np.float32]:
    channels = [centre + right * across[None, :] + below * down[:, None] for centre, right, below in planes]
    return np.asarray(cv2.merge(channels), dtype=np.float32)


def _distance(pixels: Pixels, colours: NDArray[np.float32]) -> NDArray[np.float32]:
    red, green, blue = cv2.split(cv2.absdiff(pixels.astype(np.float32), colours))
    return np.asarray(cv2.max(cv2.max(red, green), blue), dtype=np.float32)


def _drawn(flat: Pixels, background: _Background | None, tolerance: float, canvas: _Canvas) -> Pixels:
    """The picture on its canvas, whitened on the way where it has a background: one new picture, never two."""
    left, top, width, height = canvas
    if background is None and (height, width) == flat.shape[:2]:
        return flat
    drawn = np.full((height, width, 3), 255, dtype=np.uint8)
    inside = drawn[top : top + flat.shape[0], left : left + flat.shape[1]]
    if background is None:
        inside[:] = flat
    else:
        _whiten(flat, inside, background, tolerance)
    return drawn


def _whiten(pixels: Pixels, result: Pixels, background: _Background, tolerance: float) -> None:
    """In the result a pixel is white where it belongs to the background, more of itself the less it does."""
    height, width = pixels.shape[:2]
    # One small pixel further, so that the soft edge is inside.
    reach = np.asarray(cv2.dilate(background.region, np.ones((3, 3), np.uint8)), dtype=np.uint8)
    rows = max(1, _STRIP_PIXELS // width)
    for top in range(0, height, rows):
        strip = pixels[top : top + rows]
        count = strip.shape[0]
        distance = _distance(strip, background.colours(top, count, width, height))
        share = np.clip((tolerance * _SOFT - distance) / (tolerance * (_SOFT - 1)), 0, 1)
        share *= _enlarged(reach, top, count, width, height) / 255
        added = cv2.multiply(cv2.bitwise_not(strip), cv2.merge((share, share, share)), dtype=cv2.CV_8U)
        result[top : top + count] = cv2.add(strip, added)


def _enlarged(plane: NDArray[np.uint8], top: int, rows: int, width: int, height: int) -> NDArray[np.float32]:
    """A strip of the small plane at full size."""
    across, down = plane.shape[1] / width, plane.shape[0] / height
    inverse = np.array([[across, 0, across / 2 - 0.5], [0, down, (top + 0.5) * down - 0.5]])
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    strip = cv2.warpAffine(plane, inverse, (width, rows), flags=flags, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(strip, dtype=np.float32)


def _subject(region: NDArray[np.uint8]) -> Box | None:
    """What is not background, as one box."""
    rows, columns = np.nonzero(region == 0)
    if rows.size == 0:
        return None
    height, width = region.shape
    left, top = int(columns.min()), int(rows.min())
    across, down = int(columns.max()) + 1 - left, int(rows.max()) + 1 - top
    return Box(left / width, top / height, across / width, down / height)


def _canvas(frame: Frame, options: Options, max_pixels: int) -> tuple[_Canvas, str]:
    """Where the picture lies on what it is padded to, and how a sentence on that ends; its own place where it fits."""
    width, height = padded_size(frame.width, frame.height, options)
    own = (0, 0, frame.width, frame.height)
    if (width, height) == (frame.width, frame.height):
        return own, ""
    if width * height > max_pixels:
        return own, f", but {width} x {height} pixels are too many to pad it to"
    left, top = (width - frame.width) // 2, (height - frame.height) // 2
    return (left, top, width, height), f", and the picture was padded to {width} x {height} pixels"


def _moved(subject: Box | None, frame: Frame, canvas: _Canvas) -> Box | None:
    """The subject as fractions of the canvas."""
    if subject is None:
        return None
    left, top, width, height = canvas
    x, y = (subject.x * frame.width + left) / width, (subject.y * frame.height + top) / height
    return Box(x, y, subject.width * frame.width / width, subject.height * frame.height / height)
