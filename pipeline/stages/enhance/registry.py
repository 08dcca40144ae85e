"""The steps, in the order in which they run."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from pydantic import BaseModel

from pipeline.domain.workflows import StepChoice
from pipeline.stages.enhance import (
    contrast,
    crop,
    denoise,
    exposure,
    low_light,
    orient,
    resize,
    saturation,
    sharpen,
    straighten,
    upscale,
    watermark,
    white_background,
    white_balance,
)
from pipeline.stages.enhance.frame import Applied, Frame, Scene

OptionsT = TypeVar("OptionsT", bound=BaseModel)


def _same_size(width: int, height: int, _options: BaseModel) -> tuple[int, int]:
    return width, height


@dataclass(frozen=True, slots=True)
class Step(Generic[OptionsT]):
    """One enhancement step. A finishing step is no matter of quality: every picture gets it, after it was judged."""

    name: str
    options: type[OptionsT]
    apply: Callable[[Frame, Scene, OptionsT], Applied]
    size: Callable[[int, int, OptionsT], tuple[int, int]] = _same_size
    """Width and height that the options alone make of a picture's; what depends on its pixels is left out."""
    is_finishing: bool = False

    def run(self, frame: Frame, scene: Scene, options: Mapping[str, Any]) -> Applied:
        """The step with these options; raises pydantic's `ValidationError` when they are none of its own."""
        return self.apply(frame, scene, self.options.model_validate(dict(options)))

    def size_after(self, width: int, height: int, options: Mapping[str, Any]) -> tuple[int, int]:
        """The size that a picture of this one has behind the step, as far as the options say."""
        return self.size(width, height, self.options.model_validate(dict(options)))


STEPS: tuple[Step[Any], ...] = (
    Step(orient.NAME, orient.Options, orient.apply),
    # Light before tones before detail: each judges what the one before it left.
    Step(low_light.NAME, low_light.Options, low_light.apply),
    Step(white_balance.NAME, white_balance.Options, white_balance.apply),
    Step(exposure.NAME, exposure.Options, exposure.apply),
    Step(contrast.NAME, contrast.Options, contrast.apply),
    Step(saturation.NAME, saturation.Options, saturation.apply),
    Step(denoise.NAME, denoise.Options, denoise.apply),
    # Shape after light, so that padding stays white.
    Step(straighten.NAME, straighten.Options, straighten.apply),
    Step(crop.NAME, crop.Options, crop.apply),
    Step(white_background.NAME, white_background.Options, white_background.apply, white_background.padded_size),
    Step(upscale.NAME, upscale.Options, upscale.apply),
    Step(sharpen.NAME, sharpen.Options, sharpen.apply),
    Step(resize.NAME, resize.Options, resize.apply, resize.resized, is_finishing=True),
    Step(watermark.NAME, watermark.Options, watermark.apply, is_finishing=True),
)
"""A workflow chooses among these; they run in this order, in whichever order it names them."""

STEP_OPTIONS: dict[str, type[BaseModel]] = {step.name: step.options for step in STEPS}


def chosen(choices: Iterable[StepChoice], *, finishing: bool) -> list[tuple[Step[Any], Mapping[str, Any]]]:
    """The finishing or the other steps that a workflow names, in the order in which they run, with their options."""
    named = list(choices)
    return [
        (step, choice.options)
        for step in STEPS
        if step.is_finishing == finishing
        for choice in named
        if choice.name == step.name
    ]
