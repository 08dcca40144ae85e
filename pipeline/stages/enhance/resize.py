"""Resize: makes a picture smaller, never larger."""

from pydantic import BaseModel, ConfigDict, Field

from pipeline.media.encode import size_within, within
from pipeline.stages.enhance.frame import Applied, Frame, Scene, left_alone

NAME = "resize"


class Options(BaseModel):
    """The largest size, in pixels; a side that is not named is not limited."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    max_width: int | None = Field(None, ge=1, le=65_500, description="Largest width in pixels.")
    max_height: int | None = Field(None, ge=1, le=65_500, description="Largest height in pixels.")
    max_side: int | None = Field(None, ge=1, le=65_500, description="Largest longer side in pixels.")


def apply(frame: Frame, scene: Scene, options: Options) -> Applied:
    """The frame no larger than the options say, in its own shape."""
    width, height = _bounds(options)
    if frame.width <= width and frame.height <= height:
        return left_alone(frame, f"{frame.width} x {frame.height} pixels fit")
    after = Frame(within(frame.picture(), width, height), frame.subject)
    return Applied(after, f"Reduced from {frame.width} x {frame.height} to {after.width} x {after.height} pixels.")


def resized(width: int, height: int, options: Options) -> tuple[int, int]:
    """Width and height that the step gives a picture of this size, without a pixel of it."""
    return size_within(width, height, *_bounds(options))


def _bounds(options: Options) -> tuple[float, float]:
    return _smallest(options.max_side, options.max_width), _smallest(options.max_side, options.max_height)


def _smallest(*limits: int | None) -> float:
    return min((limit for limit in limits if limit is not None), default=float("inf"))
