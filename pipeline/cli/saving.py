"""Finished files into a folder: whole or not at all, under their own names, over nothing that is there already."""

import os
import tempfile
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pipeline.cli.client import CONNECTIONS, ApiClient
from pipeline.errors import OperatorError, PipelineError

EXTENSIONS = {"jpeg": ".jpg", "png": ".png", "tiff": ".tif", "webp": ".webp", "avif": ".avif"}
"""By the format of an output, which is the second half of its media type too."""
REJECTED_FOLDER = "rejected"
REPORT_FORMATS = ("html", "json", "csv")
NAMED = 5
"""So many of the files in the way are named."""


class InTheWay(PipelineError):
    """A file of this name is there already."""


def prepare_folder(out: Path, *, originals: Path) -> None:
    """The folder exists and can be written to; raises `OperatorError` before any work is done."""
    if out == originals:
        raise OperatorError("The finished pictures would lie among the originals: give --out another folder.")
    try:
        out.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=out):
            return
    except OSError as error:
        raise OperatorError(f"{out} cannot be written to ({error.strerror}): choose another folder.") from error


@dataclass(frozen=True, slots=True)
class Saver:
    """Saves into one folder."""

    client: ApiClient
    out: Path
    overwrite: bool = False
    replaceable: frozenset[Path] = field(default_factory=frozenset)
    """Files that may be replaced all the same."""

    def check_free(self, targets: Sequence[Path]) -> None:
        """Nothing is in the way of these, relative to the folder; raises `OperatorError` before any work is done."""
        taken = [target for target in targets if (self.out / target).exists() and not self._may_replace(target)]
        if taken:
            names = ", ".join(str(target) for target in taken[:NAMED]) + (", ..." if len(taken) > NAMED else "")
            raise OperatorError(
                f"{self.out} has {len(taken)} of the files already that would be written ({names}): "
                "choose another folder with --out, or replace them with --overwrite."
            )

    def save(self, url: str, target: Path, *, sha256: str | None = None) -> Path:
        """The file is there, whole; returns `target`. Raises `InTheWay`, `OperatorError` or what the client raises."""
        path = self.out / target
        try:
            self._save(url, path, target, sha256)
        except OSError as error:
            raise OperatorError(f"{path} could not be written: {error.strerror}.") from error
        return target

    def _save(self, url: str, path: Path, target: Path, sha256: str | None) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_name(f".{path.name[:200]}.{os.getpid()}.part")
        try:
            with part.open("wb") as file:
                found = self.client.fetch(url, file.write)
            if sha256 is not None and found != sha256:
                raise OperatorError(f"{url} did not arrive as it was sent: its SHA-256 is {found}, not {sha256}.")
            self._put_in_place(part, path, target)
        finally:
            part.unlink(missing_ok=True)

    def _put_in_place(self, part: Path, path: Path, target: Path) -> None:
        if self._may_replace(target):
            part.replace(path)
            return
        try:
            os.link(part, path)
        except FileExistsError as error:
            raise InTheWay(f"{path} is there already and was left alone: --overwrite replaces it.") from error
        except OSError:
            # A memory card's file system has no links.
            if path.exists():
                raise InTheWay(f"{path} is there already and was left alone: --overwrite replaces it.") from None
            part.replace(path)

    def _may_replace(self, target: Path) -> bool:
        return self.overwrite or target in self.replaceable


@dataclass(frozen=True, slots=True)
class Naming:
    """Which file each rendition of each picture becomes, decided before anything is sent."""

    targets: Mapping[tuple[Path, str], Path]

    def of(self, picture: Path, rendition: Mapping[str, Any], *, rejected: bool) -> Path:
        """Rejected pictures go into a folder of their own, so that nobody delivers them by accident."""
        extension = EXTENSIONS[rendition["media_type"].rpartition("/")[2]]
        target = self.targets[picture, rendition["name"]].with_suffix(extension)
        return Path(REJECTED_FOLDER) / target if rejected else target

    def all(self) -> list[Path]:
        return list(self.targets.values())


def name_files(pictures: Sequence[Path], outputs: Sequence[Mapping[str, Any]]) -> Naming:
    """The picture's own name; with the output's name behind it where there are several outputs.

    Where two pictures would become the same file (a.png and a.jpg), the later one keeps its whole name: a.png.jpg.
    """
    targets: dict[tuple[Path, str], Path] = {}
    taken: set[str] = set()
    for picture in pictures:
        for output in outputs:
            suffix = f"-{output['name']}" if len(outputs) > 1 else ""
            target = picture.with_name(f"{picture.stem}{suffix}{EXTENSIONS[output['format']]}")
            if str(target).lower() in taken:
                target = picture.with_name(f"{picture.name}{suffix}{EXTENSIONS[output['format']]}")
            taken.add(str(target).lower())
            targets[picture, output["name"]] = target
    return Naming(targets)


def report_names(batches: int) -> list[dict[str, Path]]:
    """For each batch, the file of each format: report.html, or report-1.html and so on where there are several."""
    numbers = [""] if batches == 1 else [f"-{number}" for number in range(1, batches + 1)]
    return [{name: Path(f"report{number}.{name}") for name in REPORT_FORMATS} for number in numbers]


def save_all(saver: Saver, files: Sequence[tuple[Path, dict[str, Any]]], naming: Naming) -> list[dict[str, Any]]:
    """Each picture as the API shows it, with `name`, the paths `saved`, and `unsaved`: what went wrong, in words."""

    def save(item: tuple[Path, dict[str, Any]]) -> dict[str, Any]:
        picture, file = item
        saved, unsaved = [], []
        for rendition in file["renditions"]:
            target = naming.of(picture, rendition, rejected=file["status"] == "REJECTED")
            try:
                saved.append(str(saver.save(rendition["url"], target, sha256=rendition["sha256"])))
            except PipelineError as error:
                unsaved.append(error.message)
        return {**file, "name": str(picture), "saved": saved, "unsaved": unsaved}

    with ThreadPoolExecutor(CONNECTIONS, thread_name_prefix="save") as pool:
        return list(pool.map(save, files))


def save_reports(saver: Saver, batches: Sequence[Mapping[str, Any]]) -> list[dict[str, str]]:
    """For each batch, the files of its report by format."""
    saved = []
    for batch, names in zip(batches, report_names(len(batches)), strict=True):
        reports = batch["reports"] or {}
        saved.append({name: str(saver.save(url, names[name])) for name, url in reports.items() if name in names})
    return saved
