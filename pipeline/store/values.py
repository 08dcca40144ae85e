"""Domain values to JSON and back, for the ledger's JSONB columns."""

import json
from dataclasses import asdict, is_dataclass
from functools import cache
from typing import Any, TypeVar, cast

from pydantic import TypeAdapter

Value = TypeVar("Value")


@cache
def _adapter(kind: type[Any]) -> TypeAdapter[Any]:
    return TypeAdapter(kind)


def dump(value: Any) -> Any:
    """A JSON-ready form of a frozen value."""
    if is_dataclass(value) and not isinstance(value, type):
        return asdict(value)
    return value


def load(kind: type[Value], data: Any) -> Value:
    """The value that `dump` was given; unknown keys of an older version are ignored."""
    return cast(Value, _adapter(cast(Any, kind)).validate_python(data))


def require_storable(value: Any) -> None:
    """Raises ValueError for what JSONB refuses: NaN and infinity, NUL characters, half a surrogate pair."""
    text = json.dumps(value, allow_nan=False, ensure_ascii=False)
    text.encode()
    if "\\u0000" in text.replace("\\\\", ""):
        raise ValueError("PostgreSQL's text holds no NUL characters.")
