"""The optional models: real weights on ONNX Runtime, and plain words where they are missing."""

import shutil
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from pipeline.domain.analysis import Detection
from pipeline.errors import CapabilityUnavailable, OperatorError
from pipeline.inference import ModelEntry, OnnxModels, builtin_catalog
from pipeline.inference.weights import State, checksum_of, default_folder, state_of
from pipeline.ports import Models

SUPERRES = "superres/waifu2x_upconv7_photo/upconv7_photo_scale2.0x.onnx"
ENTRIES = tuple(builtin_catalog())


@pytest.fixture
def models(shared: Path) -> OnnxModels:
    return OnnxModels(shared / "models")


def a_batch(*shape: int) -> np.ndarray:
    return np.random.default_rng(7).random(shape, dtype=np.float32)


def a_photograph(shared: Path, name: str) -> np.ndarray:
    pixels = cv2.cvtColor(cv2.imread(str(shared / "media" / "photos" / name)), cv2.COLOR_BGR2RGB)
    scale = 960 / max(pixels.shape)
    return np.asarray(cv2.resize(pixels, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), np.uint8)


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.name)
def test_every_catalogued_model_is_there_with_the_catalogued_content(shared: Path, entry: ModelEntry) -> None:
    assert state_of(entry, shared / "models") is State.VERIFIED


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.name)
def test_source_and_checksums_are_those_that_the_models_folder_documents(shared: Path, entry: ModelEntry) -> None:
    document = (shared / "models" / entry.folder / "MODEL.md").read_text()
    assert entry.source is not None
    assert f"{entry.source.repository}@{entry.source.commit}" in document
    assert all(original.sha256 in document for original in entry.source.files)
    if entry.file is not None:
        assert str(entry.file.sha256) in document


@pytest.mark.parametrize(
    ("photograph", "label"),
    [("coral_cat_1080p.jpg", "cat"), ("coral_parrot.jpg", "bird"), ("immich_portrait.jpg", "person")],
)
@pytest.mark.parametrize("name", ["objects", "objects_fast"])
def test_both_detectors_see_what_is_there_first(
    shared: Path, models: OnnxModels, name: str, photograph: str, label: str
) -> None:
    detections = models.detect(name, a_photograph(shared, photograph))
    assert detections[0].label == label and detections[0].probability > 0.6
    assert detections == tuple(sorted(detections, key=lambda each: -each.probability))


def test_two_detectors_that_share_no_code_find_the_same_boxes(shared: Path, models: OnnxModels) -> None:
    for photograph in ("coral_cat_1080p.jpg", "coral_parrot.jpg", "immich_portrait.jpg"):
        pixels = a_photograph(shared, photograph)
        first, second = (models.detect(name, pixels)[0] for name in ("objects", "objects_fast"))
        assert overlap(first, second) > 0.75


def overlap(first: Detection, second: Detection) -> float:
    one, other = first.box, second.box
    width = min(one.x + one.width, other.x + other.width) - max(one.x, other.x)
    height = min(one.y + one.height, other.y + other.height) - max(one.y, other.y)
    common = max(0.0, width) * max(0.0, height)
    return common / (one.width * one.height + other.width * other.height - common)


@pytest.mark.parametrize(
    ("photograph", "label"), [("coral_cat_1080p.jpg", "Egyptian cat"), ("coral_parrot.jpg", "macaw")]
)
def test_the_tagger_names_what_is_there(shared: Path, models: OnnxModels, photograph: str, label: str) -> None:
    labels = models.classify("image_tags", a_photograph(shared, photograph))
    assert labels[0].name.startswith(label) and labels[0].probability > 0.8


def test_a_harmless_picture_is_neutral_and_the_five_shares_add_up(shared: Path, models: OnnxModels) -> None:
    labels = models.classify("nudity", a_photograph(shared, "coral_parrot.jpg"))
    assert labels[0].name == "Neutral"
    assert sum(each.probability for each in labels) == pytest.approx(1, abs=1e-4)


