"""What the enhance stage delivers: files, sizes, metadata, outcomes."""

import io
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image, ImageCms

from pipeline.domain.jobs import Outcome
from pipeline.domain.workflows import Guidelines, MetadataPolicy, OutputSpec, Rule, StepChoice
from pipeline.media.encode import fitted, fitted_size
from pipeline.media.image import Picture
from pipeline.stages.enhance import enhance
from pipeline.stages.score import outcome_of, score
from pipeline.stages.validate import decode_proxy
from tests.integration.enhancing import (
    AUTO,
    FORMATS,
    LIMITS,
    WORKFLOWS,
    a_png,
    a_workflow,
    analyzed,
    changed,
    delivered,
    enhanced,
    of_scikit_image,
    pixels_of,
)

EVERYTHING = {
    "camera": "Leica M6",
    "editor": "SecretEditor 3.1",
    "creator": "Ada Lovelace",
    "copyright": "(c) Ada Lovelace",
}
TAGS = {"camera": 0x0110, "editor": 0x0131, "creator": 0x013B, "copyright": 0x8298}
GPS = 0x8825
PLACE = {1: "S", 2: (33.0, 51.0, 24.5), 3: "E", 4: (151.0, 12.0, 55.0), 29: "2020:02:02"}


def a_tagged_jpeg() -> bytes:
    """A photograph that says who, with what, and where."""
    exif = Image.Exif()
    for name, text in EVERYTHING.items():
        exif[TAGS[name]] = text
    exif.get_ifd(GPS).update(PLACE)
    buffer = io.BytesIO()
    Image.fromarray(pixels_of(of_scikit_image("coffee.png"))).save(buffer, "JPEG", quality=95, exif=exif)
    return buffer.getvalue()


@pytest.mark.parametrize("steps", [("orient",), AUTO])
@pytest.mark.parametrize("format_", FORMATS)
def test_creator_and_copyright_stay_and_the_rest_is_gone(format_: str, steps: tuple[str, ...]) -> None:
    original = a_tagged_jpeg()
    assert analyzed(original)[0].has_gps
    result = enhanced(original, a_workflow(*steps, outputs=(OutputSpec("web", format=format_),)))
    data = result.renditions[0].data
    written = Image.open(io.BytesIO(data)).getexif()
    assert (written[TAGS["copyright"]], written[TAGS["creator"]]) == ("(c) Ada Lovelace", "Ada Lovelace")
    assert not written.get_ifd(GPS)
    assert not any(word in data for word in (b"SecretEditor", b"Leica", b"GPS", b"2020:02:02"))


@pytest.mark.parametrize("name", ["meta-privacy__exif_gps.jpg", "polyglot__crafted_jpg_plus_zip.jpg"])
@pytest.mark.parametrize("format_", FORMATS)
def test_nothing_foreign_in_the_corpus_is_delivered(shared: Path, name: str, format_: str) -> None:
    original = (shared / "corpus" / name).read_bytes()
    data = enhanced(original, a_workflow(*AUTO, outputs=(OutputSpec("web", format=format_),))).renditions[0].data
    assert not Image.open(io.BytesIO(data)).getexif().get_ifd(GPS)
    assert not any(mark in data for mark in (b"PK\x03\x04", b"PK\x05\x06", b"1999:99:99", b"LensMake"))


@pytest.mark.parametrize("format_", FORMATS)
def test_a_policy_may_keep_the_place_on_purpose(format_: str) -> None:
    policy = MetadataPolicy(keep=(), gps=True)
    workflow = a_workflow("orient", outputs=(OutputSpec("web", format=format_),), metadata=policy)
    written = Image.open(io.BytesIO(enhanced(a_tagged_jpeg(), workflow).renditions[0].data)).getexif()
    place = written.get_ifd(GPS)
    assert [place[tag] for tag in (1, 2, 3, 4)] == [PLACE[tag] for tag in (1, 2, 3, 4)]
    assert TAGS["creator"] not in written
    assert 29 not in place


