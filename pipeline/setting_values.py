"""How the text of a setting becomes its value: each function raises `ValueError` with what to give instead."""

import re
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

Address = tuple[str, int]
"""A literal IP address in its shortest form, and a port."""

LEAST_SECRET = 16
"""Characters. What first-run set-up makes has 256 random bits."""
LONGEST_ANSWER_S = 30.0
"""Standard Webhooks asks for 15 to 30 s; a longer wait would keep a sender's thread from everybody else."""
STORE_SCHEMES = ("file", "s3", "s3a", "gs", "az", "azure", "abfs", "abfss")
"""What the object store's adapter takes, known here without loading it."""


def text(raw: str) -> str | None:
    return raw or None


def folder(raw: str) -> Path | None:
    return Path(raw).expanduser().absolute() if raw else None


def count(raw: str) -> int:
    if not raw.isdecimal() or int(raw) < 1:
        raise ValueError("give a whole number of at least 1")
    return int(raw)


def seconds(raw: str) -> float:
    try:
        seconds = float(raw)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds < float("inf"):
        raise ValueError("give a number of seconds above 0")
    return seconds


def answer_seconds(raw: str) -> float:
    try:
        seconds = float(raw)
    except ValueError:
        seconds = 0.0
    if not 1 <= seconds <= LONGEST_ANSWER_S:
        raise ValueError(f"give a number of seconds from 1 to {LONGEST_ANSWER_S:g}")
    return seconds


def web_url(raw: str) -> str | None:
    if raw and (urlsplit(raw).scheme not in ("http", "https") or not urlsplit(raw).hostname):
        raise ValueError("give an address such as https://pictures.example.com")
    return raw.rstrip("/") or None


def store_url(raw: str) -> str | None:
    parts = urlsplit(raw)
    names_a_place = parts.path and not parts.netloc if parts.scheme == "file" else parts.netloc
    if raw and not (parts.scheme in STORE_SCHEMES and names_a_place):
        raise ValueError(
            "give a URL such as file:///var/lib/darkroom/objects, s3://bucket/prefix, gs://bucket or az://container"
        )
    return raw or None


def database_url(raw: str) -> str | None:
    """SQLAlchemy 2.1 reads a bare `postgresql://` as psycopg 3, which is not what is installed: name the driver."""
    if not raw:
        return None
    parts = urlsplit(raw)
    if parts.scheme not in ("postgres", "postgresql", "postgresql+psycopg2") or len(parts.path) < 2:
        raise ValueError("give a URL such as postgresql://user:password@host:5432/darkroom")
    return urlunsplit(parts._replace(scheme="postgresql+psycopg2"))


def secret_key(raw: str) -> str | None:
    if raw and len(raw) < LEAST_SECRET:
        raise ValueError(f"give at least {LEAST_SECRET} characters nobody can guess; `openssl rand -hex 32` makes them")
    return raw or None


def addresses(raw: str) -> frozenset[Address]:
    return frozenset(_address(entry.strip()) for entry in raw.split(",") if entry.strip())


def _address(entry: str) -> Address:
    host, _, port = entry.rpartition(":")
    try:
        if not 0 < int(port) < 65536:
            raise ValueError
        return str(ip_address(host.removeprefix("[").removesuffix("]"))), int(port)
    except ValueError:
        raise ValueError(f"{entry!r} is not a literal address:port such as 127.0.0.1:8123 or [::1]:8123") from None


def ports(raw: str) -> frozenset[int]:
    ports = [entry.strip() for entry in raw.split(",") if entry.strip()]
    if not all(port.isdecimal() and 0 < int(port) < 65536 for port in ports):
        raise ValueError("give port numbers separated by commas, such as 8400,8401")
    return frozenset(map(int, ports))


def yes_or_no(raw: str) -> bool:
    if raw.lower() not in ("yes", "no"):
        raise ValueError("give yes or no")
    return raw.lower() == "yes"


def log_level(raw: str) -> str:
    if raw.lower() not in ("debug", "info", "warning", "error"):
        raise ValueError("give debug, info, warning or error")
    return raw.lower()


def reader(raw: str) -> str:
    """`rapidocr`, `tesseract`, or `tesseract:` and languages joined by +."""
    if not re.fullmatch(r"rapidocr|tesseract(:[A-Za-z_]{3,20}(\+[A-Za-z_]{3,20})*)?", raw):
        raise ValueError("write rapidocr, tesseract, or tesseract with its languages, such as tesseract:eng+deu")
    return raw


def header(raw: str) -> str:
    """The name of an HTTP header (RFC 9110, 5.1)."""
    if not re.fullmatch(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,64}", raw):
        raise ValueError("write the name of a header, such as X-API-Key")
    return raw


def signature(raw: str) -> str:
    """`hex`, or `sha256=hex`."""
    if raw not in ("hex", "sha256=hex"):
        raise ValueError("write hex or sha256=hex")
    return raw
