"""What is wrong with a request, field by field, in sentences that a person understands."""

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import ValidationError

MAX_FIELDS = 50
"""More than this helps nobody, and 800 wrong files would be answered with a megabyte."""

_SENTENCES = {
    "missing": "The {field} field is required.",
    "extra_forbidden": "There is no field {field} here.",
    "string_type": "The {field} field must be a string.",
    "string_too_long": "The {field} field must not be longer than {max_length} characters.",
    "string_too_short": "The {field} field must not be empty.",
    "string_pattern_mismatch": "The {field} field holds characters that are not allowed there.",
    "list_type": "The {field} field must be a list.",
    "too_short": "The {field} field must hold at least one entry.",
    "too_long": "The {field} field must hold at most {max_length} entries.",
    "model_type": "The {field} field must be an object.",
    "model_attributes_type": "The {field} field must be an object.",
    "dict_type": "The {field} field must be an object.",
    "int_type": "The {field} field must be a whole number.",
    "int_parsing": "The {field} field must be a whole number.",
    "int_from_float": "The {field} field must be a whole number.",
    "int_parsing_size": "The {field} field is too large a number.",
    "greater_than_equal": "The {field} field must be at least {ge}.",
    "less_than_equal": "The {field} field must be at most {le}.",
    "uuid_type": "The {field} field must be a UUID.",
    "uuid_parsing": "The {field} field must be a UUID.",
    "literal_error": "The {field} field must be {expected}.",
    "enum": "The {field} field must be {expected}.",
    "union_tag_not_found": "The {field}.type field is required.",
    "union_tag_invalid": "The {field}.type field must be one of {expected_tags}.",
}

Problem = Mapping[str, Any]
"""One entry of `ValidationError.errors()`."""


def wrong_fields(error: ValidationError, value: object) -> dict[str, list[str]]:
    """Dotted path of each wrong field to its sentences, for a body that was `value`."""
    return sentences(error.errors(include_url=False), value)


def sentences(problems: Sequence[Any], value: object = None) -> dict[str, list[str]]:
    """The same for the entries of a `ValidationError` or of FastAPI's `RequestValidationError`."""
    found: dict[str, list[str]] = {}
    for problem in problems[:MAX_FIELDS]:
        path, sentence = _described(problem, value)
        found.setdefault(path, []).append(sentence)
    return found


def summary(fields: Mapping[str, Sequence[str]]) -> str:
    """The first sentence and how many more there are, as Laravel has it."""
    every = [sentence for messages in fields.values() for sentence in messages]
    if len(every) < 2:
        return every[0] if every else "The given data was invalid."
    more = len(every) - 1
    return f"{every[0]} (and {more} more error{'s' if more > 1 else ''})"


def _described(problem: Problem, value: object) -> tuple[str, str]:
    kind, context = problem["type"], problem.get("ctx", {})
    path = _path(problem["loc"], value)
    if not path and kind in ("model_type", "model_attributes_type", "dict_type"):
        return "body", "The body must be a JSON object."
    if kind == "value_error":
        return path or "body", str(context["error"])
    template = _SENTENCES.get(kind)
    if template is None:
        return path or "body", f"The {path or 'body'} field is wrong: {problem['msg'].lower()}."
    if kind == "too_short" and context["min_length"] > 1:
        template = "The {field} field must hold at least {min_length} entries."
    if kind.startswith("union_tag"):
        return f"{path}.type", template.format(field=path, **context)
    return path or "body", template.format(field=path or "body", **context)


def _path(location: Sequence[str | int], value: object) -> str:
    """The dotted path in the body: pydantic's own marks for which member of a union it tried are left out."""
    parts = []
    for index, part in enumerate(location):
        last = index == len(location) - 1
        if isinstance(value, Mapping):
            if part not in value and not last:
                continue
            value = value.get(part)
        elif isinstance(value, list) and isinstance(part, int) and part < len(value):
            value = value[part]
        parts.append(str(part))
    return ".".join(parts)