def test_several_renditions_come_of_one_picture() -> None:
    outputs = (
        OutputSpec("print", format="tiff"),
        OutputSpec("web", format="jpeg", quality=80, max_width=300),
        OutputSpec("thumb", format="webp", max_width=64, max_height=64),
    )
    result = enhanced(of_scikit_image("chelsea.png"), a_workflow(*AUTO, outputs=outputs))
    sizes = [(rendition.name, rendition.width, rendition.height) for rendition in result.renditions]
    assert sizes == [("print", 451, 300), ("web", 300, 200), ("thumb", 64, 43)]
    for rendition in result.renditions:
        image = Image.open(io.BytesIO(rendition.data))
        assert image.size == (rendition.width, rendition.height)
        assert Image.MIME[image.format or ""] == rendition.media_type
        profile = ImageCms.ImageCmsProfile(io.BytesIO(image.info["icc_profile"]))
        assert "sRGB" in ImageCms.getProfileDescription(profile)
    assert len({rendition.sha256 for rendition in result.renditions}) == 3


def test_the_same_original_gives_the_same_bytes_again() -> None:
    first, second = (enhanced(of_scikit_image("chelsea.png"), WORKFLOWS["auto"]) for _ in range(2))
    assert first == second


def test_threads_do_not_disturb_one_another() -> None:
    names = ["chelsea.png", "motorcycle_left.png"] * 4
    alone = {name: enhanced(of_scikit_image(name), WORKFLOWS["everything"]) for name in set(names)}
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda name: enhanced(of_scikit_image(name), WORKFLOWS["everything"]), names))
    assert together == [alone[name] for name in names]


def test_a_kept_original_gets_its_size_and_its_watermark() -> None:
    data = of_scikit_image("coffee.png")
    steps = (*AUTO, StepChoice("resize", {"max_side": 300}), StepChoice("watermark", {"text": "© Ada"}))
    result = enhanced(data, a_workflow(*steps))
    plain = np.asarray(cv2.resize(pixels_of(data), (300, 200), interpolation=cv2.INTER_AREA))
    assert result.kept_original
    assert changed(result) == ["resize", "watermark"]
    assert delivered(result).shape == (200, 300, 3)
    assert np.array_equal(delivered(result)[:100], plain[:100])
    assert not np.array_equal(delivered(result), plain)


def test_a_crop_that_a_guideline_requires_is_delivered() -> None:
    square = Guidelines(rules=(Rule("shape", "aspect_ratio", 0.98, 1.02, required=True),))
    workflow = a_workflow(StepChoice("crop", {"aspect": "1:1"}), guidelines=square)
    result = enhanced(of_scikit_image("coffee.png"), workflow)
    assert not result.before.passed
    assert result.after.passed
    assert outcome_of(result.after, kept_original=result.kept_original) is Outcome.ENHANCED
    assert (result.renditions[0].width, result.renditions[0].height) == (400, 400)


SMALL = (OutputSpec("web", format="jpeg", max_width=100, max_height=100), OutputSpec("full", format="png"))


@pytest.mark.parametrize("rule", [("long_side", 100), ("width", 100), ("height", 67), ("megapixels", 0.0067)])
@pytest.mark.parametrize("name", ["coffee.png", "chelsea.png"])  # kept as it came; made better
def test_a_rule_on_size_judges_the_file_that_is_delivered(name: str, rule: tuple[str, float]) -> None:
    subject, value = rule
    bounds = Rule("at most", subject, maximum=value, required=True), Rule("at least", subject, minimum=value)
    smaller = Guidelines(rules=(Rule("too small", subject, maximum=0.9 * value, required=True),))
    result = enhanced(of_scikit_image(name), a_workflow(*AUTO, outputs=SMALL, guidelines=Guidelines(rules=bounds)))
    lost = [line.points_lost for line in result.after.criteria if line.origin == "guideline"]
    assert (result.after.passed, lost) == (True, [0, 0])
    assert (result.facts.width, result.facts.height) == (result.renditions[0].width, result.renditions[0].height)
    assert score(result.findings, result.facts, Guidelines(rules=bounds)) == result.after
    assert not enhanced(of_scikit_image(name), a_workflow(*AUTO, outputs=SMALL, guidelines=smaller)).after.passed


