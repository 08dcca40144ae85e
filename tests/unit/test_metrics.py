"""Each metric on pictures whose truth is known because they were drawn for it."""

import math
import warnings

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from pipeline.domain.media import MediaFacts
from pipeline.domain.quality import METRICS
from pipeline.media.metrics import detail, hashes, lines, subject, tones, views_of
from pipeline.stages.analyze import analyze, find_duplicates
from tests.fakes import NoModels

Pixels = NDArray[np.uint8]


def facts_of(pixels: Pixels, *, jpeg_quality: int | None = None) -> MediaFacts:
    height, width = pixels.shape[:2]
    return MediaFacts("image/png", width, height, bytes=1, sha256="0" * 64, jpeg_quality=jpeg_quality)


def a_scene(*, width: int = 480, height: int = 360, degrees: float = 0.0) -> Pixels:
    """House fronts under a sky, leaning clockwise by so many degrees."""
    scene = np.full((height * 2, width * 2, 3), (150, 180, 210), np.uint8)
    scene[height:] = (120, 115, 100)
    for index, left in enumerate(range(20, width * 2, 90)):
        top = height - 60 - 37 * (index % 4)
        scene[top : height + 150, left : left + 60] = (90 + 20 * (index % 3), 80, 70)
        for row in range(top + 15, height + 130, 40):
            scene[row : row + 18, left + 12 : left + 28] = (230, 225, 200)
    turn = cv2.getRotationMatrix2D((width, height), -degrees, 1)
    turned = cv2.warpAffine(scene, turn, (width * 2, height * 2), borderMode=cv2.BORDER_REFLECT)
    return np.ascontiguousarray(turned[height // 2 : height // 2 + height, width // 2 : width // 2 + width])


def a_flat(tone: int | tuple[int, int, int], *, width: int = 64, height: int = 48) -> Pixels:
    return np.full((height, width, 3), tone, np.uint8)


def noisy(pixels: Pixels, sigma: float) -> Pixels:
    noise = np.random.default_rng(3).normal(0, sigma, pixels.shape[:2])[..., None]
    return np.clip(pixels + noise, 0, 255).round().astype(np.uint8)


def a_packshot(*, background: int = 255, side: int = 100) -> Pixels:
    shot = a_flat(background, width=240, height=200)
    shot[50 : 50 + side, 70 : 70 + side] = (160, 40, 30)
    return shot


@pytest.mark.parametrize(
    "shape", [(1, 1), (2, 940), (940, 2), (1, 300), (16, 16), (17, 40), (48, 48), (768, 96)], ids=str
)
@pytest.mark.parametrize("fill", [0, 128, 255, None])
def test_every_metric_is_finite_and_in_its_range_on_pictures_nobody_would_take(
    shape: tuple[int, int], fill: int | None
) -> None:
    noise = np.random.default_rng(1).integers(0, 256, (*shape, 3)).astype(np.uint8)
    pixels = noise if fill is None else np.full((*shape, 3), fill, np.uint8)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        findings = analyze(pixels, facts_of(pixels), None)
    for name, value in findings.metrics.items():
        assert math.isfinite(value)
        slack = 0.2 if name == "exposure" else 0
        assert METRICS[name].minimum - slack <= value <= METRICS[name].maximum + slack, name
    assert all(math.isfinite(value) for value in findings.histogram.values())


def test_everything_measured_is_in_the_table_and_the_rest_needs_a_model() -> None:
    scene = a_scene()
    measured = set(analyze(scene, facts_of(scene), None).metrics)
    assert set(METRICS) - measured == {"nima_technical", "nima_aesthetic"}
    assert measured <= set(METRICS)


def test_each_blur_takes_sharpness_away() -> None:
    views = [
        views_of(np.asarray(cv2.GaussianBlur(a_scene(), (0, 0), sigma), np.uint8))
        for sigma in (0.3, 0.6, 1, 2, 4, 8, 16)
    ]
    values = [detail.sharpness_of(each, 0.0) for each in views]
    assert values == sorted(values, reverse=True)
    assert values[0] > 0.7 and values[-1] < 0.1


def test_noise_is_not_taken_for_sharpness() -> None:
    soft = np.asarray(cv2.GaussianBlur(a_scene(), (0, 0), 2), dtype=np.uint8)
    clean, grainy = views_of(soft), views_of(noisy(soft, 10))
    sharpness = detail.sharpness_of(clean, detail.noise_of(clean))
    assert detail.sharpness_of(grainy, detail.noise_of(grainy)) == pytest.approx(sharpness, abs=0.08)


@pytest.mark.parametrize("sigma", [2, 5, 10, 20])
def test_noise_is_measured_to_a_tenth(sigma: float) -> None:
    smooth = np.asarray(cv2.GaussianBlur(a_scene(), (0, 0), 6), dtype=np.uint8)
    assert detail.noise_of(views_of(noisy(smooth, sigma))) == pytest.approx(sigma, rel=0.12)


def test_a_clean_picture_has_no_noise() -> None:
    assert detail.noise_of(views_of(a_scene())) < 0.3


def test_a_jpeg_s_grid_is_seen_and_grows_with_compression() -> None:
    smooth = np.asarray(cv2.GaussianBlur(noisy(a_scene(), 8), (0, 0), 1), dtype=np.uint8)

    def blockiness(quality: int) -> float:
        _, data = cv2.imencode(".jpg", smooth, [cv2.IMWRITE_JPEG_QUALITY, quality])
        return detail.blockiness_of(views_of(np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), np.uint8)), 1.0)

    values = [blockiness(quality) for quality in (95, 60, 30, 10)]
    assert values == sorted(values)
    assert values[0] < 0.07 < values[-1]


