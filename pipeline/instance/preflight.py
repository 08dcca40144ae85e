"""What an operator can get wrong is found before anything starts, each fault in one line that says what to do."""

import tempfile
from pathlib import Path
from urllib.parse import unquote, urlsplit

from pipeline.errors import InvalidWorkflow, OperatorError
from pipeline.settings import Settings


def check_before_start(settings: Settings, ready_file: Path | None) -> None:
    """The folders are there and can be written to, and the workflows are right; else raises `OperatorError`.

    Schemes and numbers have been looked at where the settings were read.
    """
    _check_workflows(settings.workflows)
    make_data_folder(settings.data)
    store = urlsplit(settings.store_url)
    if store.scheme == "file":
        _make_folder(Path(unquote(store.path)), "The object store's folder", "with DARKROOM_STORE_URL")
    if ready_file:
        _check_ready_file(ready_file)


def make_data_folder(data: Path) -> None:
    """The data folder exists, its user's alone where it is made here; raises `OperatorError` where it is of no use."""
    _make_folder(data, "The data folder", "with --data or DARKROOM_DATA", mode=0o700)


def _make_folder(folder: Path, what: str, where: str, mode: int = 0o777) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=mode)
        _write_in(folder)
    except OSError as error:
        raise OperatorError(
            f"{what} {folder} cannot be used ({error.strerror}): name one that can be made and written to, {where}."
        ) from error


def _check_ready_file(ready_file: Path) -> None:
    """It is written after everything has started, beside its place and then renamed."""
    if ready_file.is_dir():
        raise OperatorError(f"The ready file {ready_file} is a folder: name a file in it with --ready-file.")
    try:
        _write_in(ready_file.absolute().parent)
    except OSError as error:
        raise OperatorError(
            f"The ready file {ready_file} cannot be written ({error.strerror}): make the folder "
            f"{ready_file.absolute().parent}, or name a file in another one with --ready-file."
        ) from error


def _write_in(folder: Path) -> None:
    """Tried and not asked: `os.access` tells root that everything is allowed, on /proc as well."""
    with tempfile.TemporaryFile(dir=folder):
        return


def _check_workflows(folder: Path | None) -> None:
    from pipeline.workflows import WorkflowCatalog

    if folder is None:
        return
    if not folder.is_dir():
        raise OperatorError(
            f"DARKROOM_WORKFLOWS names {folder}, and there is no such folder: make it, name the folder that holds your "
            "workflows, or unset the variable."
        )
    try:
        WorkflowCatalog(folder)
    except (InvalidWorkflow, OSError) as error:
        raise OperatorError(
            f"The workflows in {folder} (DARKROOM_WORKFLOWS) cannot be used: {error}. Correct them; "
            "`darkroom workflows check FILE` looks at one alone."
        ) from error
