"""`darkroom up` on wrong input: one line that says what to do, before anything has started."""

import os
import subprocess
import sys
from pathlib import Path

import pytest


def refused(tmp_path: Path, *arguments: str, **environ: str) -> str:
    """What the command says on stderr; it has ended with status 1 and has started nothing."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("DARKROOM_")}
    env |= {"DARKROOM_DATA": str(tmp_path / "data"), **environ}
    command = [sys.executable, "-m", "pipeline.cli", "up", *arguments]
    ended = subprocess.run(command, capture_output=True, text=True, env=env, check=False, timeout=60)
    assert (ended.returncode, ended.stdout) == (1, "")
    assert not (tmp_path / "data" / "postgres").exists()
    assert not (tmp_path / "data" / "up.lock").exists()
    (line,) = ended.stderr.splitlines()
    return line


def test_a_ready_file_in_a_folder_that_is_missing(tmp_path: Path) -> None:
    ready = tmp_path / "nodir" / "x.json"
    assert refused(tmp_path, "--ready-file", str(ready)) == (
        f"The ready file {ready} cannot be written (No such file or directory): make the folder {ready.parent}, "
        "or name a file in another one with --ready-file."
    )


def test_a_ready_file_that_is_a_folder(tmp_path: Path) -> None:
    said = refused(tmp_path, "--ready-file", str(tmp_path))
    assert said == f"The ready file {tmp_path} is a folder: name a file in it with --ready-file."


@pytest.mark.parametrize("name", ["/proc", "/proc/x"])
def test_a_data_folder_that_cannot_be_made_or_written_to(tmp_path: Path, name: str) -> None:
    said = refused(tmp_path, "--data", name)
    assert said.startswith(f"The data folder {name} cannot be used (")
    assert said.endswith("): name one that can be made and written to, with --data or DARKROOM_DATA.")


@pytest.mark.parametrize("name", ["afile", "afile/deeper"])
def test_a_data_folder_that_is_a_file(tmp_path: Path, name: str) -> None:
    (tmp_path / "afile").write_text("mine")
    said = refused(tmp_path, "--data", str(tmp_path / name))
    assert said == (
        f"The data folder {tmp_path / name} cannot be used: it, or a part of its path, is a file. "
        "Name a folder with --data or DARKROOM_DATA."
    )
    assert (tmp_path / "afile").read_text() == "mine"


def test_a_store_of_a_kind_that_is_not_known(tmp_path: Path) -> None:
    assert refused(tmp_path, DARKROOM_STORE_URL="ftp://x") == (
        "DARKROOM_STORE_URL cannot be used ('ftp://x'): give a URL such as file:///var/lib/darkroom/objects, "
        "s3://bucket/prefix, gs://bucket or az://container."
    )


def test_a_stores_folder_that_cannot_be_made(tmp_path: Path) -> None:
    said = refused(tmp_path, DARKROOM_STORE_URL="file:///proc/pictures")
    assert said.startswith("The object store's folder /proc/pictures cannot be used (")
    assert said.endswith("with DARKROOM_STORE_URL.")


def test_a_folder_of_workflows_that_is_missing(tmp_path: Path) -> None:
    missing = tmp_path / "workflows"
    assert refused(tmp_path, DARKROOM_WORKFLOWS=str(missing)) == (
        f"DARKROOM_WORKFLOWS names {missing}, and there is no such folder: make it, name the folder that holds your "
        "workflows, or unset the variable."
    )


def test_a_workflow_with_a_mistake(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text("slug: mine\ncolour: blue\n")
    said = refused(tmp_path, DARKROOM_WORKFLOWS=str(tmp_path))
    assert said.startswith(f"The workflows in {tmp_path} (DARKROOM_WORKFLOWS) cannot be used: mine.yaml")
    assert "colour" in said and "`darkroom workflows check FILE`" in said


def test_webhooks_that_may_take_for_ever(tmp_path: Path) -> None:
    assert refused(tmp_path, DARKROOM_WEBHOOK_TIMEOUT_S="60") == (
        "DARKROOM_WEBHOOK_TIMEOUT_S cannot be used ('60'): give a number of seconds from 1 to 30."
    )
