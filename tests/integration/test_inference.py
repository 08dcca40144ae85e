"""The optional models: real weights on ONNX Runtime, and plain words where they are missing."""

import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from pipeline.errors import CapabilityUnavailable
from pipeline.inference import CATALOG, OnnxModels, sessions
from pipeline.inference.weights import checksum_of
from pipeline.ports import Models


@pytest.fixture
def models(shared: Path) -> OnnxModels:
    return OnnxModels(shared / "models")


def a_batch(*shape: int) -> np.ndarray:
    return np.random.default_rng(7).random(shape, dtype=np.float32)


@pytest.mark.parametrize("name", CATALOG)
def test_every_catalogued_model_is_there_with_the_catalogued_content(models: OnnxModels, name: str) -> None:
    assert models.unavailable(name) is None
    assert CATALOG[name].name == name


@pytest.mark.parametrize("name", CATALOG)
def test_every_original_is_the_one_that_the_models_folder_documents(shared: Path, name: str) -> None:
    entry = CATALOG[name]
    document = (shared / "models" / entry.file.path).parent.joinpath("MODEL.md").read_text()
    assert f"{entry.source.repository}@{entry.source.commit}" in document
    assert all(original.sha256 in document for original in entry.source.original)


def test_nima_gives_shares_that_add_up_to_one(models: OnnxModels) -> None:
    for name in ("nima_technical", "nima_aesthetic"):
        shares = models.run(name, a_batch(2, 224, 224, 3) * 2 - 1)
        assert shares.shape == (2, 10)
        assert shares.dtype == np.float32
        assert np.allclose(shares.sum(axis=1), 1, atol=1e-4)


def test_low_light_brightens_a_dark_picture(models: OnnxModels) -> None:
    dark = a_batch(1, 3, 64, 96) * 0.1
    lit = models.run("lowlight", dark)
    assert lit.shape == dark.shape
    assert lit.mean() > 2 * dark.mean()


def test_super_resolution_doubles_what_is_inside_the_padding(models: OnnxModels) -> None:
    assert models.run("superres", a_batch(1, 3, 34, 54)).shape == (1, 3, 40, 80)


def test_the_adapter_is_the_port(models: OnnxModels) -> None:
    port: Models = models
    assert port.unavailable("superres") is None


def test_without_a_folder_the_reason_names_model_file_and_setting() -> None:
    reason = OnnxModels(None).unavailable("superres")
    assert reason is not None
    assert all(word in reason for word in ("superres", "DARKROOM_MODELS", CATALOG["superres"].file.path))


def test_a_missing_file_is_named_with_its_path(tmp_path: Path) -> None:
    reason = OnnxModels(tmp_path).unavailable("lowlight")
    assert reason is not None
    assert str(tmp_path / "lowlight/iat/iat_lol_v1.onnx") in reason
    assert "DARKROOM_MODELS" in reason


def test_a_file_with_other_content_is_never_loaded(tmp_path: Path) -> None:
    path = tmp_path / CATALOG["superres"].file.path
    path.parent.mkdir(parents=True)
    path.write_bytes(b"not the weights")
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


def test_an_unknown_model_is_refused_with_the_known_ones() -> None:
    with pytest.raises(CapabilityUnavailable, match="nima_technical"):
        OnnxModels(None).unavailable("dreams")


def test_threads_that_start_together_share_one_session(shared: Path, tmp_path: Path) -> None:
    source = shared / "models" / CATALOG["superres"].file.path
    path = tmp_path / CATALOG["superres"].file.path
    path.parent.mkdir(parents=True)
    shutil.copyfile(source, path)
    batch = a_batch(1, 3, 24, 24)
    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(lambda _: OnnxModels(tmp_path).run("superres", batch), range(16)))
    assert all(np.array_equal(results[0], result) for result in results)
    assert sessions.session_of(path) is sessions.session_of(path)


def test_cuda_is_asked_for_only_where_build_and_machine_have_it() -> None:
    both = ["TensorrtExecutionProvider", "CUDAExecutionProvider", "CPUExecutionProvider"]
    assert sessions.providers(both, has_device=True) == ["CUDAExecutionProvider", "CPUExecutionProvider"]
    assert sessions.providers(both, has_device=False) == ["CPUExecutionProvider"]
    assert sessions.providers(["CPUExecutionProvider"], has_device=True) == ["CPUExecutionProvider"]


def test_onnx_runtime_is_imported_only_when_a_model_runs() -> None:
    code = "import sys; import pipeline.inference; sys.exit('onnxruntime' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