def test_a_rule_on_size_sees_what_the_step_resize_leaves() -> None:
    narrow = Guidelines(rules=(Rule("narrow", "width", maximum=300, required=True),))
    workflow = a_workflow(*AUTO, StepChoice("resize", {"max_side": 300}), guidelines=narrow)
    result = enhanced(of_scikit_image("coffee.png"), workflow)
    assert result.before.passed and result.after.passed
    assert (result.facts.width, result.facts.height) == (300, 200)


@pytest.mark.parametrize("name", ["coffee.png", "chelsea.png"])
def test_the_size_of_an_output_changes_no_criterion_that_is_measured(name: str) -> None:
    small, full = (enhanced(of_scikit_image(name), a_workflow(*AUTO, outputs=each)) for each in (SMALL, SMALL[1:]))
    assert (small.before, small.after, small.findings) == (full.before, full.after, full.findings)


def test_a_worse_picture_is_not_delivered_for_being_reduced_by_its_output() -> None:
    small = Guidelines(rules=(Rule("small", "long_side", maximum=100, required=True),))
    data = of_scikit_image("chelsea.png")
    facts, findings = analyzed(data)
    flattering = replace(findings, metrics=findings.metrics | {"contrast": 1.0, "sharpness": 1.0, "color_cast": 0.0})
    workflow = a_workflow("contrast", outputs=SMALL, guidelines=small)
    result = enhance(data, facts, flattering, workflow, limits=LIMITS, models=None)
    assert any(step.detail.startswith("Dropped: the enhanced picture scored") for step in result.steps)
    assert (result.kept_original, result.before.unmet) == (True, ())


@pytest.mark.parametrize("size", [(4000, 3000), (37, 5000), (300, 200), (1, 9000), (640, 480)])
@pytest.mark.parametrize(
    "spec",
    [
        OutputSpec("a"),
        OutputSpec("a", format="webp"),
        OutputSpec("a", max_width=333),
        OutputSpec("a", max_width=640, max_height=479),
    ],
)
def test_the_foretold_size_is_the_fitted_one(size: tuple[int, int], spec: OutputSpec) -> None:
    sized = fitted(Picture(np.zeros((size[1], size[0], 3), np.uint8)), spec)
    assert fitted_size(*size, spec) == (sized.width, sized.height)


def test_a_picture_that_cannot_meet_the_guidelines_is_rejected_but_delivered() -> None:
    large = Guidelines(rules=(Rule("size", "width", minimum=5000, required=True),))
    result = enhanced(of_scikit_image("coffee.png"), a_workflow(*AUTO, guidelines=large))
    assert outcome_of(result.after, kept_original=result.kept_original) is Outcome.REJECTED
    assert result.renditions


def test_transparency_survives_where_the_format_has_it() -> None:
    pixels = pixels_of(of_scikit_image("chelsea.png"))
    alpha = np.zeros(pixels.shape[:2], np.uint8)
    alpha[50:250, 50:400] = 255
    outputs = (OutputSpec("cut-out", format="png"), OutputSpec("web", format="jpeg"))
    result = enhanced(a_png(np.dstack((pixels, alpha))), a_workflow(*AUTO, outputs=outputs))
    cut_out = np.asarray(Image.open(io.BytesIO(result.renditions[0].data)))
    assert cut_out.shape[2] == 4
    assert (cut_out[:40, :, 3] == 0).all()
    assert (pixels_of(result.renditions[1].data)[:40] > 250).all()


@pytest.mark.parametrize("size", [(1, 1), (2, 940), (940, 2), (3, 3)])
@pytest.mark.parametrize("tone", [0, 20, 128, 255])
def test_the_smallest_and_the_thinnest_originals_pass(size: tuple[int, int], tone: int) -> None:
    result = enhanced(a_png(np.full((*size, 3), tone, np.uint8)), WORKFLOWS["everything"])
    assert result.renditions[0].width >= 1
    assert (result.proxy is None) == result.kept_original
    assert result.proxy is None or decode_proxy(result.proxy).size > 0
