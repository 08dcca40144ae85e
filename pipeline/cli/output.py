"""How every command speaks: tables and sentences for people, one JSON value on stdout for programs."""

import dataclasses
import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from enum import Enum
from pathlib import Path
from typing import Annotated, Any
from uuid import UUID

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

Json = Annotated[bool, typer.Option("--json", help="Print one JSON value on stdout instead of a table.")]
Data = Annotated[
    Path | None,
    typer.Option(
        help="The data folder of the instance. Default: DARKROOM_DATABASE_URL where it is set, else DARKROOM_DATA, "
        "else .darkroom here."
    ),
]

PIPE_WIDTH = 160
"""Columns of a table that goes into a file or a pipe, where no terminal says how wide it is."""

COLORS = {
    "APPROVED": "green",
    "ENHANCED": "green",
    "COMPLETED": "green",
    "REJECTED": "yellow",
    "FAILED": "red",
    "CANCELLED": "magenta",
    "PROCESSING": "cyan",
}


def console(*, stderr: bool = False) -> Console:
    """Where people read. Text goes through as it is: a file called [red] is shown as [red]."""
    plain = Console(stderr=stderr, markup=False, highlight=False, emoji=False)
    if not plain.is_terminal:
        plain.width = PIPE_WIDTH
    return plain


def say(text: str, *, stderr: bool = False) -> None:
    """One sentence, which the terminal may wrap but we do not: addresses in it stay whole."""
    console(stderr=stderr).print(text, soft_wrap=True)


def print_json(value: object) -> None:
    """The value on stdout, indented, with every character as it is."""
    print(json.dumps(value, default=_plain, ensure_ascii=False, indent=2))


def fields(value: Any) -> dict[str, Any]:
    """A view of a service, as JSON has it."""
    return dataclasses.asdict(value)


def print_table(columns: Sequence[str], rows: Iterable[Sequence[object]], *, empty: str) -> None:
    """The rows as a table, or one sentence where there are none."""
    table = Table(*columns)
    for row in rows:
        table.add_row(*(cell if isinstance(cell, Text) else Text(shown(cell)) for cell in row))
    if table.row_count:
        console().print(table)
    else:
        say(empty)


def shown(value: object) -> str:
    """A value in a cell: nothing for None, whole minutes in UTC for a time."""
    if value is None:
        return ""
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M} UTC"
    return f"{value:.1f}" if isinstance(value, float) else str(value)


def status_text(status: str) -> Text:
    return Text(status, style=COLORS.get(status, ""))


def seconds_in_words(seconds: float | None) -> str:
    """ "unknown", "40 s", "3 min 20 s" or "2 h 5 min"."""
    if seconds is None:
        return "unknown"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def print_pictures(files: Sequence[Mapping[str, Any]], names: Sequence[str]) -> None:
    """One line per picture of a batch as the API shows it: its name, outcome, scores and the reason for trouble."""
    rows = [
        (
            name,
            status_text(file["status"]),
            file["original_score"],
            file["score"],
            reason_of(file),
        )
        for name, file in zip(names, files, strict=True)
    ]
    print_table(("Picture", "Status", "Before", "After", "What was done, or why not"), rows, empty="No pictures.")


def reason_of(file: Mapping[str, Any]) -> str:
    """The error, the reasons of a rejection, or the steps that changed the picture."""
    if file["error"] is not None:
        return f"{file['error']['code']}: {file['error']['message']}"
    if file["reasons"]:
        return " ".join(file["reasons"])
    return ", ".join(step["name"].replace("_", " ") for step in file["steps"] if step.get("changed"))


def summary_of(files: Sequence[Mapping[str, Any]]) -> str:
    """ "6 pictures: 4 ENHANCED, 2 APPROVED. Mean score 61.2 before, 74.0 after." """
    counts: dict[str, int] = {}
    for file in files:
        counts[file["status"]] = counts.get(file["status"], 0) + 1
    words = ", ".join(f"{count} {status}" for status, count in counts.items())
    pairs = [
        (file["original_score"], file["score"]) for file in files if None not in (file["original_score"], file["score"])
    ]
    text = f"{len(files)} picture{'' if len(files) == 1 else 's'}: {words}."
    if pairs:
        before, after = (sum(column) / len(pairs) for column in zip(*pairs, strict=True))
        text += f" Mean score {before:.1f} before, {after:.1f} after."
    return text


def _plain(value: object) -> object:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, UUID | Path):
        return str(value)
    if isinstance(value, Enum):
        return value.value
    raise TypeError(f"{type(value).__name__} has no form in JSON")