def test_nima_gives_shares_that_add_up_to_one(models: OnnxModels) -> None:
    for name in ("nima_technical", "nima_aesthetic"):
        shares = models.run(name, a_batch(2, 224, 224, 3) * 2 - 1)["probs"]
        assert shares.shape == (2, 10)
        assert shares.dtype == np.float32
        assert np.allclose(shares.sum(axis=1), 1, atol=1e-4)


def test_low_light_brightens_a_dark_picture(models: OnnxModels) -> None:
    dark = a_batch(1, 3, 64, 96) * 0.1
    lit = models.run("lowlight", dark)["output"]
    assert lit.shape == dark.shape
    assert lit.mean() > 2 * dark.mean()


def test_super_resolution_doubles_what_is_inside_the_padding(models: OnnxModels) -> None:
    assert models.run("superres", a_batch(1, 3, 34, 54))["output"].shape == (1, 3, 40, 80)


def test_the_adapter_is_the_port(models: OnnxModels) -> None:
    port: Models = models
    assert port.unavailable("superres") is None
    assert port.serving("objects") == ("objects",)


def test_a_missing_file_is_named_with_the_command_that_brings_it_and_no_path_of_this_machine(tmp_path: Path) -> None:
    reason = OnnxModels(tmp_path).unavailable("lowlight")
    assert reason is not None
    assert "lowlight/iat/iat_lol_v1.onnx" in reason
    assert str(tmp_path) not in reason
    assert "`darkroom models pull lowlight`" in reason and "DARKROOM_MODELS" in reason


def test_without_a_setting_models_lie_in_the_users_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert default_folder() == tmp_path / "darkroom" / "models"
    assert OnnxModels(None).folder == tmp_path / "darkroom" / "models"


def test_missing_labels_make_a_model_unavailable_too(shared: Path, tmp_path: Path) -> None:
    path = "tags/mobilenet_v2_imagenet_int8/mobilenet_v2_dequant_fp32.onnx"
    (tmp_path / path).parent.mkdir(parents=True)
    shutil.copyfile(shared / "models" / path, tmp_path / path)
    assert "imagenet_labels.txt" in str(OnnxModels(tmp_path).unavailable("image_tags"))


def test_a_file_with_other_content_is_never_loaded(tmp_path: Path) -> None:
    (tmp_path / SUPERRES).parent.mkdir(parents=True)
    (tmp_path / SUPERRES).write_bytes(b"not the weights")
    models = OnnxModels(tmp_path)
    assert "sha256" in str(models.unavailable("superres"))
    with pytest.raises(CapabilityUnavailable, match="sha256"):
        models.run("superres", a_batch(1, 3, 20, 20))


def test_a_replaced_file_is_read_again(tmp_path: Path) -> None:
    path = tmp_path / "weights.onnx"
    path.write_bytes(b"one")
    before = checksum_of(path)
    path.write_bytes(b"another")
    assert checksum_of(path) != before


@pytest.mark.parametrize("ask", ["classify", "detect"])
def test_what_a_model_is_not_made_for_is_said(models: OnnxModels, ask: str) -> None:
    with pytest.raises(CapabilityUnavailable, match=r"lowlight is no (classifier|detector)"):
        getattr(models, ask)("lowlight", np.zeros((32, 32, 3), np.uint8))


def test_parameters_of_no_network_cannot_be_run(models: OnnxModels) -> None:
    with pytest.raises(CapabilityUnavailable, match="no network"):
        models.run("brisque", a_batch(1, 3, 8, 8))


def test_mistakes_in_an_operators_catalog_are_told_all_at_once(tmp_path: Path) -> None:
    (tmp_path / "catalog").mkdir()
    (tmp_path / "catalog" / "a.yaml").write_text("name: a\ntask: dreams\n")
    (tmp_path / "catalog" / "b.yaml").write_text("[]")
    with pytest.raises(OperatorError) as told:
        OnnxModels(tmp_path).serving("objects")
    assert "a.yaml: role is missing" in told.value.message and "b.yaml: must be a group" in told.value.message


def test_onnx_runtime_is_imported_only_when_a_model_runs() -> None:
    code = (
        "import sys; import pipeline.inference; sys.exit(any(each in sys.modules for each in ('onnxruntime', 'onnx')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
