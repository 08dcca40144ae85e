"""What analysis finds in pictures and videos: shots, activity, people, text, tags and sections."""

from dataclasses import dataclass, field
from enum import StrEnum

from pipeline.domain.media import Box


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of a video in seconds from its first frame; `end_s` is where the next one begins."""

    start_s: float
    end_s: float

    @property
    def seconds(self) -> float:
        return self.end_s - self.start_s

    def overlap(self, other: "Span") -> float:
        """Seconds that both have in common; 0.0 where they only touch."""
        return max(0.0, min(self.end_s, other.end_s) - max(self.start_s, other.start_s))


@dataclass(frozen=True, slots=True)
class Label:
    """A word that a model knows, and how sure it is, 0..1."""

    name: str
    probability: float


@dataclass(frozen=True, slots=True)
class Detection:
    """A thing that a detector found in a picture."""

    label: str
    probability: float
    box: Box


@dataclass(frozen=True, slots=True)
class Tag:
    """A word a customer uses. `probability` is calibrated: of tags at 0.8 about four in five are right."""

    name: str
    probability: float
    is_critical: bool = False
    """It is a moderation label, or on the account's critical list."""


class Gender(StrEnum):
    MALE = "male"
    FEMALE = "female"
    UNIDENTIFIED = "unidentified"
    """Nothing that the model is sure enough of: never a guess."""


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who is seen, once per picture or video however often the face appears.

    `embedding` has 128 numbers and length 1; `thumbnail` is a JPEG of at most 128 pixels a side. Both are biometric
    data, are kept apart from all other findings, and are empty once their retention is over or where the account
    stores none.
    """

    id: int
    """From 0, unique within its picture or video."""
    gender: Gender = Gender.UNIDENTIFIED
    age: float | None = None
    """Years, averaged over the good frames; the model is off by 4.5 years on average. None where no frame was good."""
    embedding: tuple[float, ...] = ()
    thumbnail: bytes = b""
    allowlisted: bool | None = None
    """Whether the person is on the account's list; None where it has none or the vector is not kept."""
    relative_prominence: float | None = None
    """In a picture the share of attention among its people, by area and centrality; sums to 1."""


@dataclass(frozen=True, slots=True)
class Presence:
    """A person within one scene. `relative_prominence` is area x centrality x time and sums to 1 over the scene."""

    person_id: int
    relative_prominence: float


@dataclass(frozen=True, slots=True)
class Constellation:
    """A span with a constant set of people, aligned to shots; empty where nobody is seen."""

    span: Span
    people: tuple[Presence, ...] = ()


@dataclass(frozen=True, slots=True)
class TextResult:
    """A text as it was read, in a video once for as long as it stands."""

    text: str
    confidence: float
    language: str | None = None
    """ISO 639-1 code; None where the text is too short to tell."""
    span: Span | None = None
    """None in a picture."""
    box: Box | None = None


@dataclass(frozen=True, slots=True)
class Section:
    """Shots that belong together, and where its best frame is."""

    tag: str
    spans: tuple[Span, ...]
    thumbnail_s: float
    confidence: float
    is_critical: bool
    relative_activity: float
    """0..1: mean activity of its frames over the highest of any section."""


@dataclass(frozen=True, slots=True)
class ImageFindings:
    """What was found in one picture. `unavailable`: what could not be looked for, with the reason and the way out."""

    tags: tuple[Tag, ...] = ()
    people: tuple[Person, ...] = ()
    texts: tuple[TextResult, ...] = ()
    unavailable: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class VideoFacts:
    """What `validate` found by looking into the container and decoding its first frame. Sizes are upright."""

    media_type: str
    container: str
    codec: str
    width: int
    height: int
    rotation: int
    """Degrees clockwise that a player turns the coded pictures by: 0, 90, 180 or 270."""
    duration_s: float
    """As the container says; what was really decoded is in the findings."""
    frame_rate: float | None
    has_audio: bool
    bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class VideoFindings:
    """What was found in one video.

    `shots` follow one another and cover the video from 0 to the end of its last frame. `activity` has one number per
    sampled pair of frames, 0..1, at `activity_rate` pairs a second: motion within a shot, never a cut.
    """

    duration_s: float
    frames: int
    shots: tuple[Span, ...]
    activity_rate: float
    activity: tuple[float, ...]
    people: tuple[Person, ...] = ()
    constellations: tuple[Constellation, ...] = ()
    texts: tuple[TextResult, ...] = ()
    sections: tuple[Section, ...] = ()
    tags: tuple[Tag, ...] = ()
    notes: tuple[str, ...] = ()
    """What a reader should know, e.g. that the file ends early and how much of it was read."""
    unavailable: dict[str, str] = field(default_factory=dict)