@pytest.mark.parametrize("degrees", [-9.0, -4.0, -1.0, 0.0, 0.7, 2.0, 6.0, 10.0])
def test_a_house_front_tells_how_far_it_leans(degrees: float) -> None:
    tilt = lines.tilt_of(views_of(a_scene(degrees=degrees)))
    assert tilt.degrees == pytest.approx(degrees, abs=0.4)
    assert tilt.confidence > 0.7


def test_foliage_tells_nothing_of_a_lean() -> None:
    leaves = np.random.default_rng(5).integers(0, 256, (60, 80, 3)).astype(np.uint8)
    pixels = np.asarray(cv2.resize(leaves, (480, 360), interpolation=cv2.INTER_CUBIC), dtype=np.uint8)
    assert lines.tilt_of(views_of(pixels)).confidence < 0.4


def test_exposure_counts_stops_from_middle_grey() -> None:
    middle = tones.shares_of(views_of(a_flat(118)).thumb_gray)
    brighter = tones.shares_of(views_of(a_flat(round(118 * 2 ** (1 / 2.2)))).thumb_gray)
    assert tones.exposure_of(middle) == pytest.approx(0, abs=0.01)
    assert tones.exposure_of(brighter) == pytest.approx(1, abs=0.02)


def test_a_blown_sky_stays_blown_when_the_picture_is_darkened() -> None:
    scene = a_scene()
    scene[:60] = 255
    darker = np.asarray(cv2.convertScaleAbs(scene, alpha=0.7), dtype=np.uint8)
    clipped = [analyze(each, facts_of(each), None).metrics["clipped_highlights"] for each in (scene, darker)]
    assert clipped[0] == pytest.approx(60 / 360, abs=0.02)
    assert clipped[1] == pytest.approx(clipped[0], abs=0.03)


def test_the_white_of_a_packshot_is_not_blown_out() -> None:
    shot = a_packshot()
    metrics = analyze(shot, facts_of(shot), None).metrics
    assert metrics["clipped_highlights"] < 0.01
    assert metrics["background_white"] == 1
    assert metrics["exposure"] < 0


@pytest.mark.parametrize("gains", [(1.2, 1, 0.8), (0.85, 1, 1.15), (0.9, 1.1, 0.9)])
def test_a_coloured_light_is_a_cast_and_does_not_count_as_saturation(gains: tuple[float, float, float]) -> None:
    scene = np.asarray(a_scene() * 0.8, dtype=np.uint8)
    cast = np.clip(scene * np.array(gains), 0, 255).astype(np.uint8)
    plain, coloured = (analyze(each, facts_of(each), None).metrics for each in (scene, cast))
    assert coloured["color_cast"] > plain["color_cast"] + 0.05
    assert coloured["saturation"] == pytest.approx(plain["saturation"], abs=0.06)


def test_light_is_told_per_channel_and_dividing_by_it_is_neutral() -> None:
    histogram = analyze(a_flat((180, 150, 120)), facts_of(a_flat(0)), None).histogram
    neutral = [
        tone / math.exp(histogram[f"light_{name}"]) for tone, name in zip((180, 150, 120), tones.CHANNELS, strict=True)
    ]
    assert max(neutral) - min(neutral) < 12


