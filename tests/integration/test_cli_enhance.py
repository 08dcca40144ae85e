"""`darkroom enhance` as a photographer runs it, with no instance anywhere."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from pipeline.cli.pictures import write_samples
from pipeline.instance.record import running_instance


def enhance(folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """With a data folder beside the pictures, and batches of two so that there are several."""
    environ = {**os.environ, "DARKROOM_MAX_ITEMS": "2", "DARKROOM_DATA": str(folder.parent / "data")}
    command = [sys.executable, "-m", "pipeline.cli", "enhance", str(folder), "--out", str(folder.parent / "out")]
    return subprocess.run([*command, *options], env=environ, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three good pictures, one in a subfolder, a broken one and a text."""
    folder = tmp_path_factory.mktemp("enhance") / "my pictures"
    (folder / "more").mkdir(parents=True)
    write_samples(folder)
    for name in ("hubble_deep_field.jpg", "motorcycle.jpg", "coffee.png"):
        (folder / name).unlink()
    (folder / "rocket.jpg").rename(folder / "more" / "rocket.jpg")
    (folder / "broken.jpg").write_bytes((folder / "astronaut.jpg").read_bytes()[:4000])
    (folder / "notes.txt").write_text("hello")
    return folder


@pytest.fixture(scope="module")
def result(folder: Path) -> dict[str, Any]:
    done = enhance(folder, "--recursive", "--json")
    assert done.returncode == 0, done.stderr
    shown: dict[str, Any] = json.loads(done.stdout)
    return shown


def test_each_picture_is_saved_under_its_name(result: dict[str, Any], folder: Path) -> None:
    saved = {file["name"]: file["saved"] for file in result["files"]}
    assert saved == {
        "astronaut.jpg": ["astronaut.jpg"],
        "broken.jpg": [],
        "chelsea.tif": ["chelsea.jpg"],
        "more/rocket.jpg": ["more/rocket.jpg"],
    }
    for paths in saved.values():
        for path in paths:
            with Image.open(folder.parent / "out" / path) as picture:
                picture.load()
                assert picture.format == "JPEG"


def test_the_broken_one_is_named_with_its_reason(result: dict[str, Any]) -> None:
    (broken,) = [file for file in result["files"] if file["status"] == "FAILED"]
    assert broken["name"] == "broken.jpg"
    assert broken["error"]["code"] == "corrupt"


def test_what_is_no_picture_is_named(result: dict[str, Any]) -> None:
    assert [each["name"] for each in result["skipped"]] == ["notes.txt"]


def test_every_batch_has_its_report(result: dict[str, Any], folder: Path) -> None:
    assert len(result["batches"]) == 2
    reports = [path for names in result["reports"] for path in names.values()]
    assert sorted(reports) == sorted(f"report-{number}.{kind}" for number in (1, 2) for kind in ("html", "json", "csv"))
    assert all((folder.parent / "out" / path).stat().st_size > 100 for path in reports)


def test_the_originals_are_untouched_and_the_instance_is_stopped(result: dict[str, Any], folder: Path) -> None:
    with Image.open(folder / "astronaut.jpg") as picture:
        assert picture.getexif().get_ifd(0x8825)
    assert running_instance(folder.parent / "data") is None


def test_finished_pictures_never_lie_among_the_originals(folder: Path) -> None:
    done = enhance(folder, "--out", str(folder))
    assert done.returncode == 1
    assert "give --out another folder" in done.stderr
