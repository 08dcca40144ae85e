"""What an operator can set: every variable of the environment, read once into one frozen value."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, urlsplit, urlunsplit

from pipeline import setting_values as read
from pipeline.errors import OperatorError
from pipeline.setting_values import Address

CORES = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@dataclass(frozen=True, slots=True)
class Setting:
    """One variable: its name, its default, what it decides, and how its text becomes a value."""

    name: str
    default: str
    sentence: str
    read: Callable[[str], object]
    shown: str = ""
    """The default in words, where it depends on something else."""

    @property
    def field(self) -> str:
        """The name in `Settings`: DARKROOM_LEASE_S is `lease_s`."""
        return self.name.removeprefix("DARKROOM_").lower()


SETTINGS: tuple[Setting, ...] = (
    Setting("DARKROOM_DATA", ".darkroom", "The folder for everything that Darkroom keeps on this machine.", read.folder,
            "`.darkroom` in the current folder"),
    Setting("DARKROOM_DATABASE_URL", "", "Your own PostgreSQL for the ledger, instead of the embedded one.",
            read.database_url, "the embedded PostgreSQL"),
    Setting("DARKROOM_DAGSTER_DATABASE_URL", "", "The database for Dagster's own records: never the ledger's.",
            read.database_url, "`dagster` on the same server; `NAME_dagster` where the ledger is called NAME instead "
            "of `darkroom`"),
    Setting("DARKROOM_STORE_URL", "", "Where pictures and reports are kept: `file://`, `s3://`, `gs://` or `az://`.",
            read.store_url, "the folder `objects` in `DARKROOM_DATA`"),
    Setting("DARKROOM_CDN_URL", "", "The address under which a CDN serves the store's `public/` class.", read.web_url,
            "the API serves it"),
    Setting("DARKROOM_API_URL", "http://127.0.0.1:8400", "The address under which customers reach the API; it stands "
            "in every link.", read.web_url),
    Setting("DARKROOM_DAGSTER_URL", "http://127.0.0.1:8401", "The address under which operators reach Dagster's UI.",
            read.web_url),
    Setting("DARKROOM_MODELS", "", "The folder with the optional models' weights, and with models of your own.",
            read.folder, "`darkroom/models` in the user's cache folder"),
    Setting("DARKROOM_MODELS_MB", "768", "About how many MB of models a process keeps loaded; beyond it, those that "
            "were used longest ago are let go.", read.count),
    Setting("DARKROOM_WORKFLOWS", "", "A folder with workflows of your own, besides the built-in ones.", read.folder,
            "none"),
    Setting("DARKROOM_SECRET_KEY", "", "The secret that stored secrets are encrypted with and links are signed with: "
            "at least 16 characters, the same on every host.", read.secret_key,
            "made on first run, in `secret.key` in `DARKROOM_DATA`"),
    Setting("DARKROOM_SOURCE_ALLOW", "", "Literal `address:port`, separated by commas, that sources and webhooks may "
            "reach although the address guard would refuse them.", read.addresses, "none"),
    Setting("DARKROOM_OWN_PORTS", "", "Ports of Darkroom itself on this machine, refused to sources and webhooks even "
            "when listed; `darkroom up` sets them.", read.ports, "the ports in the URLs above"),
    Setting("DARKROOM_RUN_SLOTS", str(CORES), "How many runs may work at the same time.", read.count,
            "the number of cores"),
    Setting("DARKROOM_THREADS", str(CORES), "How many threads a run's stages use.", read.count, "the number of cores"),
    Setting("DARKROOM_LEASE_S", "30", "After how many seconds without a sign of life a run loses its shard.",
            read.seconds),
    Setting("DARKROOM_HEARTBEAT_S", "5", "Every how many seconds a run gives a sign of life; under half the lease.",
            read.seconds),
    Setting("DARKROOM_SHARD_IMAGES", "400", "The most images in one shard, which is the work of one run.", read.count),
    Setting("DARKROOM_SHARD_S", "90", "A shard's estimated seconds of work while no other customer waits.",
            read.seconds),
    Setting("DARKROOM_SHARD_BUSY_S", "15", "A shard's estimated seconds of work while other customers wait.",
            read.seconds),
    Setting("DARKROOM_FLEET", "no",
            "yes where several machines run shards: one batch then spreads over all free slots.", read.yes_or_no),
    Setting("DARKROOM_SWEEP_AFTER_S", "86400", "After how many seconds an object that nothing refers to is removed.",
            read.seconds),
    Setting("DARKROOM_RETENTION_DAYS", "30", "Days that originals, renditions and reports of an ended job are kept.",
            read.count),
    Setting("DARKROOM_RUN_RETENTION_DAYS", "14", "Days that Dagster's runs, ticks and logs are kept.", read.count),
    Setting("DARKROOM_MAX_ITEMS", "800", "The most files in one batch.", read.count),
    Setting("DARKROOM_MAX_BYTES", str(15 * 1024 * 1024), "The most bytes in one file.", read.count),
    Setting("DARKROOM_MAX_PIXELS", "100000000", "The most pixels in one picture.", read.count),
    Setting("DARKROOM_TOKEN_DAYS", "3650", "Days that a new token is valid unless told otherwise.", read.count),
    Setting("DARKROOM_WEBHOOK_TIMEOUT_S", "20", "Seconds that a webhook's receiver may take to answer: 1 to 30.",
            read.answer_seconds),
    Setting("DARKROOM_ANALYSIS_IMAGES", "100", "The most images in one request for analysis.", read.count),
    Setting("DARKROOM_VIDEO_MAX_BYTES", str(2 * 1024**3), "The most bytes in one video.", read.count),
    Setting("DARKROOM_VIDEO_MAX_S", "21600", "The longest video, in seconds.", read.seconds),
    Setting("DARKROOM_VIDEO_MEMORY_MB", "2048", "The most memory, in MB, of the process that works on a video.",
            read.count),
    Setting("DARKROOM_OCR", "rapidocr", "What reads text: `rapidocr`, or `tesseract` with its languages, as in "
            "`tesseract:eng+deu`.", read.reader),
    Setting("DARKROOM_BIOMETRICS_DAYS", "7", "Days that face vectors and face thumbnails of an ended job are kept.",
            read.count),
    Setting("DARKROOM_API_KEY_HEADER", "X-API-Key", "The header in which analysis clients send their key.",
            read.header),
    Setting("DARKROOM_WEBHOOK_SIGNATURE", "hex", "How X-Webhook-Signature is written: `hex`, or `sha256=hex`.",
            read.signature),
    Setting("DARKROOM_ALERT_AFTER_S", "60", "After how many seconds that work waits and no run is at work the alert "
            "`dispatch_stuck` is raised.", read.seconds),
    Setting("DARKROOM_LOG_LEVEL", "info", "How much is logged: debug, info, warning or error.", read.log_level),
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What the operator decided; the meaning of each field stands in `SETTINGS`."""

    data: Path
    database_url: str | None = field(repr=False)
    dagster_database_url: str | None = field(repr=False)
    store_url: str
    cdn_url: str | None
    api_url: str
    dagster_url: str
    models: Path | None
    models_mb: int
    workflows: Path | None
    secret_key: str | None = field(repr=False)
    source_allow: frozenset[Address]
    own_ports: frozenset[int]
    run_slots: int
    threads: int
    lease_s: float
    heartbeat_s: float
    shard_images: int
    shard_s: float
    shard_busy_s: float
    fleet: bool
    sweep_after_s: float
    retention_days: int
    run_retention_days: int
    max_items: int
    max_bytes: int
    max_pixels: int
    token_days: int
    webhook_timeout_s: float
    analysis_images: int
    video_max_bytes: int
    video_max_s: float
    video_memory_mb: int
    ocr: str
    biometrics_days: int
    api_key_header: str
    webhook_signature: str
    alert_after_s: float
    log_level: str

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] = os.environ) -> "Settings":
        """The settings of this process; raises `OperatorError` with the variable, its trouble and the way out.

        A secret key that is not in the environment is read from the data folder, where first-run set-up leaves it.
        """
        values: dict[str, Any] = {setting.field: _read(setting, environ) for setting in SETTINGS}
        values["store_url"] = values["store_url"] or (values["data"] / "objects").as_uri()
        if values["database_url"] and not values["dagster_database_url"]:
            values["dagster_database_url"] = dagster_database_url(values["database_url"])
        values["secret_key"] = values["secret_key"] or _kept_key(values["data"])
        values["own_ports"] |= _local_ports(values)
        settings = cls(**values)
        settings._check()
        return settings

    def _check(self) -> None:
        if self.heartbeat_s * 2 > self.lease_s:
            raise OperatorError(
                f"DARKROOM_HEARTBEAT_S is {self.heartbeat_s:g}, over half of DARKROOM_LEASE_S ({self.lease_s:g}): "
                f"one late sign of life would lose the shard; set it to {self.lease_s / 6:g} or so."
            )
        if self.database_url and self.database_url == self.dagster_database_url:
            raise OperatorError(
                "DARKROOM_DAGSTER_DATABASE_URL names the ledger's own database, and both have a table `jobs`: "
                "create a second database on the same server and name that one."
            )

    def required_database_url(self) -> str:
        """The ledger's database as SQLAlchemy takes it; raises `OperatorError` where none is known."""
        if self.database_url is None:
            raise OperatorError(
                "DARKROOM_DATABASE_URL is not set and no instance runs on "
                f"{self.data}: start one with `darkroom up`, or set the variable."
            )
        return self.database_url

    def required_secret_key(self) -> str:
        """The key for stored secrets; raises `OperatorError` before first-run set-up has made it."""
        if self.secret_key is None:
            raise OperatorError(
                f"DARKROOM_SECRET_KEY is not set and {key_file(self.data)} does not exist: `darkroom up` makes it."
            )
        return self.secret_key


