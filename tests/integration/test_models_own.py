"""A model of an operator's own: an ONNX file, a label file and a catalog entry, and no code."""

from pathlib import Path

import numpy as np
import pytest

from pipeline.errors import CapabilityUnavailable
from pipeline.inference import OnnxModels
from pipeline.inference.checking import check
from pipeline.inference.weights import checksum_of
from tests.integration.model_files import save_color_classifier, save_corner_detector

CLASSIFIER = """
name: house_colors
task: image_tags
role: default
file: {path: own/colors.onnx}
labels: {file: own/colors.txt}
input: {tensor: pixels, size: [8, 8], resize: center_crop, short_side: 10, divide_by: 255}
decoder: {kind: classes, activation: softmax}
"""
DETECTOR = """
name: corners
task: objects
role: beside
file: {path: own/corners.onnx}
labels: {names: [edge, corner]}
input: {tensor: pixels, size: [64, 64], resize: letterbox}
decoder: {kind: boxes}
threshold: 0.5
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    save_color_classifier(tmp_path / "own" / "colors.onnx")
    (tmp_path / "own" / "colors.txt").write_text("red\ngreen\nblue\n")
    save_corner_detector(tmp_path / "own" / "corners.onnx")
    (tmp_path / "catalog").mkdir()
    (tmp_path / "catalog" / "house_colors.yaml").write_text(CLASSIFIER)
    (tmp_path / "catalog" / "corners.yaml").write_text(DETECTOR)
    return tmp_path


def a_picture(*color: int, height: int = 60, width: int = 120) -> np.ndarray:
    return np.full((height, width, 3), color, np.uint8)


def test_an_own_classifier_serves_instead_of_ours_and_names_its_labels(folder: Path) -> None:
    models = OnnxModels(folder)
    assert models.serving("image_tags") == ("house_colors",)
    labels = models.classify("house_colors", a_picture(20, 230, 30))
    assert [each.name for each in labels] == ["green", "blue", "red"]
    assert labels[0].probability > 0.99


def test_an_own_detector_serves_beside_ours_and_its_boxes_are_fractions_of_the_picture(folder: Path) -> None:
    models = OnnxModels(folder)
    assert models.serving("objects") == ("corners", "objects")
    (only,) = models.detect("corners", a_picture(9, 9, 9))
    assert (only.label, round(only.probability, 2)) == ("corner", 0.9)
    # 120 x 60 stands in 64 x 64 with 16 empty rows above: the box's rows 0..32 are the picture's first half
    assert [only.box.x, only.box.y, only.box.width, only.box.height] == pytest.approx([0, 0, 0.5, 0.5])


def test_an_own_entry_with_a_name_of_ours_takes_its_place(folder: Path) -> None:
    (folder / "catalog" / "corners.yaml").write_text(DETECTOR.replace("name: corners", "name: objects"))
    (only,) = OnnxModels(folder).detect("objects", a_picture(9, 9, 9))
    assert only.label == "corner"


def test_an_own_model_whose_sha256_is_named_is_verified(folder: Path) -> None:
    path, entry = folder / "own" / "corners.onnx", folder / "catalog" / "corners.yaml"
    for sha256, usable in ((checksum_of(path), True), ("0" * 64, False)):
        entry.write_text(DETECTOR.replace("corners.onnx}", f"corners.onnx, sha256: {sha256!r}}}"))
        assert (OnnxModels(folder).unavailable("corners") is None) is usable


def test_a_label_file_of_another_length_is_named_as_the_mistake(folder: Path) -> None:
    (folder / "own" / "colors.txt").write_text("red\ngreen\n")
    with pytest.raises(CapabilityUnavailable, match="3 numbers for 2 labels"):
        OnnxModels(folder).classify("house_colors", a_picture(1, 2, 3))


def test_a_missing_own_file_is_to_be_put_there_not_pulled(folder: Path) -> None:
    (folder / "own" / "corners.onnx").unlink()
    reason = str(OnnxModels(folder).unavailable("corners"))
    assert "put it there" in reason and "models pull" not in reason


def test_a_file_that_is_no_model_is_a_finding_of_the_check(folder: Path) -> None:
    models = OnnxModels(folder)
    assert check(models, models.catalog.entry("corners")).ok is None
    (folder / "own" / "corners.onnx").write_bytes(b"no model")
    checked = check(models, models.catalog.entry("corners"))
    assert checked.ok is False and checked.detail.startswith("it does not run")
