"""Steps for light, colour and detail correct what they are for, and hand a good picture on as it is."""

from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
import pytest

from pipeline.stages.enhance import (
    contrast,
    denoise,
    exposure,
    low_light,
    orient,
    saturation,
    sharpen,
    white_balance,
)
from pipeline.stages.enhance.frame import luma
from tests.unit.enhance_pictures import (
    Brightening,
    Missing,
    a_frame,
    a_photo,
    a_scene,
    is_left_alone,
    psnr,
    with_gains,
)


@pytest.mark.parametrize(("orientation", "word"), [(3, "180"), (6, "90 degrees clockwise"), (8, "counter-clockwise")])
def test_orient_says_what_was_turned(orientation: int, word: str) -> None:
    frame = a_frame(a_photo())
    applied = orient.apply(frame, a_scene(orientation=orientation), orient.Options())
    assert applied.changed
    assert word in applied.detail
    assert applied.frame is frame
    assert is_left_alone(orient, a_photo(), a_scene())


@pytest.mark.parametrize("gains", [(1.2, 1, 0.8), (0.85, 1, 1.2), (1, 1.15, 0.95), (1.1, 0.9, 1.1)])
def test_white_balance_removes_most_of_a_cast(gains: tuple[float, float, float]) -> None:
    cast = with_gains(a_photo() // 4 * 3, *gains)
    applied = white_balance.apply(a_frame(cast), a_scene(), white_balance.Options(strength=1))
    assert applied.changed
    found, left = (white_balance.estimated_cast(sample) for sample in (cast, applied.frame.picture().pixels))
    assert found is not None
    assert left is not None
    assert np.abs(left).max() < 0.4 * np.abs(found).max()


def test_white_balance_leaves_neutral_light_and_coloured_subjects() -> None:
    assert is_left_alone(white_balance, a_photo(), a_scene())
    assert is_left_alone(white_balance, with_gains(a_photo(), 1, 0.4, 0.2), a_scene())
    assert is_left_alone(white_balance, np.zeros((50, 50, 3), np.uint8), a_scene())


def test_white_balance_keeps_blown_highlights_white() -> None:
    pixels = with_gains(a_photo() // 4 * 3, 1.2, 1, 0.8)
    pixels[:40, :40] = 255
    applied = white_balance.apply(a_frame(pixels), a_scene(), white_balance.Options())
    assert applied.changed
    assert (applied.frame.picture().pixels[:40, :40] == 255).all()


@pytest.mark.parametrize(("bend", "sign"), [(lambda tones: tones * 0.35, 1), (lambda tones: 160 + tones * 0.37, -1)])
def test_exposure_moves_towards_the_good_range(bend: Callable[[Any], Any], sign: int) -> None:
    pixels = bend(a_photo().astype(np.float32)).astype(np.uint8)
    frame = a_frame(pixels)
    applied = exposure.apply(frame, a_scene(), exposure.Options())
    assert applied.changed
    assert sign * (luma(applied.frame.sample).mean() - luma(pixels).mean()) > 12


def test_exposure_clips_no_tone() -> None:
    ramp = np.repeat(np.repeat(np.arange(256, dtype=np.uint8)[None, :, None], 3, axis=2), 40, axis=0)
    frame = a_frame(np.vstack((ramp, np.full((80, 256, 3), 30, np.uint8))))
    applied = exposure.apply(frame, a_scene(), exposure.Options())
    result = applied.frame.picture().pixels[0, :, 0].astype(int)
    assert applied.changed
    assert result[0] == 0
    assert result[255] == 255
    assert (result == 255).sum() <= 4
    assert (np.diff(result) >= 0).all()


def test_exposure_leaves_good_light_night_and_studio() -> None:
    assert is_left_alone(exposure, a_photo(), a_scene())
    night = np.zeros((200, 200, 3), np.uint8)
    night[50:120, 50:120] = a_photo(70, 70)
    assert is_left_alone(exposure, night, a_scene())
    studio = np.full((200, 200, 3), 255, np.uint8)
    studio[50:120, 50:120] = a_photo(70, 70)
    assert is_left_alone(exposure, studio, a_scene())


def test_contrast_widens_a_flat_picture() -> None:
    flat = (90 + a_photo() * 0.3).astype(np.uint8)
    applied = contrast.apply(a_frame(flat), a_scene(), contrast.Options())
    result = applied.frame.picture().pixels
    assert applied.changed
    assert luma(result).std() > 1.4 * luma(flat).std()
    assert (result == 0).mean() < 0.01
    assert (result == 255).mean() < 0.01


def test_contrast_never_swaps_two_tones() -> None:
    ramp = np.repeat(np.arange(60, 160, dtype=np.uint8)[None, :, None], 3, axis=2).repeat(50, axis=0)
    applied = contrast.apply(a_frame(ramp), a_scene(), contrast.Options(strength=1, limit=4))
    assert applied.changed
    assert (np.diff(applied.frame.picture().pixels[0, :, 0].astype(int)) >= 0).all()


def test_contrast_leaves_a_good_picture_and_a_plain_surface() -> None:
    assert is_left_alone(contrast, a_photo(), a_scene())
    assert is_left_alone(contrast, np.full((60, 60, 3), 130, np.uint8), a_scene())


def test_saturation_strengthens_faded_and_weakens_garish_colours() -> None:
    for gain, sign in ((0.3, 1), (6.0, -1)):
        pixels = saturation.mixed(a_photo(), gain)
        applied = saturation.apply(a_frame(pixels), a_scene(), saturation.Options())
        change = saturation.colorfulness(applied.frame.picture().pixels) - saturation.colorfulness(pixels)
        assert applied.changed
        assert sign * change > 2


def test_saturation_keeps_brightness() -> None:
    pixels = saturation.mixed(a_photo(), 0.3)
    stronger = saturation.mixed(pixels, 1.3)
    assert np.abs(luma(stronger).astype(int) - luma(pixels)).max() <= 2


def test_saturation_leaves_good_colours_and_black_and_white() -> None:
    good = a_photo()
    assert 20 <= saturation.colorfulness(good) <= 100
    assert is_left_alone(saturation, good, a_scene())
    assert is_left_alone(saturation, np.repeat(luma(good)[..., None], 3, axis=2), a_scene())


@pytest.mark.parametrize("sigma", [6, 12, 25])
def test_denoise_comes_nearer_to_the_clean_picture(sigma: float) -> None:
    clean = np.clip(a_photo(600, 500), 30, 225)
    noisy = np.clip(clean + np.random.default_rng(5).normal(0, sigma, clean.shape), 0, 255).astype(np.uint8)
    applied = denoise.apply(a_frame(noisy), a_scene(), denoise.Options())
    assert applied.changed
    assert psnr(clean, applied.frame.picture().pixels) > psnr(clean, noisy) + 2


def test_denoise_measures_the_noise_that_is_there() -> None:
    clean = np.clip(a_photo(900, 700), 60, 200)
    grain = np.random.default_rng(5).normal(0, 10, clean.shape[:2])[..., None]
    noisy = np.clip(clean + grain, 0, 255).astype(np.uint8)
    assert denoise.noise_of(a_frame(noisy)) == pytest.approx(10, rel=0.2)


def test_denoise_filters_strips_as_it_filters_the_whole() -> None:
    pixels = np.random.default_rng(5).integers(0, 255, (300, 40, 3), np.uint8)
    whole = denoise.denoised(pixels, 10, 0.8)
    assert np.array_equal(whole, denoise.denoised(pixels, 10, 0.8, strip_pixels=1))


def test_denoise_leaves_a_clean_picture() -> None:
    assert is_left_alone(denoise, a_photo(), a_scene())


def test_sharpen_makes_a_soft_edge_steeper() -> None:
    step = np.repeat(np.where(np.arange(100) < 50, 60, 190).astype(np.uint8)[None, :, None], 3, axis=2).repeat(60, 0)
    soft = np.asarray(cv2.GaussianBlur(step, (0, 0), 1.2), dtype=np.uint8)
    applied = sharpen.apply(a_frame(soft), a_scene(sharpness=0.2, noise=1), sharpen.Options())
    sharp = applied.frame.picture().pixels
    steepness = [int(np.diff(pixels[30, :, 0].astype(int)).max()) for pixels in (soft, sharp)]
    assert applied.changed
    assert steepness[1] > steepness[0] + 2
    assert float(sharp.mean()) == pytest.approx(float(soft.mean()), abs=0.5)


def test_sharpen_leaves_sharp_noisy_and_unmeasured_pictures() -> None:
    assert is_left_alone(sharpen, a_photo(), a_scene(sharpness=0.95, noise=1))
    assert is_left_alone(sharpen, a_photo(), a_scene(sharpness=0.2, noise=30))
    assert is_left_alone(sharpen, a_photo(), a_scene())


def test_low_light_follows_the_model_and_keeps_detail() -> None:
    dark = (a_photo() // 6).astype(np.uint8)
    applied = low_light.apply(a_frame(dark), a_scene(models=Brightening()), low_light.Options(strength=1))
    result = applied.frame.picture().pixels
    assert applied.changed
    assert luma(result).mean() > 2 * luma(dark).mean()
    correlation = np.corrcoef(luma(result).ravel(), luma(dark).ravel())[0, 1]
    assert correlation > 0.98


def test_low_light_says_why_it_did_nothing() -> None:
    dark = (a_photo() // 6).astype(np.uint8)
    assert is_left_alone(low_light, a_photo(), a_scene(models=Brightening()))
    assert is_left_alone(low_light, dark, a_scene(models=None))
    applied = low_light.apply(a_frame(dark), a_scene(models=Missing()), low_light.Options())
    assert not applied.changed
    assert "the model lowlight is not here" in applied.detail
