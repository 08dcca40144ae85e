"""What a report says: the values every format is made from, free of secrets by construction."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from urllib.parse import unquote

from pipeline.domain.jobs import ItemError, JobKind, JobStatus, Outcome, Stage
from pipeline.domain.media import MediaFacts, Rendition
from pipeline.domain.quality import QualityScore

OUTCOMES = tuple(outcome for outcome in Outcome if outcome is not Outcome.ANALYZED)
"""How a picture of an enhancement may end; an analysis has reports of its own."""

_URL = re.compile(r"(?is)^\s*(https?)://([^/?#]*)([^?#]*)")


def shown_source(source: str) -> str:
    """The source as a report may show it: a URL without user, password, query and fragment; a file name as it is."""
    match = _URL.match(source)
    if match is None:
        return source
    scheme, authority, path = match.groups()
    return f"{scheme.lower()}://{authority.rpartition('@')[2]}{path}"


def name_of(source: str) -> str:
    """The file's name: the last segment of the URL's path (where it has none, the host) or of the upload's name."""
    shown = shown_source(source)
    match = _URL.match(shown)
    path = unquote(match.group(3), errors="replace") if match else shown
    name = path.replace("\\", "/").rstrip("/").rpartition("/")[2].strip()
    return name or (match.group(2) if match else "") or "picture"


def delivered_percentage(delivered: int, items: int) -> int:
    """The share approved or enhanced as a whole number 0..100, rounded down: 100 only when every picture was."""
    return 100 * delivered // items if items else 0


@dataclass(frozen=True, slots=True)
class StepReport:
    """What one enhancement step did to a picture."""

    name: str
    changed: bool
    detail: str = ""
    """One plain sentence: what was found and what was done about it."""


@dataclass(frozen=True, slots=True)
class RunLink:
    """A Dagster run that worked on the job. `url` is left out where the reader has no way to Dagster."""

    run_id: str
    url: str | None = None


@dataclass(frozen=True, slots=True)
class ItemReport:
    """One picture of the job, ended.

    `source` and the renditions' URLs are stripped of user, password, query and fragment on construction, so that
    neither a customer's credentials nor a signature of ours can reach a file that is passed around. What the original's
    EXIF says about people, places and cameras is shown by no format.
    """

    position: int
    """1-based place in the batch, unique within it."""
    name: str
    source: str
    outcome: Outcome
    reference: str | None = None
    error: ItemError | None = None
    facts: MediaFacts | None = None
    score_before: QualityScore | None = None
    score_after: QualityScore | None = None
    """Of what is delivered; None where it is the original's pixels (then `score_before` holds)."""
    steps: tuple[StepReport, ...] = ()
    duplicate_of: int | None = None
    """Position of the picture in this batch that this one looks the same as."""
    renditions: tuple[Rendition, ...] = ()
    timings_ms: Mapping[Stage, int] = field(default_factory=dict)
    attempts: int = 1
    before_thumb: bytes | None = field(default=None, repr=False)
    """A JPEG from `contact_sheet.thumbnail`."""
    after_thumb: bytes | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "source", shown_source(self.source))
        object.__setattr__(self, "renditions", tuple(unsigned(rendition) for rendition in self.renditions))

    @property
    def score(self) -> QualityScore | None:
        """The score of what is delivered, or of what was refused."""
        return self.score_after or self.score_before

    @property
    def reasons(self) -> tuple[str, ...]:
        """Why a rejected picture was rejected, worst first; empty for every other outcome."""
        return self.score.reasons if self.outcome is Outcome.REJECTED and self.score else ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportedJob:
    """One job, ended, as the reports of every kind tell of it."""

    job_id: str
    kind: JobKind
    status: JobStatus
    """What the job becomes with this report: SUCCEEDED or CANCELLED."""
    generation: int = 1
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    stage_seconds: Mapping[Stage, float] = field(default_factory=dict)
    """Seconds of work per stage, all files and threads together: more than what passed on the clock."""
    runs: tuple[RunLink, ...] = ()
    product_version: str = ""
    notes: tuple[str, ...] = ()
    """What the reader should know of the whole job, e.g. that a model was missing."""

    @property
    def duration_s(self) -> float | None:
        """Seconds on the clock from the first stage's start to the last one's end; None for what never started."""
        if self.started_at is None or self.finished_at is None:
            return None
        return max(0.0, (self.finished_at - self.started_at).total_seconds())


@dataclass(frozen=True, slots=True, kw_only=True)
class JobReport(ReportedJob):
    """A job of enhancement, with all its items in order of position."""

    workflow_slug: str
    workflow_title: str
    workflow_version: int
    guidelines_version: int
    counts: Mapping[Outcome, int]
    """As the ledger has them; an outcome that did not occur may be absent."""
    percentage: int
    """See `delivered_percentage`."""
    items: tuple[ItemReport, ...]

    def count(self, outcome: Outcome) -> int:
        return self.counts.get(outcome, 0)

    @property
    def delivered(self) -> int:
        return sum(count for outcome, count in self.counts.items() if outcome.is_delivered)

    @property
    def average_scores(self) -> tuple[float, float] | None:
        """Mean score before and after, over the pictures that have both; None when none has."""
        pairs = [(item.score_before.score, item.score.score) for item in self.items if item.score_before and item.score]
        if not pairs:
            return None
        return sum(before for before, _ in pairs) / len(pairs), sum(after for _, after in pairs) / len(pairs)


def unsigned(rendition: Rendition) -> Rendition:
    """The same file under a URL that can be passed on: without user, password, query and fragment."""
    return replace(rendition, url=shown_source(rendition.url)) if rendition.url else rendition
