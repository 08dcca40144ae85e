"""The enhance stage on real photographs: what is wrong gets better, what is good stays, nothing gets worse."""

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from pipeline.domain.jobs import Outcome
from pipeline.domain.workflows import StepChoice
from pipeline.inference import OnnxModels
from pipeline.stages.analyze import analyze
from pipeline.stages.enhance import enhance
from pipeline.stages.enhance.proxy import proxy_of
from pipeline.stages.score import outcome_of
from pipeline.stages.validate import decode_original, decode_proxy
from tests.integration.enhancing import (
    COMPANIONS,
    LIMITS,
    PHOTOGRAPHS,
    WORKFLOWS,
    a_png,
    a_workflow,
    analyzed,
    changed,
    delivered,
    enhanced,
    of_scikit_image,
    of_the_companion,
    pixels_of,
)


@pytest.fixture(scope="module")
def models(shared: Path) -> OnnxModels:
    return OnnxModels(shared / "models")


@pytest.mark.parametrize("workflow", WORKFLOWS)
@pytest.mark.parametrize("name", PHOTOGRAPHS)
def test_nothing_is_delivered_worse_than_it_came(name: str, workflow: str) -> None:
    result = enhanced(of_scikit_image(name), WORKFLOWS[workflow])
    newly_met = len(result.after.unmet) < len(result.before.unmet)
    assert result.after.score >= result.before.score or newly_met
    assert not result.kept_original or result.after == result.before
    assert all(step.detail.endswith(".") for step in result.steps)


@pytest.mark.parametrize("workflow", WORKFLOWS)
@pytest.mark.parametrize("name", COMPANIONS)
def test_nothing_of_the_companion_is_delivered_worse(
    shared: Path, models: OnnxModels, name: str, workflow: str
) -> None:
    result = enhanced(of_the_companion(shared, name), WORKFLOWS[workflow], models)
    newly_met = len(result.after.unmet) < len(result.before.unmet)
    assert result.after.score >= result.before.score or newly_met


@pytest.mark.parametrize(
    ("name", "steps"),
    [
        ("astronaut.png", []),
        ("coffee.png", []),
        ("chelsea.png", ["white_balance", "contrast", "sharpen"]),
        ("motorcycle_left.png", ["straighten"]),
        # Not straightened: its gantries converge, so no one leaning leads its rivals clearly enough to be trusted.
        ("rocket.jpg", ["white_balance", "exposure", "contrast"]),
    ],
)
def test_each_photograph_gets_what_it_lacks(name: str, steps: list[str]) -> None:
    """Golden: what `auto` did without models on 2026-11-21, each looked at beside its original."""
    assert changed(enhanced(of_scikit_image(name), WORKFLOWS["auto"])) == steps


@pytest.mark.parametrize("name", ["astronaut.png", "coffee.png"])
def test_a_good_picture_is_delivered_pixel_for_pixel(name: str) -> None:
    data = of_scikit_image(name)
    result = enhanced(data, WORKFLOWS["auto"])
    assert result.kept_original
    assert outcome_of(result.after, kept_original=result.kept_original) is Outcome.APPROVED
    assert np.array_equal(delivered(result), pixels_of(data))
    assert data not in result.renditions[0].data


def test_a_result_that_scores_lower_is_dropped_and_says_so() -> None:
    # Asked to make a good picture much darker, the steps do as they are told, and the score does not follow.
    darker, harder = StepChoice("exposure", {"brightest": 128, "strength": 1}), StepChoice("contrast", {"enough": 240})
    data = a_png(np.clip(pixels_of(of_scikit_image("astronaut.png")) * 1.3, 0, 255).astype(np.uint8))
    facts, findings = analyzed(data)
    flattery = {"exposure": 0.0, "contrast": 1.0, "clipped_highlights": 0.0}
    flattering = replace(findings, metrics=findings.metrics | flattery)
    result = enhance(data, facts, flattering, a_workflow(darker, harder), limits=LIMITS, models=None)
    assert result.kept_original
    assert result.after == result.before
    assert changed(result) == []
    assert any(step.detail.startswith("Dropped: the enhanced picture scored") for step in result.steps)
    assert np.array_equal(delivered(result), pixels_of(data))


