"""What a report of an analysis says: findings without biometric data, by construction."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from pipeline.domain.analysis import ImageFindings, Person, VideoFacts, VideoFindings
from pipeline.domain.jobs import ItemError, JobFailure, Outcome, Stage
from pipeline.domain.media import MediaFacts, Rendition
from pipeline.reports.model import ReportedJob, unsigned


@dataclass(frozen=True, slots=True)
class AnalyzedItem:
    """One picture or video of the job, ended.

    Vectors and thumbnails of faces are taken out of the findings on construction, and signatures out of the
    renditions' URLs, so that neither can reach a file that is passed around.
    """

    position: int
    """1-based place in the job, unique within it."""
    name: str
    outcome: Outcome
    reference: str | None = None
    """The customer's own name for it, e.g. `external_id`."""
    error: ItemError | None = None
    image: MediaFacts | None = None
    video: VideoFacts | None = None
    findings: ImageFindings | VideoFindings | None = None
    """None where the item failed or was cancelled."""
    renditions: tuple[Rendition, ...] = ()
    timings_ms: Mapping[Stage, int] = field(default_factory=dict)
    attempts: int = 1
    thumb: bytes | None = field(default=None, repr=False)
    """A JPEG: the picture, or the video's poster."""
    shot_thumbs: Mapping[int, bytes] = field(default_factory=dict, repr=False)
    """JPEGs by the shot's place in `findings.shots`, from 0; those that were not made are absent."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "renditions", tuple(unsigned(rendition) for rendition in self.renditions))
        if self.findings is not None:
            people = tuple(_without_biometrics(person) for person in self.findings.people)
            object.__setattr__(self, "findings", replace(self.findings, people=people))

    @property
    def image_findings(self) -> ImageFindings | None:
        return self.findings if isinstance(self.findings, ImageFindings) else None

    @property
    def video_findings(self) -> VideoFindings | None:
        return self.findings if isinstance(self.findings, VideoFindings) else None

    @property
    def is_critical(self) -> bool:
        """A tag or a section of it is on the account's critical list, or a moderation label."""
        found = self.findings
        if found is None:
            return False
        in_sections = isinstance(found, VideoFindings) and any(section.is_critical for section in found.sections)
        return in_sections or any(tag.is_critical for tag in found.tags)


@dataclass(frozen=True, slots=True, kw_only=True)
class AnalysisReport(ReportedJob):
    """A job of analysis, of either kind, with all its items in order of position."""

    items: tuple[AnalyzedItem, ...]
    failure: JobFailure | None = None
    """Why the whole job failed, e.g. by its time limit; what single items had by then stays with them."""

    def count(self, outcome: Outcome) -> int:
        return sum(item.outcome is outcome for item in self.items)

    @property
    def unavailable(self) -> dict[str, str]:
        """What could not be looked for in at least one item, and why."""
        found: dict[str, str] = {}
        for item in self.items:
            if item.findings is not None:
                found |= item.findings.unavailable
        return found


def _without_biometrics(person: Person) -> Person:
    return replace(person, embedding=(), thumbnail=b"")
