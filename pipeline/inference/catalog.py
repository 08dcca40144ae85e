"""The catalog: every model this project knows, and the operator's own, read from one YAML file each."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from types import MappingProxyType
from typing import Any

import yaml
from pydantic import ValidationError
from pydantic_core import ErrorDetails

from pipeline.errors import CapabilityUnavailable, OperatorError
from pipeline.inference.entries import ModelEntry, Role

OWN_FOLDER = "catalog"
"""Below the models folder: an operator's own entries."""
_WORDS = {
    "missing": "is missing",
    "extra_forbidden": "is no field of the catalog",
    "list_type": "must be a list",
    "tuple_type": "must be a list",
    "dict_type": "must be a group of fields",
    "model_type": "must be a group of fields",
    "string_type": "must be text; put it in quotes",
}


@dataclass(frozen=True, slots=True)
class Catalog:
    """The entries by name, ours first."""

    entries: Mapping[str, ModelEntry]

    def __iter__(self) -> Iterator[ModelEntry]:
        return iter(self.entries.values())

    def entry(self, name: str) -> ModelEntry:
        """The model of this name; raises `CapabilityUnavailable` with the known ones."""
        if name not in self.entries:
            raise CapabilityUnavailable(f"There is no model named {name}: known are {', '.join(self.entries)}.")
        return self.entries[name]

    def serving(self, task: str) -> tuple[ModelEntry, ...]:
        """The models that serve the task by default: own ones first, instead of ours where their role is `default`.

        The name of a model is a task of its own: it serves that.
        """
        serving = [entry for entry in self if entry.task == task and entry.role is not Role.RUNNER_UP]
        if any(entry.own and entry.role is Role.DEFAULT for entry in serving):
            serving = [entry for entry in serving if entry.own]
        if not serving and task in self.entries:
            return (self.entries[task],)
        return tuple(sorted(serving, key=lambda entry: (not entry.own, entry.role is not Role.DEFAULT, entry.name)))


@cache
def builtin_catalog() -> Catalog:
    """The models that this project knows."""
    folder = files("pipeline.inference") / "models"
    texts = sorted((each.name, each.read_text(encoding="utf-8")) for each in folder.iterdir() if _is_yaml(each.name))
    return _catalog(_entries(((name, f"pipeline/inference/models/{name}", text) for name, text in texts), own=False))


def read_catalog(folder: Path | None) -> Catalog:
    """Ours and the operator's in this models folder; raises `OperatorError` with every mistake in the latter's files.

    An own entry with the name of one of ours takes its place.
    """
    ours = builtin_catalog()
    own_folder = None if folder is None else folder / OWN_FOLDER
    if own_folder is None or not own_folder.is_dir():
        return ours
    paths = sorted(path for path in own_folder.iterdir() if _is_yaml(path.name))
    own = _entries(((path.stem, str(path), _text_of(path)) for path in paths), own=True)
    return _catalog([*(entry for entry in ours if entry.name not in {each.name for each in own}), *own])


def parse_entry(text: str, *, source: str, own: bool = True) -> tuple[ModelEntry | None, list[str]]:
    """The entry that the text describes, or None and one sentence per mistake; each names `source` and the field."""
    try:
        values = yaml.load(text, Loader=_LOADER)  # noqa: S506 - a safe loader, in C where libyaml is there
    except yaml.YAMLError as error:
        return None, [f"{source}: this is no YAML ({' '.join(str(error).split())})"]
    if not isinstance(values, dict):
        return None, [f"{source}: must be a group of fields, such as name, task, role, file, input"]
    try:
        return ModelEntry.model_validate({**values, "own": own}), []
    except ValidationError as invalid:
        return None, [_mistake(source, error) for error in invalid.errors(include_url=False)]


_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def _entries(texts: Iterable[tuple[str, str, str]], *, own: bool) -> list[ModelEntry]:
    entries: dict[str, ModelEntry] = {}
    mistakes: list[str] = []
    for _, source, text in texts:
        entry, found = parse_entry(text, source=source, own=own)
        mistakes += found
        if entry is not None and entry.name in entries:
            mistakes.append(f"{source}: name {entry.name!r} stands in another file too")
        elif entry is not None:
            entries[entry.name] = entry
    if mistakes:
        raise OperatorError("The catalog of models has mistakes. " + "; ".join(mistakes) + ".")
    return list(entries.values())


def _catalog(entries: Iterable[ModelEntry]) -> Catalog:
    return Catalog(MappingProxyType({entry.name: entry for entry in entries}))


def _mistake(source: str, error: ErrorDetails) -> str:
    place = ".".join(str(part) for part in error["loc"])
    words = _WORDS.get(error["type"], error["msg"].removeprefix("Value error, "))
    return f"{source}: {place + ' ' if place else ''}{words[:1].lower() + words[1:]}"


def _is_yaml(name: str) -> bool:
    return name.endswith((".yaml", ".yml"))


def _text_of(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise OperatorError(f"{path} cannot be read ({error}): mend it, or move it out of the catalog.") from error
