"""Watermark: a line of text over the finished picture."""

import functools
from dataclasses import replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from pydantic import BaseModel, ConfigDict, Field

from pipeline.stages.enhance.frame import Applied, Frame, Pixels, Scene, left_alone

NAME = "watermark"

_SMALLEST_FONT = 8
"""Pixels: below, Pillow's built-in font cannot be read."""
_STRIP_PIXELS = 1_000_000


class Options(BaseModel):
    """What is written, where, how large and how strongly."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    text: str = Field(min_length=1, max_length=200, description="The line to write; Latin letters are supported.")
    position: Literal["top-left", "top-right", "bottom-left", "bottom-right", "centre"] = Field(
        "bottom-right", description="The corner, or the centre."
    )
    opacity: float = Field(0.5, gt=0, le=1, description="0 is invisible, 1 is solid.")
    size: float = Field(0.03, ge=0.005, le=0.3, description="Height of the letters as a share of the shorter side.")


def apply(frame: Frame, scene: Scene, options: Options) -> Applied:
    """The frame with the text on it, white with a dark edge so that it is read on any ground."""
    side = min(frame.width, frame.height)
    size = max(_SMALLEST_FONT, round(side * options.size))
    margin = round(side * 0.02)
    # Asked before it is drawn: a long line in tall letters would be larger than any picture.
    _, _, width, height = _extent(options.text, size)
    if width + 2 * margin > frame.width or height + 2 * margin > frame.height:
        return left_alone(frame, f"{frame.width} x {frame.height} pixels have no room for the text")
    mark = _mark(options.text, size)
    top, left = _place(frame, mark.shape, margin, options.position)
    picture = frame.picture()
    rows, columns = slice(top, top + mark.shape[0]), slice(left, left + mark.shape[1])
    pixels = picture.pixels.copy()
    alpha = None if picture.alpha is None else picture.alpha.copy()
    _blend(pixels[rows, columns], None if alpha is None else alpha[rows, columns], mark, options.opacity)
    marked = replace(picture, pixels=pixels, alpha=alpha)
    return Applied(Frame(marked, frame.subject), f'"{options.text}" was written on the picture.')


@functools.lru_cache(maxsize=32)
def _extent(text: str, size: int) -> tuple[int, int, int, int]:
    """Where the text is drawn so that all of it shows, and the mark's width and height, in pixels."""
    left, top, right, bottom = ImageFont.load_default(size).getbbox(text, stroke_width=_edge(size))
    return 1 - int(left), 1 - int(top), max(1, int(right - left) + 2), max(1, int(bottom - top) + 2)


# Few: in a picture of 100 MP one mark may take 60 MB.
@functools.lru_cache(maxsize=2)
def _mark(text: str, size: int) -> NDArray[np.uint8]:
    """(h, w, 2): brightness and coverage of the letters with their edge."""
    left, top, width, height = _extent(text, size)
    image = Image.new("LA", (width, height), (0, 0))
    draw = ImageDraw.Draw(image)
    font = ImageFont.load_default(size)
    draw.text((left, top), text, fill=(255, 255), font=font, stroke_width=_edge(size), stroke_fill=(0, 160))
    return np.asarray(image, dtype=np.uint8)


def _edge(size: int) -> int:
    return max(1, size // 16)


def _place(frame: Frame, shape: tuple[int, ...], margin: int, position: str) -> tuple[int, int]:
    """Top and left of the mark."""
    if position == "centre":
        return (frame.height - shape[0]) // 2, (frame.width - shape[1]) // 2
    top = margin if position.startswith("top") else frame.height - shape[0] - margin
    left = margin if position.endswith("left") else frame.width - shape[1] - margin
    return top, left


def _blend(ground: Pixels, alpha: Pixels | None, mark: NDArray[np.uint8], opacity: float) -> None:
    """Draws the mark on the ground, in strips: the shares of a large mark would be four times its size."""
    rows = max(1, _STRIP_PIXELS // mark.shape[1])
    for top in range(0, mark.shape[0], rows):
        here, strip = slice(top, top + rows), mark[top : top + rows]
        share = strip[..., 1:].astype(np.float32) * (opacity / 255)
        ground[here] = ground[here] * (1 - share) + strip[..., :1] * share + 0.5
        if alpha is not None:
            alpha[here] = np.maximum(alpha[here], strip[..., 1] * opacity)
