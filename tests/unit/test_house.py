"""The house itself: what is installed is ours, once, and the files at the root agree with what runs."""

import importlib
import re
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
import yaml

from pipeline.instance.dagster_home import INSTANCE, WORKSPACE
from resources.dagster_storage import KeptPostgresStorage

REPOSITORY = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("name", ["assets", "pipeline", "resources", "sensors"])
def test_the_packages_with_common_names_are_ours(name: str) -> None:
    file = importlib.import_module(name).__file__
    assert file is not None
    assert Path(file).is_relative_to(REPOSITORY)


def test_setup_lists_every_package() -> None:
    roots = ("assets", "pipeline", "resources", "sensors")
    found = {
        ".".join(file.parent.relative_to(REPOSITORY).parts)
        for root in roots
        for file in (REPOSITORY / root).rglob("*.py")
    }
    listed = re.findall(r'^    "([a-z_.]+)",$', (REPOSITORY / "setup.py").read_text().partition("]")[0], re.M)
    assert listed == sorted(found)


def test_every_file_that_the_packages_read_is_shipped() -> None:
    shipped = re.findall(r'"(pipeline[a-z_.]*)": \[(.*?)\]', (REPOSITORY / "setup.py").read_text())
    patterns = [(package.replace(".", "/"), pattern) for package, listed in shipped for pattern in quoted(listed)]
    data = {
        file.relative_to(REPOSITORY).as_posix()
        for file in (REPOSITORY / "pipeline").rglob("*")
        if file.is_file() and file.suffix != ".py" and "__pycache__" not in file.parts
    }
    covered = {
        file.relative_to(REPOSITORY).as_posix()
        for package, pattern in patterns
        for file in (REPOSITORY / package).glob(pattern)
    }
    assert data <= covered


def quoted(text: str) -> list[str]:
    return re.findall(r'"([^"]+)"', text)


def test_one_distribution_alone_provides_each_module_that_several_could() -> None:
    providers = packages_distributions()
    assert {name: providers[name] for name in ("cv2", "onnxruntime")} in (
        {"cv2": ["opencv-python-headless"], "onnxruntime": ["onnxruntime-gpu"]},
        {"cv2": ["opencv-python-headless"], "onnxruntime": ["onnxruntime"]},
    )


def test_the_lock_names_every_hash_and_no_place() -> None:
    lock = (REPOSITORY / "requirements.lock").read_text()
    assert not re.search(r"://|--(index|find|extra)|file:|(^| )/", lock)
    entries = re.split(r"^(?=[a-z])", lock, flags=re.M)[1:]
    assert len(entries) > 100
    assert all("--hash=sha256:" in entry for entry in entries)


def test_dagster_at_the_root_runs_as_under_up_but_for_its_storage() -> None:
    ours = yaml.safe_load((REPOSITORY / "dagster.yaml").read_text())
    generated = yaml.safe_load(INSTANCE.format(run_slots=2, retention_days=14))
    assert generated.pop("storage") == {
        "custom": {
            "module": KeptPostgresStorage.__module__,
            "class": KeptPostgresStorage.__name__,
            "config": {"postgres_url": {"env": "DARKROOM_DAGSTER_DATABASE_URL"}},
        }
    }
    assert ours == generated


def test_both_workspaces_name_the_same_code_location() -> None:
    ours = yaml.safe_load((REPOSITORY / "workspace.yaml").read_text())["load_from"][0]["python_module"]
    generated = yaml.safe_load(WORKSPACE.format(host="127.0.0.1", port=1, location="darkroom"))["load_from"][0]
    assert ours["location_name"] == generated["grpc_server"]["location_name"]


def test_the_demos_photographs_come_with_scikit_image() -> None:
    data = Path(importlib.import_module("skimage.data").__path__[0])
    wanted = (
        "astronaut.png",
        "coffee.png",
        "chelsea.png",
        "rocket.jpg",
        "motorcycle_left.png",
        "hubble_deep_field.jpg",
    )
    assert [name for name in wanted if not (data / name).is_file()] == []
