"""Mistakes in words that tell the author of a file what to write instead."""

import difflib
from collections.abc import Iterable
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from pipeline.workflows.document import Document, Path

SectionT = TypeVar("SectionT", bound=BaseModel)

_WORDS = {
    "invalid_key": "a field's name must be text",
    "missing": "this field is missing",
    "string_type": "must be text; put it in quotes",
    "int_type": "must be a whole number",
    "int_from_float": "must be a whole number",
    "float_type": "must be a number",
    "bool_type": "must be true or false",
    "list_type": "must be a list: lines that start with a dash",
    "dict_type": "must be a group of fields",
    "model_type": "must be a group of fields",
    "finite_number": "must be a finite number",
    "greater_than_equal": "must be at least {ge:g}",
    "greater_than": "must be more than {gt:g}",
    "less_than_equal": "must be at most {le:g}",
    "less_than": "must be less than {lt:g}",
    "too_short": "must have at least {min_length} entry",
    "too_long": "must have at most {max_length} entries",
    "string_too_short": "must not be empty",
    "string_too_long": "must have at most {max_length} characters",
}
_PATTERNS = {
    "slug": 'must be lower-case letters, digits and dashes, such as "real-estate"',
    "name": 'must be lower-case letters, digits, dashes and underscores, such as "web_large"',
    "aspect": 'must be width to height, such as "4:3"',
}


def suggestion(name: str, allowed: Iterable[str]) -> str:
    """What is allowed, and the nearest to what was written."""
    names = list(allowed)
    near = difflib.get_close_matches(name, names, n=1)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    listed = ", ".join(names) if names else "nothing"
    return f"allowed are {listed}{hint}"


def validated(
    section: type[SectionT], values: Any, document: Document, at: Path, mistakes: list[str]
) -> SectionT | None:
    """The values as this section; None, with one message per mistake added to `mistakes`, where they are none."""
    if not isinstance(values, dict):
        mistakes.append(document.mistake(at, "must be a group of fields"))
        return None
    try:
        return section.model_validate(values)
    except ValidationError as invalid:
        mistakes += [_message(section, error, document, at) for error in invalid.errors(include_url=False)]
        return None


def _message(section: type[BaseModel], error: ErrorDetails, document: Document, at: Path) -> str:
    path = (*at, *error["loc"])
    return document.mistake(path, _words(section, error))


def _words(section: type[BaseModel], error: ErrorDetails) -> str:
    kind, context = error["type"], error.get("ctx", {})
    name = str(error["loc"][-1]) if error["loc"] else ""
    if kind == "extra_forbidden":
        fields = _section_at(section, error["loc"][:-1]).model_fields
        return f"there is no such field; {suggestion(name, fields)}"
    if kind == "literal_error":
        allowed = [part.strip(" '") for part in str(context["expected"]).replace(" or ", ", ").split(",")]
        return f"{error['input']!r} is not allowed; {suggestion(str(error['input']), allowed)}"
    if kind == "string_pattern_mismatch":
        return _PATTERNS.get(name, f"must match {context['pattern']}")
    if kind in _WORDS:
        return _WORDS[kind].format(**context)
    return error["msg"][:1].lower() + error["msg"][1:]


def _section_at(section: type[BaseModel], path: tuple[int | str, ...]) -> type[BaseModel]:
    """The section that a path of fields and list positions leads to."""
    for part in path:
        field = section.model_fields.get(part) if isinstance(part, str) else None
        if field is not None:
            section = next(iter(_sections_in(field.annotation)), section)
    return section


def _sections_in(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [found for part in get_args(annotation) for found in _sections_in(part)]
