"""Weights as they were published become ONNX that computes the same as the given files."""

import importlib.util
from pathlib import Path

import numpy as np
import onnxruntime
import pytest

from pipeline.errors import OperatorError
from pipeline.inference import builtin_catalog
from pipeline.inference.conversion import convert
from pipeline.inference.conversion.ncnn_reader import read_layers
from pipeline.inference.conversion.tfjs_weights import read_weights
from pipeline.inference.weights import State, state_of
from tests.integration.model_files import originals_of

SHAPES = {
    "face_attributes": [(2, 3, 112, 112)],
    "nudity": [(2, 3, 224, 224)],
    "objects": [(1, 3, 416, 416), (1, 3, 320, 416)],
    "superres": [(1, 3, 64, 96)],
}
TFLITE = ("image_tags", "nima_aesthetic", "nima_technical")


def outputs_of(path: Path, batch: np.ndarray) -> list[np.ndarray]:
    settings = onnxruntime.SessionOptions()
    settings.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(path), settings, providers=["CPUExecutionProvider"])
    return list(session.run(None, {session.get_inputs()[0].name: batch}))


@pytest.mark.parametrize("name", SHAPES)
def test_what_is_converted_here_computes_the_same_as_the_given_file(shared: Path, tmp_path: Path, name: str) -> None:
    entry = builtin_catalog().entry(name)
    assert entry.file is not None
    originals_of(entry, shared / "models", tmp_path)
    convert(entry, tmp_path)
    assert state_of(entry, tmp_path) is State.VERIFIED
    random = np.random.default_rng(11)
    for shape in SHAPES[name]:
        batch = random.random(shape, dtype=np.float32) * (255 if name == "face_attributes" else 1)
        ours, theirs = (outputs_of(folder / entry.file.path, batch) for folder in (tmp_path, shared / "models"))
        assert [each.shape for each in ours] == [each.shape for each in theirs]
        assert max(float(np.abs(a - b).max()) for a, b in zip(ours, theirs, strict=True)) < 1e-4


@pytest.mark.parametrize("name", TFLITE)
def test_tensorflow_lite_needs_its_extra_and_then_computes_the_same(shared: Path, tmp_path: Path, name: str) -> None:
    entry = builtin_catalog().entry(name)
    originals_of(entry, shared / "models", tmp_path)
    if importlib.util.find_spec("tf2onnx") and importlib.util.find_spec("tensorflow"):
        convert(entry, tmp_path)
        assert state_of(entry, tmp_path) is State.VERIFIED
    else:
        with pytest.raises(OperatorError, match=r"darkroom\[tflite\]"):
            convert(entry, tmp_path)


def test_pytorch_checkpoints_are_said_to_be_pulled_in_their_onnx_form(tmp_path: Path) -> None:
    with pytest.raises(OperatorError, match="models pull lowlight --from"):
        convert(builtin_catalog().entry("lowlight"), tmp_path)


def test_weights_that_are_not_the_catalogs_leave_no_file(shared: Path, tmp_path: Path) -> None:
    entry = builtin_catalog().entry("superres")
    assert entry.file is not None
    originals_of(entry, shared / "models", tmp_path)
    weights = tmp_path / "superres/waifu2x_upconv7_photo/scale2.0x.bin"
    data = bytearray(weights.read_bytes())
    data[1000] ^= 1
    weights.write_bytes(data)
    with pytest.raises(OperatorError, match="computes something else"):
        convert(entry, tmp_path)
    assert not (tmp_path / entry.file.path).exists()


@pytest.mark.parametrize(("change", "words"), [(slice(None, -8), "end before"), (slice(None), "more than")])
def test_ncnn_weights_of_another_length_are_refused(shared: Path, tmp_path: Path, change: slice, words: str) -> None:
    folder = shared / "models" / "superres" / "waifu2x_upconv7_photo"
    weights = tmp_path / "weights.bin"
    weights.write_bytes((folder / "scale2.0x.bin").read_bytes()[change] + (b"1234" if change.stop is None else b""))
    with pytest.raises(OperatorError, match=words):
        read_layers(folder / "scale2.0x.param", weights)


def test_tensorflow_js_weights_of_another_length_are_refused() -> None:
    manifest = [{"weights": [{"name": "a", "shape": [2], "dtype": "float32"}]}]
    assert read_weights(manifest, bytes(8))["a"].tolist() == [0, 0]
    for length, words in ((7, "end before a"), (12, "4 bytes more")):
        with pytest.raises(OperatorError, match=words):
            read_weights(manifest, bytes(length))


def test_quantised_weights_are_scaled_and_shifted() -> None:
    quantised = {
        "name": "a",
        "shape": [3],
        "dtype": "float32",
        "quantization": {"dtype": "uint8", "scale": 0.5, "min": -1},
    }
    assert read_weights([{"weights": [quantised]}], bytes([0, 2, 255]))["a"].tolist() == [-1, 0, 126.5]
