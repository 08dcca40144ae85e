"""The score on real photographs: good ones score well, and whatever is done to them lowers it."""

import itertools
import math
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import simplejpeg
from numpy.typing import NDArray

from pipeline.domain.media import Findings, MediaFacts, MediaLimits
from pipeline.domain.quality import QualityScore
from pipeline.domain.workflows import Guidelines
from pipeline.media.image import decode
from pipeline.ports import Models
from pipeline.stages.analyze import analyze
from pipeline.stages.score import score
from pipeline.stages.validate import decode_proxy, validate

Pixels = NDArray[np.uint8]
FULL_SIDE = 2048
LIMITS = MediaLimits(max_bytes=64 * 1024 * 1024)
ALLOWED = 0.05


def _blurred(pixels: Pixels, sigma: float) -> Pixels:
    return np.asarray(cv2.GaussianBlur(pixels, (0, 0), sigma), dtype=np.uint8)


def _noisy(pixels: Pixels, sigma: float) -> Pixels:
    noise = np.random.default_rng(7).normal(0, sigma, pixels.shape)
    return np.clip(pixels + noise, 0, 255).round().astype(np.uint8)


def _exposed(pixels: Pixels, stops: float) -> Pixels:
    light = (np.arange(256) / 255) ** 2.2 * 2**stops
    tones = (np.clip(light, 0, 1) ** (1 / 2.2) * 255).round().astype(np.uint8)
    return np.asarray(cv2.LUT(pixels, tones), dtype=np.uint8)


def _warmed(pixels: Pixels, share: float) -> Pixels:
    gains = np.array([1 + share, 1, 1 - share])
    return np.asarray(np.clip(pixels * gains, 0, 255).round(), dtype=np.uint8)


def _tilted(pixels: Pixels, degrees: float) -> Pixels:
    """Turned clockwise and cut to the largest rectangle of the same shape without empty corners."""
    height, width = pixels.shape[:2]
    turn = cv2.getRotationMatrix2D((width / 2 - 0.5, height / 2 - 0.5), -degrees, 1)
    turned = cv2.warpAffine(pixels, turn, (width, height), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT)
    cos, sin = abs(math.cos(math.radians(degrees))), abs(math.sin(math.radians(degrees)))
    scale = min(width / (width * cos + height * sin), height / (width * sin + height * cos))
    inner = int(width * scale) - 2, int(height * scale) - 2
    left, top = (width - inner[0]) // 2, (height - inner[1]) // 2
    return np.ascontiguousarray(turned[top : top + inner[1], left : left + inner[0]], dtype=np.uint8)


def _same(pixels: Pixels, quality: float) -> Pixels:
    return pixels


DISTORTIONS: dict[str, tuple[Callable[[Pixels, float], Pixels], tuple[float, ...]]] = {
    "blur": (_blurred, (1, 2, 3.5, 6, 10)),  # sigma in pixels of the full picture
    "noise": (_noisy, (12, 19, 28, 38, 50)),  # sigma in levels of each channel of the full picture
    "jpeg": (_same, (75, 50, 30, 18, 9)),  # quality
    "darkening": (_exposed, (-0.8, -1.4, -2.1, -2.8, -3.6)),  # stops
    "over-exposure": (_exposed, (1.3, 1.8, 2.2, 2.6, 3.0)),  # stops
    "cast": (_warmed, (0.08, 0.16, 0.25, 0.35, 0.45)),  # more red and less blue, as under a lamp
    "tilt": (_tilted, (1.5, 3, 5, 7, 9)),  # degrees, further to the side that the picture leans to
}


@dataclass(frozen=True)
class Judged:
    """One version of a photograph, judged with the models and without."""

    findings: Findings
    with_models: QualityScore
    without: QualityScore


@dataclass(frozen=True)
class Series:
    """A photograph, untouched and under each distortion in rising strength."""

    name: str
    untouched: Judged
    distorted: dict[str, list[Judged]]

    def violations(self, distortion: str, *, with_models: bool) -> int:
        versions = [self.untouched, *self.distorted[distortion]]
        scores = [(each.with_models if with_models else each.without).score for each in versions]
        return sum(after >= before for before, after in itertools.pairwise(scores))

    @property
    def shows_its_lean(self) -> bool:
        return self.untouched.findings.tilt_confidence >= 0.65


def _without_models(findings: Findings) -> Findings:
    metrics = {name: value for name, value in findings.metrics.items() if not name.startswith("nima")}
    return replace(findings, metrics=metrics)


def _judged(pixels: Pixels, models: Models | None, quality: float = 98) -> Judged:
    data = simplejpeg.encode_jpeg(np.ascontiguousarray(pixels), quality=int(quality))
    validated = validate(data, LIMITS, sha256="0" * 64)
    findings = analyze(decode_proxy(validated.proxy), validated.facts, models)
    return Judged(
        findings=findings,
        with_models=score(findings, validated.facts, Guidelines()),
        without=score(_without_models(findings), validated.facts, Guidelines()),
    )


