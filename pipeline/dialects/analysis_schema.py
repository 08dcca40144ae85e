"""The answers of the analysis interface as models: every answer is made of them, and /openapi.json describes them."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

AnalysisStatus = Literal["queued", "processing", "finished", "failed"]
Share = Annotated[float, Field(ge=0.0, le=1.0)]
Seconds = Annotated[float, Field(ge=0.0)]


def _published(schema: dict[str, Any]) -> None:
    """A field that may be None may be missing, and is never null; a client has to bear fields that come later."""
    schema.pop("additionalProperties", None)
    for field in schema.get("properties", {}).values():
        kinds = [kind for kind in field.get("anyOf", ()) if kind != {"type": "null"}]
        if len(kinds) == 1:
            del field["anyOf"]
            field.update(kinds[0])
        if "default" in field and field["default"] is None:
            del field["default"]


class Wire(BaseModel):
    """A field that is None is absent on the wire."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True, json_schema_extra=_published)


class JobAccepted(Wire):
    job_id: str
    """An opaque string; where to ask for the result stands in `Location`."""


class AnalysisError(Wire):
    """Why something has no result: a code for programs, a sentence for people."""

    code: str
    message: str


class TimeSegment(Wire):
    """Seconds from the video's first frame; the next segment begins at `end_seconds`."""

    start_seconds: Seconds
    end_seconds: Seconds


class AnalyzedPerson(Wire):
    """Somebody who is seen. In a video the same person has the same `face_embedding` in every scene."""

    age: Annotated[float, Field(ge=0.0)] | None = None
    """Years, estimated; absent where no frame showed the face well enough."""
    gender: Literal["male", "female", "unidentified"]
    """`unidentified` where the model is not sure: never a guess."""
    face_embedding: list[float]
    """128 numbers of length 1; empty once their retention is over, or where the account keeps none."""
    face_thumbnail: str | None = None
    """JPEG of at most 128 pixels a side, in base64."""
    allowlisted: bool | None = None
    """Whether the person is on the account's list; absent where it has none."""
    relative_prominence: Share | None = None
    """Share of the attention among the people of the scene or picture: they sum to 1."""


class OcrResult(Wire):
    language_code: str | None = None
    """ISO 639-1; absent where the text is too short to tell."""
    full_text: str
    time_segment: TimeSegment | None = None
    """When the text stands; videos only."""


class ConstellationScene(Wire):
    """A stretch in which the same people are seen; `person_ids` is empty where nobody is."""

    time_segment: TimeSegment
    person_ids: list[AnalyzedPerson]


class VideoSection(Wire):
    """Shots that belong together."""

    section_tag: str
    time_segments: list[TimeSegment]
    thumbnail_timestamp: Seconds
    """Seconds from the first frame to the section's best one."""
    confidence: Share
    is_critical: bool
    relative_activity: Share
    """Its activity over that of the most active section."""


class VideoResult(Wire):
    raw_scenes: list[TimeSegment]
    """Shots, one after the other, from 0 to the end of the last frame."""
    frame_activity_diffs: list[Share]
    """One number per sampled pair of frames: motion within a shot, never a cut."""
    person_constellation_scenes: list[ConstellationScene]
    ocr_results: list[OcrResult]
    sections: list[VideoSection]
    unavailable: dict[str, str] | None = None
    """What could not be looked for, and why. Absent where everything was."""
    notes: list[str] | None = None
    """What a reader should know, e.g. that the file ends early and how much of it was read."""


class VideoAnalysis(Wire):
    """GET /video/{job_id}; `result` once it is finished, `error` once it has failed."""

    job_id: str
    status: AnalysisStatus
    result: VideoResult | None = None
    error: AnalysisError | None = None


class ImageTag(Wire):
    tag: str
    probability: Share
    is_critical: bool | None = None


class ImageResult(Wire):
    tags: list[ImageTag]
    person_ids: list[AnalyzedPerson]
    ocr_results: list[OcrResult]
    unavailable: dict[str, str] | None = None
    """What could not be looked for, and why. Absent where everything was."""


class ImageItem(Wire):
    """One image of a batch, in the order in which they were sent: `result`, or `status` and `error`."""

    external_id: str | None = None
    status: Literal["failed"] | None = None
    """There for an image that failed, and absent otherwise."""
    result: ImageResult | None = None
    error: AnalysisError | None = None


class ImageBatchAnalysis(Wire):
    """GET /images/{job_id}; `items` once it is finished. An image that fails does so alone."""

    job_id: str
    status: AnalysisStatus
    items: list[ImageItem] | None = None
    error: AnalysisError | None = None
    """Why the whole batch failed, e.g. by its time limit; what single images had by then stays in `items`."""


class MediaLatency(Wire):
    """Measured over the last 1000 finished units, from acceptance to the result."""

    media_type: Literal["video", "image"]
    unit: Literal["second", "image"]
    """A second of video time, or one image of a batch."""
    latency_ms_per_unit: float
    p50_ms: float
    p95_ms: float
    p99_ms: float
    sample_size: int


class RequestErrorDetail(Wire):
    code: str
    message: str
    fields: dict[str, list[str]] | None = None
    """Dotted path of each wrong field to its sentences; in a 422 only."""


class RequestErrorAnswer(Wire):
    """Every error of this interface."""

    error: RequestErrorDetail
