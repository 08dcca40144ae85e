"""The workflow as a job keeps it, so that editing a file never changes a job that has begun."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from pydantic import TypeAdapter

from pipeline.domain.workflows import Workflow

_ADAPTER = TypeAdapter(Workflow)


def workflow_json(workflow: Workflow) -> dict[str, Any]:
    """The workflow in JSON's types alone; `workflow_from_json` gives an equal one back."""
    return {name: _plain(value) for name, value in asdict(workflow).items()}


def workflow_from_json(data: Mapping[str, Any]) -> Workflow:
    """The workflow of a snapshot; raises `ValueError` when it is none."""
    return _ADAPTER.validate_python(dict(data))


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(name): _plain(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(part) for part in value]
    return value