@pytest.mark.parametrize("gains", [(1.25, 1, 0.75), (0.8, 1, 1.25), (0.9, 1.15, 0.9)])
@pytest.mark.parametrize("name", ["astronaut.png", "motorcycle_left.png"])
def test_white_balance_takes_most_of_a_cast_away(name: str, gains: tuple[float, float, float]) -> None:
    original = pixels_of(of_scikit_image(name)) // 5 * 4
    cast = a_png(np.clip(original * np.array(gains), 0, 255).astype(np.uint8))
    result = enhanced(cast, a_workflow("white_balance"))
    before, after = analyzed(cast)[1].metrics["color_cast"], result.findings.metrics["color_cast"]
    assert changed(result) == ["white_balance"]
    assert after < 0.6 * before
    assert result.after.score > result.before.score


@pytest.mark.parametrize("factor", [0.25, 0.4])
@pytest.mark.parametrize("name", ["astronaut.png", "coffee.png", "motorcycle_left.png"])
def test_exposure_lifts_an_under_exposed_photograph(name: str, factor: float) -> None:
    original = pixels_of(of_scikit_image(name))
    dark = (original * factor).astype(np.uint8)
    result = enhanced(a_png(dark), a_workflow("exposure"))
    assert changed(result) == ["exposure"]
    assert cv2.PSNR(delivered(result), original) > cv2.PSNR(dark, original) + 2


@pytest.mark.parametrize("sigma", [12, 25])
@pytest.mark.parametrize("name", ["astronaut.png", "coffee.png", "chelsea.png"])
def test_denoise_comes_nearer_to_the_clean_photograph(name: str, sigma: float) -> None:
    original = pixels_of(of_scikit_image(name))
    noise = np.random.default_rng(11).normal(0, sigma, original.shape)
    noisy = np.clip(original + noise, 0, 255).astype(np.uint8)
    result = enhanced(a_png(noisy), a_workflow("denoise"))
    assert changed(result) == ["denoise"]
    assert cv2.PSNR(delivered(result), original) > cv2.PSNR(noisy, original) + 1.5
    assert result.after.score > result.before.score


@pytest.mark.parametrize("turn", [-5.0, -2.0, 2.0, 4.0])
@pytest.mark.parametrize("name", ["sceaux_100_7102.JPG", "immich_japanese-shop.jpg"])
def test_straighten_turns_a_known_rotation_back(shared: Path, name: str, turn: float) -> None:
    pixels = pixels_of(of_the_companion(shared, name))
    height, width = pixels.shape[:2]
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), -turn, 1.25)
    leaning = a_png(np.asarray(cv2.warpAffine(pixels, matrix, (width, height), flags=cv2.INTER_CUBIC), np.uint8))
    assert abs(analyzed(leaning)[1].tilt_degrees) > 1
    result = enhanced(leaning, a_workflow("straighten"))
    assert changed(result) == ["straighten"]
    assert result.findings.tilt_degrees == pytest.approx(0, abs=0.5)


def test_low_light_comes_nearer_to_the_picture_by_day(models: OnnxModels) -> None:
    original = pixels_of(of_scikit_image("coffee.png"))
    dark = (255 * (original / 255) ** 2 * 0.35).astype(np.uint8)
    with_model, without = (enhanced(a_png(dark), WORKFLOWS["auto"], here) for here in (models, None))
    assert "low_light" in changed(with_model)
    assert "low_light" not in changed(without)
    assert any("the model lowlight is not available" in step.detail for step in without.steps)
    gained = [cv2.PSNR(delivered(result), original) - cv2.PSNR(dark, original) for result in (with_model, without)]
    assert gained[0] > 2
    assert gained[1] > 2


def test_super_resolution_beats_lanczos(models: OnnxModels) -> None:
    original = pixels_of(of_scikit_image("astronaut.png"))
    small = np.asarray(Image.fromarray(original).resize((256, 256), Image.Resampling.BICUBIC))
    by_lanczos = np.asarray(Image.fromarray(small).resize((512, 512), Image.Resampling.LANCZOS))
    result = enhanced(a_png(small), a_workflow("upscale"), models)
    assert changed(result) == ["upscale"]
    assert cv2.PSNR(delivered(result), original) > cv2.PSNR(by_lanczos, original) + 1


@pytest.mark.parametrize("name", COMPANIONS)
def test_the_proxy_is_measured_as_that_of_validate(shared: Path, name: str) -> None:
    data = (shared / "media/photos" / name).read_bytes()
    facts, findings = analyzed(data)
    again = analyze(decode_proxy(proxy_of(decode_original(data, LIMITS))), facts, None)
    for metric, tolerance in (("sharpness", 0.01), ("noise", 0.1), ("exposure", 0.02), ("contrast", 0.01)):
        assert again.metrics[metric] == pytest.approx(findings.metrics[metric], abs=tolerance)
