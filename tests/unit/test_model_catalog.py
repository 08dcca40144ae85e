"""The catalog of models: every entry is whole, every mistake is named, and who serves a task."""

import re
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest
import yaml

from pipeline.errors import CapabilityUnavailable
from pipeline.inference import Catalog, ModelEntry, builtin_catalog
from pipeline.inference.catalog import parse_entry
from pipeline.inference.checking import golden_values
from pipeline.inference.entries import TASKS, Custom, Role
from pipeline.inference.labels import read_labels

OWN = """
name: my_shoes
task: image_tags
role: default
file: {path: my_shoes.onnx}
labels: {file: my_shoes.txt}
input: {tensor: pixels, size: [64, 64], resize: center_crop, short_side: 72, divide_by: 255}
decoder: {kind: classes, activation: softmax}
"""
BUILTIN = tuple(builtin_catalog())


def mistakes_in(text: str) -> list[str]:
    entry, mistakes = parse_entry(text, source="my.yaml")
    assert entry is None
    return mistakes


def with_changes(**changes: Any) -> str:
    return yaml.safe_dump({**yaml.safe_load(OWN), **changes})


def catalog_of(*entries: ModelEntry) -> Catalog:
    return Catalog(MappingProxyType({entry.name: entry for entry in (*BUILTIN, *entries)}))


def an_entry(**changes: Any) -> ModelEntry:
    entry, mistakes = parse_entry(with_changes(**changes), source="my.yaml")
    assert entry is not None, mistakes
    return entry


@pytest.mark.parametrize("entry", BUILTIN, ids=lambda entry: entry.name)
def test_an_entry_of_ours_says_where_the_weights_come_from_and_what_they_are(entry: ModelEntry) -> None:
    assert entry.source is not None and entry.licence.spdx in ("Apache-2.0", "MIT")
    assert entry.accuracy and entry.verdict and entry.title and not entry.own
    if entry.network:
        assert entry.file is not None and entry.file.sha256 and entry.file.graph
        assert entry.outputs and entry.input is not None
        assert entry.conversion.by == "published" or entry.conversion.how


@pytest.mark.parametrize("entry", BUILTIN, ids=lambda entry: entry.name)
def test_every_network_of_ours_has_golden_values_and_nothing_else_has(entry: ModelEntry) -> None:
    assert (entry.name in golden_values()) is entry.network


def test_every_task_has_one_model_of_ours_that_serves_it() -> None:
    assert {task: len(builtin_catalog().serving(task)) for task in TASKS} == dict.fromkeys(TASKS, 1)


def test_cocos_labels_are_its_eighty_in_order() -> None:
    labels = builtin_catalog().entry("objects").labels
    assert labels is not None
    names = read_labels(labels, Path("/nowhere"))
    assert (len(names), names[0], names[79]) == (80, "person", "toothbrush")


def test_an_entry_of_an_operator_needs_no_source_and_no_licence() -> None:
    entry = an_entry()
    assert entry.own and entry.role is Role.DEFAULT and entry.licence.spdx == "own"


def test_every_mistake_of_a_file_is_named_with_its_field() -> None:
    text = with_changes(role="boss", color="red", input={"tensor": "x", "size": [64], "resize": "stretch"})
    found = " | ".join(mistakes_in(text))
    assert all(field in found for field in ("my.yaml: role ", "my.yaml: color ", "input.size", "input.resize"))
    assert "'letterbox'" in found and "is no field of the catalog" in found


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"task": "dreams"}, "known are face_detection"),
        ({"file": {"path": "../../etc/passwd"}}, "below the models folder"),
        ({"file": {"path": "/etc/passwd"}}, "below the models folder"),
        ({"labels": None}, "needs labels"),
        ({"labels": {"names": ["a"], "builtin": "coco"}}, "exactly one of"),
        ({"labels": {"file": "../labels.txt"}}, "below the models folder"),
        ({"decoder": {"kind": "magic"}}, "nanodet"),
        ({"input": None}, "needs file and input"),
        ({"input": {"tensor": "x", "size": [8, 8], "std": [1, 0, 1]}}, "std must not be 0"),
        ({"input": {"tensor": "x", "size": [8, 8], "resize": "center_crop"}}, "short_side"),
        ({"input": {"tensor": "x", "size": [8, 8], "dtype": "uint8", "divide_by": 255}}, "as they are"),
        ({"name": "My Shoes"}, "pattern"),
        ({"threshold": 2}, "threshold"),
    ],
)
def test_a_mistake_says_what_would_be_right(changes: dict[str, Any], words: str) -> None:
    assert words in " | ".join(mistakes_in(with_changes(**changes)))


def test_what_is_no_yaml_is_named_with_its_file() -> None:
    assert mistakes_in("name: [")[0].startswith("my.yaml: this is no YAML")
    assert mistakes_in("- a list")[0].startswith("my.yaml: must be a group of fields")


def test_an_own_default_serves_instead_of_ours() -> None:
    serving = catalog_of(an_entry()).serving("image_tags")
    assert [entry.name for entry in serving] == ["my_shoes"]


def test_an_own_model_beside_ours_serves_with_it() -> None:
    serving = catalog_of(an_entry(role="beside")).serving("image_tags")
    assert [entry.name for entry in serving] == ["my_shoes", "image_tags"]


def test_a_runner_up_serves_only_by_its_name() -> None:
    catalog = catalog_of(an_entry(role="runner_up"))
    assert [entry.name for entry in catalog.serving("image_tags")] == ["image_tags"]
    assert [entry.name for entry in catalog.serving("my_shoes")] == ["my_shoes"]
    assert catalog.serving("nothing") == ()


def test_an_unknown_name_is_refused_with_the_known_ones() -> None:
    with pytest.raises(CapabilityUnavailable, match="nima_technical"):
        builtin_catalog().entry("dreams")


def test_what_a_stage_reads_itself_is_neither_classifier_nor_detector() -> None:
    assert isinstance(builtin_catalog().entry("face_detection").decoder, Custom)


PAGE = (Path(__file__).resolve().parents[2] / "docs" / "models.md").read_text(encoding="utf-8")


def test_the_page_on_models_names_each_with_its_task_and_whether_it_serves() -> None:
    rows = re.findall(r"^\| `(\w+)` \| `(\w+)` \| (yes|by name) \|", PAGE, re.M)
    serving = {entry.name for task in TASKS for entry in builtin_catalog().serving(task)}
    assert {name: (task, serves == "yes") for name, task, serves in rows} == {
        entry.name: (entry.task, entry.name in serving) for entry in BUILTIN
    }


def test_the_entries_that_the_page_shows_are_right() -> None:
    shown = re.findall(r"^```yaml\n(.*?)^```$", PAGE, re.M | re.S)
    assert [parse_entry(text, source="page")[1] for text in shown] == [[], []]
