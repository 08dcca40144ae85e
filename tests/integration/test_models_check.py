"""`darkroom models list, pull, check, bench` as an operator runs them, and what a check notices."""

import json
import shutil
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
import yaml
from onnx import numpy_helper

from pipeline.cli.main import main
from pipeline.inference import OnnxModels, builtin_catalog
from pipeline.inference.benching import bench_here
from pipeline.inference.checking import check, golden_values
from pipeline.inference.golden import golden_text
from pipeline.inference.graphs import graph_digest

NUDITY = "nudity/nsfwjs_mobilenet_v2/nsfwjs_mobilenet_v2.onnx"


class Darkroom:
    def __init__(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self._monkeypatch, self._capsys = monkeypatch, capsys

    def __call__(self, folder: Path, *arguments: str) -> tuple[int, str]:
        self._monkeypatch.setenv("DARKROOM_MODELS", str(folder))
        self._monkeypatch.setattr(sys, "argv", ["darkroom", "models", *arguments])
        code: str | int | None = 0
        try:
            main()
        except SystemExit as ended:
            code = ended.code
        shown = self._capsys.readouterr()
        return int(code or 0), shown.out or shown.err


@pytest.fixture
def darkroom(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path_factory: pytest.TempPathFactory
) -> Darkroom:
    monkeypatch.setenv("DARKROOM_DATA", str(tmp_path_factory.mktemp("data")))
    return Darkroom(monkeypatch, capsys)


@pytest.mark.parametrize("name", [entry.name for entry in builtin_catalog() if entry.network])
def test_every_given_model_computes_its_golden_values(shared: Path, name: str) -> None:
    models = OnnxModels(shared / "models")
    checked = check(models, models.catalog.entry(name))
    assert checked.ok, checked.detail
    assert checked.deviation is not None and checked.deviation < 1


def test_the_golden_values_are_made_as_their_file_says(shared: Path) -> None:
    made = yaml.safe_load(golden_text(shared / "models"))["models"]
    shapes, committed = (
        {(name, output): values["shape"] for name, outputs in models.items() for output, values in outputs.items()}
        for models in (made, golden_values())
    )
    assert shapes == committed


def test_weights_that_changed_a_little_fail_the_check(shared: Path, tmp_path: Path) -> None:
    model = onnx.load(str(shared / "models" / NUDITY))
    weights = next(each for each in model.graph.initializer if each.name == "block_4_expand")
    louder = numpy_helper.from_array(numpy_helper.to_array(weights) * np.float32(1.05), weights.name)
    weights.CopyFrom(louder)
    (tmp_path / NUDITY).parent.mkdir(parents=True)
    onnx.save(model, str(tmp_path / NUDITY))
    entry = builtin_catalog().entry("nudity")
    assert entry.file is not None
    # catalogued as what it is, so that only its numbers can tell
    changed = entry.model_copy(
        update={"file": entry.file.model_copy(update={"graph": graph_digest(tmp_path / NUDITY)})}
    )
    models = OnnxModels(tmp_path)
    models.catalog = type(models.catalog)({"nudity": changed})
    checked = check(models, changed)
    assert checked.ok is False and "deviates" in checked.detail


def test_list_says_what_is_here_and_what_is_not(darkroom: Darkroom, shared: Path, tmp_path: Path) -> None:
    code, out = darkroom(shared / "models", "list", "--json")
    listed = {each["name"]: each for each in json.loads(out)["models"]}
    assert code == 0 and {each["state"] for each in listed.values()} == {"verified"}
    assert listed["face_embedding"]["licence"] == "Apache-2.0" and listed["face_embedding"]["licence_flags"]
    assert listed["objects"]["serves"] and not listed["lowlight_fast"]["serves"] and not listed["brisque"]["network"]
    assert listed["objects"]["sources"][0].startswith("https://raw.githubusercontent.com/yyccR/")
    _, out = darkroom(tmp_path, "list", "--json")
    assert {each["state"] for each in json.loads(out)["models"]} == {"missing"}


def test_list_shows_a_table(darkroom: Darkroom, shared: Path) -> None:
    code, out = darkroom(shared / "models", "list")
    assert code == 0
    assert all(words in out for words in ("face_embedding", "MS-Celeb-1M", "(no network)", "Weights lie in"))


def test_pull_brings_what_serves_and_says_what_came_of_each(darkroom: Darkroom, shared: Path, tmp_path: Path) -> None:
    code, out = darkroom(tmp_path, "pull", "--from", str(shared / "models"), "--json")
    pulled = {each["name"]: each["how"] for each in json.loads(out)["models"]}
    assert code == 0 and set(pulled.values()) == {"onnx"}
    assert set(pulled) == {each.name for each in builtin_catalog() if each.role == "default"}
    code, out = darkroom(tmp_path, "pull", "superres", "objects", "--json")
    assert code == 0 and {each["how"] for each in json.loads(out)["models"]} == {"present"}


def test_pull_goes_on_past_what_fails_and_ends_with_status_one(
    darkroom: Darkroom, shared: Path, tmp_path: Path
) -> None:
    source = tmp_path / "from"
    (source / NUDITY).parent.mkdir(parents=True)
    shutil.copyfile(shared / "models" / NUDITY, source / NUDITY)
    code, out = darkroom(tmp_path / "to", "pull", "lowlight", "nudity", "--from", str(source), "--json")
    first, second = json.loads(out)["models"]
    assert code == 1
    assert first["how"] == "failed" and "iat_lol_v1.onnx" in first["error"]
    assert second["how"] == "onnx" and second["error"] is None


def test_an_unknown_name_is_one_sentence(darkroom: Darkroom, tmp_path: Path) -> None:
    for command in ("pull", "check", "bench"):
        code, out = darkroom(tmp_path, command, "dreams")
        assert code == 1 and out.startswith("There is no model named dreams: known are ")


def test_check_passes_over_what_is_not_here_unless_it_is_named(
    darkroom: Darkroom, shared: Path, tmp_path: Path
) -> None:
    (tmp_path / NUDITY).parent.mkdir(parents=True)
    shutil.copyfile(shared / "models" / NUDITY, tmp_path / NUDITY)
    code, out = darkroom(tmp_path, "check", "--json")
    assert code == 0
    assert [(each["name"], each["ok"]) for each in json.loads(out)] == [("nudity", True)]
    code, out = darkroom(tmp_path, "check", "superres")
    assert code == 1 and "models pull superres" in " ".join(out.split())


def test_bench_says_milliseconds_provider_and_memory(darkroom: Darkroom, shared: Path) -> None:
    code, out = darkroom(shared / "models", "bench", "nudity", "--json")
    (figures,) = json.loads(out)
    assert code == 0
    assert figures["ms"] > 0 and figures["runs"] >= 3 and figures["memory_mb"] > figures["file_mb"] > 10
    assert figures["provider"].endswith("ExecutionProvider") and figures["size"] == [224, 224]


def test_bench_of_what_is_missing_says_how_to_get_it(darkroom: Darkroom, tmp_path: Path) -> None:
    code, out = darkroom(tmp_path, "bench", "nudity", "--json")
    (figures,) = json.loads(out)
    assert code == 1 and "models pull nudity" in figures["error"]
    assert bench_here(tmp_path, "brisque").error is not None
