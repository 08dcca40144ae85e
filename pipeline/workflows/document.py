"""A YAML document together with the line that each of its values stands on."""

from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any

import yaml

from pipeline.errors import InvalidWorkflow

MAX_BYTES = 64 * 1024
"""The longest built-in workflow has 2 kB; beyond this a file is not one that a person wrote."""

Path = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Document:
    """Plain values (`dict`, `list`, `str`, numbers, `bool`, None) and where each stands in the file `source`."""

    source: str
    values: Any
    lines: dict[Path, int]

    def mistake(self, path: Path, words: str) -> str:
        """One message: the file, the line nearest to the path, the path, and what is wrong there."""
        known = path
        while known and known not in self.lines:
            known = known[:-1]
        where = f"{self.source}, line {self.lines.get(known, 1)}"
        return f"{where}: {dotted(path)}: {words}" if path else f"{where}: {words}"


def dotted(path: Path) -> str:
    """("steps", 2, "crop") as `steps[2].crop`."""
    words = ""
    for part in path:
        words += f"[{part}]" if isinstance(part, int) else f".{part}" if words else str(part)
    return words


class _Refused(yaml.YAMLError):
    """YAML that is legal, but that nobody needs in a workflow."""

    def __init__(self, words: str, mark: yaml.Mark) -> None:
        super().__init__(words)
        self.words = words
        self.mark = mark


class _Loader(yaml.SafeLoader):
    """Safe values only, without aliases (a kilobyte of them can stand for gigabytes) and without repeated keys.

    What looks like a date stays text: no field is one, and an impossible one would be a riddle instead of a message.
    """

    yaml_implicit_resolvers = {  # noqa: RUF012 - PyYAML reads it from the class
        first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            raise _Refused("aliases (*name) are not allowed: write the value out", self.get_mark())
        return super().compose_node(parent, index)

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise _Refused("a field's name must be plain text", key.start_mark)
            if key.value in seen:
                raise _Refused(f"{key.value!r} is written twice", key.start_mark)
            seen.add(key.value)
        return super().construct_mapping(node, deep=deep)


def read_document(text: str, *, source: str) -> Document:
    """The document; raises `InvalidWorkflow` when it is too long, is no YAML, or uses aliases."""
    if len(text.encode("utf-8", errors="replace")) > MAX_BYTES:
        raise InvalidWorkflow([f"{source}: the file is longer than {MAX_BYTES // 1024} kB"])
    loader: _Loader | None = None
    try:
        loader = _Loader(text)
        node = loader.get_single_node()
        lines = _lines_of(node)
        return Document(source=source, values=_plain(loader, node), lines=lines)
    except _Refused as refused:
        raise InvalidWorkflow([f"{source}, line {refused.mark.line + 1}: {refused.words}"]) from refused
    except yaml.MarkedYAMLError as broken:
        line = broken.problem_mark.line + 1 if broken.problem_mark else 1
        raise InvalidWorkflow([f"{source}, line {line}: this is not YAML: {broken.problem}"]) from broken
    except (yaml.YAMLError, ValueError) as broken:
        raise InvalidWorkflow([f"{source}: this is not YAML: {str(broken).splitlines()[0]}"]) from broken
    except RecursionError as deep:
        raise InvalidWorkflow([f"{source}: the values are nested too deeply"]) from deep
    finally:
        if loader is not None:
            loader.dispose()


def _plain(loader: _Loader, node: yaml.Node | None) -> Any:
    return None if node is None else loader.construct_document(node)


def _lines_of(node: yaml.Node | None) -> dict[Path, int]:
    """Line 1.. of every field and entry, by its path."""
    lines: dict[Path, int] = {}
    waiting: list[tuple[Path, yaml.Node | None]] = [((), node)]
    while waiting:
        path, current = waiting.pop()
        if current is None:
            continue
        lines.setdefault(path, current.start_mark.line + 1)
        if isinstance(current, yaml.MappingNode):
            for key, value in current.value:
                name = (*path, str(key.value))
                lines[name] = key.start_mark.line + 1
                waiting.append((name, value))
        elif isinstance(current, yaml.SequenceNode):
            waiting += [((*path, index), value) for index, value in enumerate(current.value)]
    return lines