def _full_picture(path: Path) -> Pixels:
    pixels = decode(path.read_bytes(), LIMITS).picture.flattened()
    height, width = pixels.shape[:2]
    scale = min(1.0, FULL_SIDE / max(width, height))
    size = max(1, round(width * scale)), max(1, round(height * scale))
    return np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)


def _series(path: Path, models: Models | None) -> Series:
    pixels = _full_picture(path)
    untouched = _judged(pixels, models)
    side = -1 if untouched.findings.tilt_degrees < 0 else 1
    distorted = {}
    for name, (distort, strengths) in DISTORTIONS.items():
        signed = [side * strength for strength in strengths] if name == "tilt" else strengths
        quality = [strength if name == "jpeg" else 98 for strength in strengths]
        distorted[name] = [
            _judged(distort(pixels, strength), models, each) for strength, each in zip(signed, quality, strict=True)
        ]
    return Series(path.name, untouched, distorted)


@pytest.fixture(scope="module")
def models(shared: Path) -> Models | None:
    from pipeline.inference.registry import OnnxModels

    found = OnnxModels(shared / "models")
    return None if found.unavailable("nima_technical") else found


@pytest.fixture(scope="module")
def photographs(shared: Path, models: Models | None) -> list[Series]:
    paths = sorted(path for path in (shared / "media" / "photos").iterdir() if path.suffix.lower() == ".jpg")
    assert len(paths) >= 10
    with ThreadPoolExecutor(max_workers=2) as pool:
        return list(pool.map(lambda path: _series(path, models), paths))


@pytest.mark.parametrize("with_models", [False, True], ids=["without models", "with models"])
@pytest.mark.parametrize("distortion", [name for name in DISTORTIONS if name != "tilt"])
def test_each_step_of_a_distortion_lowers_the_score(
    photographs: list[Series], distortion: str, with_models: bool
) -> None:
    violations = {each.name: each.violations(distortion, with_models=with_models) for each in photographs}
    assert sum(violations.values()) <= ALLOWED * 5 * len(photographs), violations


@pytest.mark.parametrize("with_models", [False, True], ids=["without models", "with models"])
def test_each_degree_of_tilt_lowers_the_score_where_a_picture_shows_its_lean(
    photographs: list[Series], with_models: bool
) -> None:
    showing = [each for each in photographs if each.shows_its_lean]
    assert len(showing) >= 8
    violations = {each.name: each.violations("tilt", with_models=with_models) for each in showing}
    assert sum(violations.values()) <= ALLOWED * 5 * len(showing), violations


def test_all_distortions_together_lower_the_score_in_nineteen_of_twenty_steps(photographs: list[Series]) -> None:
    violations = [each.violations(name, with_models=False) for each in photographs for name in DISTORTIONS]
    assert sum(violations) <= ALLOWED * 5 * len(violations)


def test_good_photographs_score_between_70_and_95(photographs: list[Series]) -> None:
    scores = {each.name: each.untouched.without.score for each in photographs}
    assert sum(70 <= value <= 95 for value in scores.values()) >= 0.75 * len(scores), scores
    assert all(60 <= value <= 95 for value in scores.values()), scores


def test_the_worst_of_each_distortion_costs_what_the_eye_sees(photographs: list[Series]) -> None:
    for distortion in ("blur", "noise", "darkening"):
        for each in photographs:
            drop = each.untouched.without.score - each.distorted[distortion][-1].without.score
            assert drop > 12, (each.name, distortion)


def test_points_of_every_version_add_up_to_a_hundred(photographs: list[Series]) -> None:
    for each in photographs:
        for judged in [each.untouched, *(version for versions in each.distorted.values() for version in versions)]:
            for result in (judged.with_models, judged.without):
                lost = sum(round(criterion.points_lost * 10) for criterion in result.criteria)
                assert round(result.score * 10) + lost == 1000


def test_two_views_of_one_scene_are_no_duplicates_and_a_smaller_copy_is_one(shared: Path) -> None:
    from pipeline.stages.analyze import find_duplicates

    views = [_full_picture(shared / "media" / "photos" / f"sceaux_100_710{number}.JPG") for number in (0, 1, 2)]
    copy = np.asarray(cv2.resize(views[1], None, fx=0.4, fy=0.4, interpolation=cv2.INTER_AREA), dtype=np.uint8)
    versions = zip([*views, copy], (98, 98, 98, 60), strict=True)
    findings = [_judged(pixels, None, quality).findings for pixels, quality in versions]
    hashes = [(position, found.perceptual_hash) for position, found in enumerate(findings)]
    assert find_duplicates(hashes) == {3: 1}


def test_facts_of_a_large_picture_are_its_own_and_not_the_proxys(shared: Path) -> None:
    path = shared / "media" / "photos" / "monstree_IMG_1025.JPG"
    validated = validate(path.read_bytes(), LIMITS, sha256="0" * 64)
    facts: MediaFacts = validated.facts
    findings = analyze(decode_proxy(validated.proxy), facts, None)
    assert findings.metrics["resolution"] == pytest.approx(12.19, abs=0.01)