def test_histogram_facts_are_percentiles_and_means() -> None:
    ramp = np.repeat(np.tile(np.arange(256, dtype=np.uint8), (64, 1))[..., None], 3, axis=2)
    histogram = analyze(ramp, facts_of(ramp), None).histogram
    assert histogram["luma_p01"] == pytest.approx(2, abs=1)
    assert histogram["luma_p50"] == pytest.approx(127, abs=1)
    assert histogram["luma_p99"] == pytest.approx(253, abs=1)
    assert histogram["green_mean"] == pytest.approx(127.5, abs=0.1)


def test_the_subject_of_a_packshot_is_boxed_and_fills_its_share() -> None:
    views = views_of(a_packshot(side=100))
    placement = subject.placement_of(views, subject.background_of(views))
    assert placement.box is not None
    box = placement.box
    assert (box.x * 240, box.y * 200) == pytest.approx((70, 50), abs=3)
    assert placement.fill == pytest.approx(0.5, abs=0.03)


def test_a_subject_at_the_edge_is_less_well_placed_than_one_in_the_middle() -> None:
    def placed(left: int) -> float:
        scene = noisy(a_flat(120, width=300, height=200), 4)
        scene[70:130, left : left + 50] = (230, 60, 40)
        views = views_of(scene)
        return subject.placement_of(views, subject.background_of(views)).composition

    assert placed(125) > placed(60) > placed(2)


def test_dominant_colours_come_largest_first_with_their_shares() -> None:
    flag = np.concatenate([a_flat((200, 20, 20), height=60), a_flat((20, 20, 200), height=30)])
    first, second = hashes.dominant_colors_of(views_of(flag))[:2]
    assert (first.hex, second.hex) == ("#c81414", "#1414c8")
    assert (first.share, second.share) == pytest.approx((2 / 3, 1 / 3), abs=0.03)


def test_a_smaller_darker_copy_is_a_duplicate_and_the_earliest_is_named() -> None:
    scene, other = a_scene(), np.ascontiguousarray(a_scene(degrees=8)[:, ::-1])
    copy = np.asarray(cv2.resize(scene, (200, 150), interpolation=cv2.INTER_AREA) * 0.9, dtype=np.uint8)
    pictures = {7: copy, 2: scene, 5: other, 9: scene}
    found = [(position, hashes.perceptual_hash_of(views_of(pixels))) for position, pixels in pictures.items()]
    assert find_duplicates(found) == {7: 2, 9: 2}


def test_flat_pictures_are_duplicates_of_nothing() -> None:
    found = [(position, hashes.perceptual_hash_of(views_of(a_flat(tone)))) for position, tone in enumerate((0, 9, 255))]
    assert {value for _, value in found} == {hashes.FLAT_HASH}
    assert find_duplicates(found) == {}


def test_no_pictures_have_no_duplicates() -> None:
    assert find_duplicates([]) == {}


def test_the_jpeg_quality_of_the_file_bounds_its_compression() -> None:
    scene = a_scene()
    assert analyze(scene, facts_of(scene, jpeg_quality=5), None).metrics["compression"] == 5


class OneModel(NoModels):
    """Knows the technical model alone, and is of the opinion that every picture deserves a seven."""

    def __init__(self) -> None:
        self.seen: list[NDArray[np.float32]] = []

    def unavailable(self, name: str) -> str | None:
        return None if name == "nima_technical" else f"{name} is not here: run the pull"

    def run(self, name: str, batch: NDArray[np.float32]) -> dict[str, NDArray[np.float32]]:
        self.seen.append(batch)
        return {"probs": np.eye(10, dtype=np.float32)[6:7]}


def test_a_model_that_is_there_is_asked_and_one_that_is_not_is_named_with_its_reason() -> None:
    models, scene = OneModel(), a_scene()
    findings = analyze(scene, facts_of(scene), models)
    assert findings.metrics["nima_technical"] == 7
    assert findings.unavailable == {"nima_aesthetic": "nima_aesthetic is not here: run the pull"}
    (batch,) = models.seen
    assert batch.shape == (1, 224, 224, 3) and batch.dtype == np.float32
    assert batch.min() >= -1 and batch.max() <= 1


def test_analysis_leaves_the_pixels_alone() -> None:
    scene = a_scene()
    before = scene.copy()
    analyze(scene, facts_of(scene), None)
    assert np.array_equal(scene, before)
