"""Low light: a model brightens pictures that are really dark, small, and its gain is laid on the full picture."""

import cv2
import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from pipeline.ports import Models
from pipeline.stages.enhance.frame import Applied, Frame, Pixels, Scene, counted, left_alone, luma

NAME = "low_light"
MODEL = "lowlight"

_MULTIPLE = 8
"""The network halves its input a few times; sizes that divide evenly leave no seam at the border."""
_RADIUS, _FLATNESS = 7, 2e-3
"""Of the guided filter (He, Sun, Tang 2013): window in pixels of the small picture, and what counts as an edge."""
_FLOOR = 4 / 255
_LUMA = np.array([[0.299, 0.587, 0.114]], dtype=np.float32)


class Options(BaseModel):
    """From which darkness on the model is asked, and how much of its light is taken."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    threshold: float = Field(60, ge=1, le=100, description="Mean brightness (0 to 255) below which a picture is dark.")
    strength: float = Field(0.85, ge=0, le=1, description="Share of the model's gain that is applied, 0 to 1.")
    limit: float = Field(8, ge=1, le=32, description="Largest gain of a single pixel.")
    side: int = Field(
        192, ge=64, le=1024, description="Longest side of the small picture that the model sees; it costs by its area."
    )


def apply(frame: Frame, scene: Scene, options: Options) -> Applied:
    """The frame as bright as the model has it, with its own detail and hues; left alone when it is not dark."""
    tones = counted(luma(frame.sample))
    if tones.size == 0:
        return left_alone(frame, "the picture is almost wholly black")
    mean = float(tones.mean())
    if mean >= options.threshold:
        return left_alone(frame, f"a mean brightness of {mean:.0f} is not dark")
    if scene.models is None:
        return left_alone(frame, f"the picture is dark, but the model {MODEL} is not available here")
    reason = scene.models.unavailable(MODEL)
    if reason is not None:
        return left_alone(frame, f"the picture is dark, but {reason}")
    light = _light(frame.picture().pixels, scene.models, options)
    if light is None:
        return left_alone(frame, "the picture is too small for the model")
    lit = frame.redrawn(lambda pixels: _lit(pixels, light, options.limit))
    reached = float(luma(lit.sample).mean())
    return Applied(lit, f"A dark picture was lit: its mean brightness went from {mean:.0f} to {reached:.0f}.")


def _light(pixels: Pixels, models: Models, options: Options) -> NDArray[np.float32] | None:
    """(h, w, 2): the gain of a small pixel is the first plane times its brightness plus the second."""
    height, width = pixels.shape[:2]
    scale = min(1.0, options.side / max(height, width))
    size = tuple(int(side * scale) // _MULTIPLE * _MULTIPLE for side in (width, height))
    if min(size) < 4 * _MULTIPLE:
        return None
    small = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA).astype(np.float32) / 255
    lit = models.run(MODEL, np.ascontiguousarray(small.transpose(2, 0, 1)[None]))["output"][0].transpose(1, 2, 0)
    before, after = (cv2.transform(np.ascontiguousarray(picture), _LUMA) for picture in (small, lit))
    gain = (np.clip((after + _FLOOR) / (before + _FLOOR), 1, options.limit)) ** options.strength
    return _guided(np.asarray(before, np.float32), np.asarray(gain, np.float32))


def _guided(guide: NDArray[np.float32], values: NDArray[np.float32]) -> NDArray[np.float32]:
    """The guided filter's two coefficient planes: smooth, so that they can be enlarged, and true to edges."""

    def mean(plane: NDArray[np.float32]) -> NDArray[np.float32]:
        return np.asarray(cv2.blur(plane, (_RADIUS, _RADIUS)), dtype=np.float32)

    guide_mean, values_mean = mean(guide), mean(values)
    slope = (mean(guide * values) - guide_mean * values_mean) / (mean(guide * guide) - guide_mean**2 + _FLATNESS)
    return np.dstack((mean(slope), mean(values_mean - slope * guide_mean)))


def _lit(pixels: Pixels, light: NDArray[np.float32], limit: float) -> Pixels:
    """The pixels times their gain, in strips: the gain of a whole large picture would be four times its size."""
    height, width = pixels.shape[:2]
    result = np.empty_like(pixels)
    across, down = light.shape[1] / width, light.shape[0] / height
    rows = max(1, 1_000_000 // width)
    for top in range(0, height, rows):
        strip = pixels[top : top + rows]
        inverse = np.array([[across, 0, across / 2 - 0.5], [0, down, (top + 0.5) * down - 0.5]])
        planes = cv2.warpAffine(
            light,
            inverse,
            (width, strip.shape[0]),
            flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
            borderMode=cv2.BORDER_REPLICATE,
        )
        gain = np.asarray(np.clip(planes[..., 0] * (luma(strip) / 255) + planes[..., 1], 1, limit), np.float32)
        result[top : top + rows] = _brightened(strip, gain)
    return result


def _brightened(strip: Pixels, gain: NDArray[np.float32]) -> Pixels:
    """Times the gain, but no further than to the end of a pixel's strongest channel: it keeps its hue."""
    red, green, blue = cv2.split(strip)
    strongest = np.maximum(cv2.max(cv2.max(red, green), blue), 1).astype(np.float32)
    limited = np.minimum(gain, 255 / strongest)
    return np.asarray(cv2.multiply(strip, cv2.merge((limited, limited, limited)), dtype=cv2.CV_8U), dtype=np.uint8)
