"""The photographs that are measured, and the server they are downloaded from."""

import io
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from PIL import Image

TWELVE_MP = (4000, 3000)
SHARED = Path(os.environ.get("DARKROOM_SHARED", Path(__file__).resolve().parent.parent.parent / "shared"))


def photographs(folder: Path) -> list[Path]:
    """At least three 12 MP JPEGs of about 4 MB: those of the companion folder, or else enlarged ones of scikit-image.

    Enlarged pictures have less fine detail, so they decode faster than real ones; the result says which were used.
    """
    real = sorted((SHARED / "media" / "photos").glob("monstree_*"))
    return real if len(real) >= 3 else list(_enlarged(folder))


def _enlarged(folder: Path) -> Iterator[Path]:
    from skimage import data

    for name in ("astronaut", "coffee", "chelsea"):
        picture = Image.fromarray(getattr(data, name)()).resize(TWELVE_MP, Image.Resampling.BICUBIC)
        noise = Image.effect_noise(TWELVE_MP, 18).convert("RGB")
        buffer = io.BytesIO()
        Image.blend(picture, noise, 0.06).save(buffer, "JPEG", quality=93)
        path = folder / f"{name}.jpg"
        path.write_bytes(buffer.getvalue())
        yield path


@contextmanager
def served(paths: list[Path]) -> Iterator[str]:
    """The base URL of a server process; `/<n>.jpg` is the n-th picture, over and over."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "benchmark.source_server", str(port), *map(str, paths)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE)
    try:
        if process.stdout is None or not process.stdout.readline():
            raise RuntimeError("the server of photographs did not start")
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait()