def _read(setting: Setting, environ: Mapping[str, str]) -> object:
    raw = environ.get(setting.name, "").strip()
    try:
        return setting.read(raw or setting.default)
    except ValueError as error:
        shown = "its value" if setting.name.endswith(("_KEY", "DATABASE_URL")) else repr(raw)
        raise OperatorError(f"{setting.name} cannot be used ({shown}): {error}.") from error


def dagster_database_url(database_url: str) -> str:
    """Where Dagster keeps its records beside a ledger: the two have tables of the same names, so never together."""
    parts = urlsplit(database_url)
    name = parts.path.removeprefix("/")
    return urlunsplit(parts._replace(path="/dagster" if name == "darkroom" else f"/{name}_dagster"))


def key_file(data: Path) -> Path:
    """Where first-run set-up keeps the secret key."""
    return data / "secret.key"


def _kept_key(data: Path) -> str | None:
    try:
        return read.secret_key(key_file(data).read_text().strip())
    except FileNotFoundError:
        return None
    except NotADirectoryError as error:
        raise OperatorError(
            f"The data folder {data} cannot be used: it, or a part of its path, is a file. "
            "Name a folder with --data or DARKROOM_DATA."
        ) from error
    except (OSError, ValueError) as error:
        raise OperatorError(f"The secret key in {key_file(data)} cannot be used: {error}.") from error


def _local_ports(values: Mapping[str, str | None]) -> frozenset[int]:
    """The ports of our own services that the URLs name on this machine."""
    names = ("api_url", "dagster_url", "database_url", "dagster_database_url")
    urls = [urlsplit(url) for name in names if (url := values[name])]
    return frozenset(_port(url) for url in urls if url.hostname in ("127.0.0.1", "localhost", "::1"))


def _port(url: SplitResult) -> int:
    return url.port or {"http": 80, "https": 443}.get(url.scheme, 5432)


def as_markdown() -> str:
    """The text of docs/settings.md: one row for each setting."""
    rows = [
        f"| `{setting.name}` | {setting.shown or f'`{setting.default}`'} | {setting.sentence} |" for setting in SETTINGS
    ]
    about = "Read from the environment when a process starts. `darkroom settings --markdown` writes this page."
    head = ["# Settings", "", about, "", "| variable | default | decides |", "|---|---|---|"]
    return "\n".join([*head, *rows]) + "\n"
