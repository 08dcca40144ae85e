"""A file that was made from a video, as it lies on disk."""

from dataclasses import dataclass
from hashlib import file_digest
from pathlib import Path

import simplejpeg

from pipeline.media.video_renditions.process import RenditionFailed


@dataclass(frozen=True, slots=True)
class MadeFile:
    """One rendition, ready for the object store. `name` is unique among those of its video."""

    name: str
    path: Path
    media_type: str
    width: int
    height: int
    bytes: int
    sha256: str


def made_jpeg(name: str, path: Path) -> MadeFile:
    """The JPEG at this path; raises `RenditionFailed` where it is none."""
    try:
        height, width, _, _ = simplejpeg.decode_jpeg_header(path.read_bytes())
    except ValueError as exc:
        raise RenditionFailed(f"{name} did not become a JPEG.") from exc
    return _made(name, path, "image/jpeg", (width, height))


def made_video(name: str, path: Path, width: int, height: int) -> MadeFile:
    """The MP4 at this path; raises `RenditionFailed` where it is empty."""
    if not path.exists() or path.stat().st_size == 0:
        raise RenditionFailed(f"{name} did not become a video.")
    return _made(name, path, "video/mp4", (width, height))


def _made(name: str, path: Path, media_type: str, size: tuple[int, int]) -> MadeFile:
    with path.open("rb") as file:
        sha256 = file_digest(file, "sha256").hexdigest()
    return MadeFile(name, path, media_type, size[0], size[1], path.stat().st_size, sha256)
