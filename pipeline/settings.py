"""What an operator can set: every variable of the environment, read once into one frozen value."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, urlsplit, urlunsplit

from pipeline.errors import OperatorError

Address = tuple[str, int]
"""A literal IP address in its shortest form, and a port."""

LEAST_SECRET = 16
"""Characters. What first-run set-up makes has 256 random bits."""
CORES = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _text(raw: str) -> str | None:
    return raw or None


def _folder(raw: str) -> Path | None:
    return Path(raw).expanduser().absolute() if raw else None


def _count(raw: str) -> int:
    if not raw.isdecimal() or int(raw) < 1:
        raise ValueError("give a whole number of at least 1")
    return int(raw)


def _seconds(raw: str) -> float:
    try:
        seconds = float(raw)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds < float("inf"):
        raise ValueError("give a number of seconds above 0")
    return seconds


def _web_url(raw: str) -> str | None:
    if raw and (urlsplit(raw).scheme not in ("http", "https") or not urlsplit(raw).hostname):
        raise ValueError("give an address such as https://pictures.example.com")
    return raw.rstrip("/") or None


def _store_url(raw: str) -> str | None:
    if raw and not urlsplit(raw).scheme:
        raise ValueError("give a URL such as file:///var/lib/darkroom/objects or s3://bucket/prefix")
    return raw or None


def _database_url(raw: str) -> str | None:
    """SQLAlchemy 2.1 reads a bare `postgresql://` as psycopg 3, which is not what is installed: name the driver."""
    if not raw:
        return None
    parts = urlsplit(raw)
    if parts.scheme not in ("postgres", "postgresql", "postgresql+psycopg2") or len(parts.path) < 2:
        raise ValueError("give a URL such as postgresql://user:password@host:5432/darkroom")
    return urlunsplit(parts._replace(scheme="postgresql+psycopg2"))


def _secret_key(raw: str) -> str | None:
    if raw and len(raw) < LEAST_SECRET:
        raise ValueError(f"give at least {LEAST_SECRET} characters nobody can guess; `openssl rand -hex 32` makes them")
    return raw or None


def _addresses(raw: str) -> frozenset[Address]:
    return frozenset(_address(entry.strip()) for entry in raw.split(",") if entry.strip())


def _address(entry: str) -> Address:
    host, _, port = entry.rpartition(":")
    try:
        if not 0 < int(port) < 65536:
            raise ValueError
        return str(ip_address(host.removeprefix("[").removesuffix("]"))), int(port)
    except ValueError:
        raise ValueError(f"{entry!r} is not a literal address:port such as 127.0.0.1:8123 or [::1]:8123") from None


def _ports(raw: str) -> frozenset[int]:
    ports = [entry.strip() for entry in raw.split(",") if entry.strip()]
    if not all(port.isdecimal() and 0 < int(port) < 65536 for port in ports):
        raise ValueError("give port numbers separated by commas, such as 8400,8401")
    return frozenset(map(int, ports))


def _yes_or_no(raw: str) -> bool:
    if raw.lower() not in ("yes", "no"):
        raise ValueError("give yes or no")
    return raw.lower() == "yes"


def _log_level(raw: str) -> str:
    if raw.lower() not in ("debug", "info", "warning", "error"):
        raise ValueError("give debug, info, warning or error")
    return raw.lower()


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
    Setting("DARKROOM_DATA", ".darkroom", "The folder for everything that Darkroom keeps on this machine.", _folder,
            "`.darkroom` in the current folder"),
    Setting("DARKROOM_DATABASE_URL", "", "Your own PostgreSQL for the ledger, instead of the embedded one.",
            _database_url, "the embedded PostgreSQL"),
    Setting("DARKROOM_DAGSTER_DATABASE_URL", "", "The database for Dagster's own records: never the ledger's.",
            _database_url, "`dagster` on the same server; `NAME_dagster` where the ledger is called NAME instead of "
            "`darkroom`"),
    Setting("DARKROOM_STORE_URL", "", "Where pictures and reports are kept: `file://`, `s3://`, `gs://` or `az://`.",
            _store_url, "the folder `objects` in `DARKROOM_DATA`"),
    Setting("DARKROOM_CDN_URL", "", "The address under which a CDN serves the store's `public/` class.", _web_url,
            "the API serves it"),
    Setting("DARKROOM_API_URL", "http://127.0.0.1:8400", "The address under which customers reach the API; it stands "
            "in every link.", _web_url),
    Setting("DARKROOM_DAGSTER_URL", "http://127.0.0.1:8401", "The address under which operators reach Dagster's UI.",
            _web_url),
    Setting("DARKROOM_MODELS", "", "The folder with the optional models' weights.", _folder, "none: no models"),
    Setting("DARKROOM_WORKFLOWS", "", "A folder with workflows of your own, besides the built-in ones.", _folder,
            "none"),
    Setting("DARKROOM_SECRET_KEY", "", "The secret that stored secrets are encrypted with and links are signed with: "
            "at least 16 characters, the same on every host.", _secret_key,
            "made on first run, in `secret.key` in `DARKROOM_DATA`"),
    Setting("DARKROOM_SOURCE_ALLOW", "", "Literal `address:port`, separated by commas, that sources and webhooks may "
            "reach although the address guard would refuse them.", _addresses, "none"),
    Setting("DARKROOM_OWN_PORTS", "", "Ports of Darkroom itself on this machine, refused to sources and webhooks even "
            "when listed; `darkroom up` sets them.", _ports, "the ports in the URLs above"),
    Setting("DARKROOM_RUN_SLOTS", str(CORES), "How many runs may work at the same time.", _count,
            "the number of cores"),
    Setting("DARKROOM_THREADS", str(CORES), "How many threads a run's stages use.", _count, "the number of cores"),
    Setting("DARKROOM_LEASE_S", "30", "After how many seconds without a sign of life a run loses its shard.", _seconds),
    Setting("DARKROOM_HEARTBEAT_S", "5", "Every how many seconds a run gives a sign of life; under half the lease.",
            _seconds),
    Setting("DARKROOM_SHARD_IMAGES", "400", "The most images in one shard, which is the work of one run.", _count),
    Setting("DARKROOM_SHARD_S", "90", "A shard's estimated seconds of work while no other customer waits.", _seconds),
    Setting("DARKROOM_SHARD_BUSY_S", "15", "A shard's estimated seconds of work while other customers wait.",
            _seconds),
    Setting("DARKROOM_FLEET", "no",
            "yes where several machines run shards: one batch then spreads over all free slots.", _yes_or_no),
    Setting("DARKROOM_SWEEP_AFTER_S", "86400", "After how many seconds an object that nothing refers to is removed.",
            _seconds),
    Setting("DARKROOM_RETENTION_DAYS", "30", "Days that originals, renditions and reports of an ended job are kept.",
            _count),
    Setting("DARKROOM_RUN_RETENTION_DAYS", "14", "Days that Dagster's runs, ticks and logs are kept.", _count),
    Setting("DARKROOM_MAX_ITEMS", "800", "The most files in one batch.", _count),
    Setting("DARKROOM_MAX_BYTES", str(15 * 1024 * 1024), "The most bytes in one file.", _count),
    Setting("DARKROOM_MAX_PIXELS", "100000000", "The most pixels in one picture.", _count),
    Setting("DARKROOM_TOKEN_DAYS", "3650", "Days that a new token is valid unless told otherwise.", _count),
    Setting("DARKROOM_WEBHOOK_TIMEOUT_S", "20", "Seconds that a webhook's receiver may take to answer.", _seconds),
    Setting("DARKROOM_LOG_LEVEL", "info", "How much is logged: debug, info, warning or error.", _log_level),
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
        return _secret_key(key_file(data).read_text().strip())
    except FileNotFoundError:
        return None
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
