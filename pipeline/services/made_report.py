"""What a job's report is made of, whatever the job's kind."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pipeline.store.items import ItemRow

if TYPE_CHECKING:  # the code location imports services and needs no picture
    from pipeline.stages.report import RenderedReport

SHEET = "contact_sheet"
HTML = "html"


@dataclass(frozen=True, slots=True)
class MadeReport:
    """The files of a report, by format, and what the ledger writes beside them."""

    files: Mapping[str, "RenderedReport"]
    items: Sequence[ItemRow]
    faults: Sequence[str]
    """What does not add up; empty unless there is a bug."""
    page: str
    """The job's path at the API."""
    duplicates: Mapping[int, int] = field(default_factory=dict)
    """Position of a picture to that of the earliest one that looks the same."""
