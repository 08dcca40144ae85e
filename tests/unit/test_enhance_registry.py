"""The steps as a table, and the frame that they hand on."""

from typing import Any

import cv2
import numpy as np
import pytest
from pydantic import ValidationError

from pipeline.domain.jobs import Outcome
from pipeline.domain.quality import QualityScore
from pipeline.domain.workflows import StepChoice
from pipeline.media.image import Picture
from pipeline.stages.enhance import (
    STEP_OPTIONS,
    STEPS,
)
from pipeline.stages.enhance.frame import Frame, curve_of
from pipeline.stages.enhance.registry import chosen
from pipeline.stages.score import outcome_of
from tests.unit.enhance_pictures import (
    TONES,
    Brightening,
    a_frame,
    a_photo,
    a_scene,
)

NAMES = (
    *("orient", "white_balance", "exposure", "low_light", "contrast", "denoise", "saturation", "straighten", "crop"),
    *("white_background", "upscale", "resize", "sharpen", "watermark"),
)
SIZES = [(1, 1), (940, 2), (2, 940), (3, 3), (20, 30)]


def test_the_registry_has_every_step_of_the_contract_once() -> None:
    assert sorted(step.name for step in STEPS) == sorted(NAMES)
    assert set(STEP_OPTIONS) == set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_every_option_is_described_and_unknown_ones_are_refused(name: str) -> None:
    options = STEP_OPTIONS[name]
    assert all(field.description for field in options.model_fields.values())
    with pytest.raises(ValidationError, match="Extra inputs"):
        options.model_validate({"text": "x", "surprise": 1})


def test_steps_run_in_their_own_order_whatever_the_workflow_says() -> None:
    choices = [StepChoice(name) for name in ("watermark", "sharpen", "resize", "exposure", "low_light", "orient")]
    assert [step.name for step, _ in chosen(choices, finishing=False)] == ["orient", "low_light", "exposure", "sharpen"]
    assert [step.name for step, _ in chosen(choices, finishing=True)] == ["resize", "watermark"]


@pytest.mark.parametrize("step", STEPS, ids=lambda step: step.name)
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("has_alpha", [False, True])
def test_the_smallest_and_the_thinnest_pictures_pass(step: Any, size: tuple[int, int], has_alpha: bool) -> None:
    random = np.random.default_rng(1)
    for pixels in (random.integers(0, 40, (*size, 3), np.uint8), np.full((*size, 3), 240, np.uint8)):
        alpha = random.integers(0, 255, size, np.uint8) if has_alpha else None
        options = {"watermark": {"text": "Ada"}, "resize": {"max_side": 10}, "crop": {"aspect": "1:1"}}
        scene = a_scene(models=Brightening(), tilt=3, sharpness=0.1, noise=1)
        result = step.run(a_frame(pixels, alpha=alpha), scene, options.get(step.name, {})).frame.picture()
        assert result.pixels.dtype == np.uint8
        assert result.pixels.ndim == 3
        assert result.pixels.size > 0
        assert result.alpha is None or result.alpha.shape == result.pixels.shape[:2]


@pytest.mark.parametrize("step", STEPS, ids=lambda step: step.name)
def test_no_step_writes_on_the_pixels_it_was_given(step: Any) -> None:
    for pixels in (a_photo(), a_photo() // 8, np.full((200, 200, 3), 200, np.uint8)):
        pixels[60:120, 60:120] = (180, 30, 30)
        before = pixels.copy()
        scene = a_scene(models=Brightening(), tilt=3, sharpness=0.1, noise=1)
        options = {"watermark": {"text": "Ada"}, "resize": {"max_side": 50}, "crop": {"aspect": "1:1"}}
        step.run(a_frame(pixels), scene, options.get(step.name, {})).frame.picture()
        assert np.array_equal(pixels, before)


def test_neighbouring_curves_are_one_pass_and_lose_nothing() -> None:
    pixels = np.repeat(TONES.astype(np.uint8)[None, :, None], 3, axis=2)
    darker = curve_of(255 * (TONES / 255) ** 2.2)
    lighter = curve_of(255 * (TONES / 255) ** (1 / 2.2))
    frame = a_frame(pixels).bent(darker).bent(lighter)
    twice = cv2.LUT(cv2.LUT(pixels, np.rint(darker[:, 0]).astype(np.uint8)), np.rint(lighter[:, 0]).astype(np.uint8))
    above_black = pixels[:, 20:].astype(int)
    assert np.abs(frame.picture().pixels[:, 20:] - above_black).max() <= 1
    assert np.abs(np.asarray(twice)[:, 20:] - above_black).max() > 2


def test_a_frame_that_nothing_changed_is_the_picture_itself() -> None:
    picture = Picture(a_photo())
    frame = Frame(picture)
    assert frame.picture() is picture
    assert frame.developed() is frame


def test_a_tile_shows_the_pending_curve() -> None:
    frame = a_frame(a_photo()).bent(curve_of(255.0 - TONES))
    assert np.array_equal(frame.tile(0.5, 0.5, 40), frame.picture().pixels[100:140, 140:180])


@pytest.mark.parametrize(
    ("passed", "kept_original", "expected"),
    [
        (True, True, Outcome.APPROVED),
        (True, False, Outcome.ENHANCED),
        (False, True, Outcome.REJECTED),
        (False, False, Outcome.REJECTED),
    ],
)
def test_what_is_delivered_decides_the_outcome(passed: bool, kept_original: bool, expected: Outcome) -> None:
    judged = QualityScore(score=70.0 if passed else 30.0, pass_mark=60.0, criteria=())
    assert outcome_of(judged, kept_original=kept_original) is expected
