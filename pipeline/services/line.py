"""What every service works with: the ledger, the object store, the outside, and how much at once."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from pipeline.domain.media import MediaLimits, VideoLimits
from pipeline.ports import Models, ObjectStore, Source, TextReader
from pipeline.services.sealing import SealingKey
from pipeline.store import Database


@dataclass(frozen=True, slots=True)
class AnalysisOptions:
    """What the analysis interface accepts and keeps."""

    max_images: int = 100
    max_image_bytes: int = 15 * 1024 * 1024
    video: VideoLimits = field(default_factory=VideoLimits)
    memory_mb: int = 2048
    """What the process that works on a video may write to: its models and their arenas take most of it."""
    models: Path | None = None
    models_mb: int = 768
    reader: str = "rapidocr"
    """The engine that reads text: rapidocr, or tesseract with its languages, such as tesseract:eng+deu."""
    biometrics_days: int = 7
    signature_prefix: str = ""
    """What stands before the hex digits in X-Webhook-Signature."""


@dataclass(frozen=True, slots=True)
class LineOptions:
    """Frozen at start from the settings; see `docs/settings.md` for what each means to an operator."""

    threads: int = 2
    download_threads: int = 16
    lease_s: float = 30.0
    heartbeat_s: float = 5.0
    run_slots: int = 2
    spread: bool = False
    max_shard_items: int = 400
    shard_s: float = 90.0
    shared_shard_s: float = 15.0
    seconds_per_item: float = 0.15
    api_url: str = "http://127.0.0.1:8400"
    cdn_url: str = "http://127.0.0.1:8400/cdn"
    dagster_url: str = "http://127.0.0.1:8401"
    max_items: int = 800
    signed_url_s: int = 7 * 24 * 3600
    sweep_after_s: float = 86_400.0
    retention_days: int = 30
    token_days: int = 3650
    alert_after_s: float = 60.0
    """Dispatch takes work within a second, unless every slot is busy: a minute without any is trouble."""
    workflows: Path | None = None
    limits: MediaLimits = field(default_factory=MediaLimits)
    analysis: AnalysisOptions = field(default_factory=AnalysisOptions)


@dataclass(frozen=True, slots=True)
class Ledger:
    """Enough for services that touch no picture: the API's, the keeper's and the sensors'."""

    database: Database
    key: SealingKey
    options: LineOptions

    @property
    def kept_since(self) -> datetime:
        """What ended before then is past retention."""
        return datetime.now(UTC) - timedelta(days=self.options.retention_days)


@dataclass(frozen=True, slots=True)
class Line(Ledger):
    """Enough to work on items."""

    store: ObjectStore
    source: Source
    models: Models | None
    reader: TextReader
