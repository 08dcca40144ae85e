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
    mark = _mark(options.text, max(_SMALLEST_FONT, round(side * options.size)))
    margin = round(side * 0.02)
    if mark.shape[1] + 2 * margin > frame.width or mark.shape[0] + 2 * margin > frame.height:
        return left_alone(frame, f"{frame.width} x {frame.height} pixels have no room for the text")
    top, left = _place(frame, mark.shape, margin, options.position)
    picture = frame.picture()
    rows, columns = slice(top, top + mark.shape[0]), slice(left, left + mark.shape[1])
    pixels = picture.pixels.copy()
    pixels[rows, columns] = _blended(pixels[rows, columns], mark, options.opacity)
    alpha = picture.alpha
    if alpha is not None:
        alpha = alpha.copy()
        alpha[rows, columns] = np.maximum(alpha[rows, columns], mark[..., 1] * options.opacity)
    marked = replace(picture, pixels=pixels, alpha=alpha)
    return Applied(Frame(marked, frame.subject), f'"{options.text}" was written on the picture.')


@functools.lru_cache(maxsize=32)
def _mark(text: str, size: int) -> NDArray[np.uint8]:
    """(h, w, 2): brightness and coverage of the letters with their edge."""
    font = ImageFont.load_default(size)
    edge = max(1, size // 16)
    left, top, right, bottom = font.getbbox(text, stroke_width=edge)
    image = Image.new("LA", (max(1, int(right - left) + 2), max(1, int(bottom - top) + 2)), (0, 0))
    draw = ImageDraw.Draw(image)
    draw.text((1 - left, 1 - top), text, fill=(255, 255), font=font, stroke_width=edge, stroke_fill=(0, 160))
    return np.asarray(image, dtype=np.uint8)


def _place(frame: Frame, shape: tuple[int, ...], margin: int, position: str) -> tuple[int, int]:
    """Top and left of the mark."""
    if position == "centre":
        return (frame.height - shape[0]) // 2, (frame.width - shape[1]) // 2
    top = margin if position.startswith("top") else frame.height - shape[0] - margin
    left = margin if position.endswith("left") else frame.width - shape[1] - margin
    return top, left


def _blended(ground: Pixels, mark: NDArray[np.uint8], opacity: float) -> Pixels:
    share = mark[..., 1:].astype(np.float32) * (opacity / 255)
    return np.asarray(ground * (1 - share) + mark[..., :1] * share + 0.5, dtype=np.uint8)
