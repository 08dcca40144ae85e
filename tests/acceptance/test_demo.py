"""The demo, run for real: everything started from nothing, pictures in, finished pictures out, all of it checked."""

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import psutil
import pytest

NAMES = ["astronaut.jpg", "chelsea.tif", "coffee.png", "hubble_deep_field.jpg", "motorcycle.jpg", "rocket.jpg"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("a path with spaces")


@pytest.fixture(scope="module")
def result(folder: Path) -> dict[str, Any]:
    """What the demo says of itself. Another instance's settings in the environment must not matter to it."""
    environ = {**os.environ, "DARKROOM_DATABASE_URL": "postgresql://nobody@127.0.0.1:1/x", "TMPDIR": str(folder)}
    command = [sys.executable, "-m", "pipeline.cli", "demo", "--json", "--out", str(folder / "out")]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    shown: dict[str, Any] = json.loads(done.stdout)
    return shown


def test_every_photograph_is_delivered_and_nothing_is_off(result: dict[str, Any]) -> None:
    assert result["status"] == "COMPLETED"
    assert result["troubles"] == []
    assert [file["name"] for file in result["files"]] == NAMES
    assert {file["status"] for file in result["files"]} <= {"APPROVED", "ENHANCED"}


def test_no_picture_is_worse_than_before(result: dict[str, Any]) -> None:
    assert all(file["score"] >= file["original_score"] for file in result["files"])


def test_the_finished_files_are_those_that_the_api_stated(result: dict[str, Any], folder: Path) -> None:
    for file in result["files"]:
        (saved,) = file["saved"]
        data = (folder / "out" / saved).read_bytes()
        assert hashlib.sha256(data).hexdigest() == file["renditions"][0]["sha256"]


def test_the_report_lies_beside_them(result: dict[str, Any], folder: Path) -> None:
    assert result["batch"] in (folder / "out" / "report.html").read_text(encoding="utf-8")
    assert len(json.loads((folder / "out" / "report.json").read_bytes())["items"]) == len(NAMES)
    assert (folder / "out" / "report.csv").exists()


def test_the_links_lead_to_the_run_and_the_report(result: dict[str, Any]) -> None:
    assert "/runs/" in result["links"]["dagster_run"]
    assert result["links"]["html"].startswith("http://127.0.0.1:")


def test_nothing_is_left_behind(result: dict[str, Any], folder: Path) -> None:
    assert [path.name for path in folder.iterdir()] == ["out"]
    assert not list((folder / "out").rglob(".*"))
    ours = [process.cmdline() for process in psutil.process_iter() if str(folder) in " ".join(_words(process))]
    assert ours == []


def _words(process: psutil.Process) -> list[str]:
    try:
        return [*process.cmdline(), *process.environ().values()]
    except psutil.Error:
        return []
