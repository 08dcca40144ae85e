"""Every file of the hostile corpus gets the outcome, the reason and the pixels that its manifest demands."""

import csv
import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from pipeline.domain.media import MediaLimits
from pipeline.errors import MediaError
from pipeline.media.jpeg_header import read_header
from pipeline.stages.validate import Validated, decode_original, decode_proxy, validate

# Pillow says what is odd about a customer's file as a warning; the outcome is what we go by.
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")

REPOSITORY = Path(__file__).resolve().parent.parent.parent
CORPUS = Path(os.environ.get("DARKROOM_SHARED", REPOSITORY.parent / "shared")) / "corpus"
LIMITS = MediaLimits()
HONEST_REFUSALS = {"corrupt", "unsupported_type", "unsupported_variant", "too_many_pixels"}
"""What a row that allows both answers may be refused for."""


@dataclass(frozen=True)
class Row:
    file: str
    expected: str
    must_hold: str
    size: tuple[int, int] | None
    quadrants: tuple[tuple[int, ...], ...]

    @property
    def refusals(self) -> set[str]:
        if self.expected.startswith("either"):
            return HONEST_REFUSALS
        listed = self.expected.partition("reject:")[2]
        return set(re.findall(r"[a-z_]+", listed)) - {"or"}

    @property
    def may_be_accepted(self) -> bool:
        return self.expected.startswith(("accept", "either"))

    @property
    def tolerance(self) -> int:
        """Out of 255; 8 where the row names none."""
        return max((int(found) for found in re.findall(r"(\d+)/255", self.must_hold)), default=8)


def read_rows() -> list[Row]:
    manifest = CORPUS / "manifest.csv"
    if not manifest.is_file():
        return []
    with manifest.open(newline="") as lines:
        return [
            Row(
                file=line["file"],
                expected=line["expected"],
                must_hold=line["must_hold"],
                size=(int(line["exp_w"]), int(line["exp_h"])) if line["exp_w"] else None,
                quadrants=tuple(tuple(bytes.fromhex(color)) for color in line["exp_quads_TL_TR_BL_BR"].split()),
            )
            for line in csv.DictReader(lines)
        ]


ROWS = read_rows()
STORED = [row for row in ROWS if not row.file.startswith("(generated)")]
GENERATED = [row for row in ROWS if row.file.startswith("(generated)")]


def quadrant_means(pixels: NDArray[np.uint8]) -> list[NDArray[np.float64]]:
    height, width = pixels.shape[:2]
    top, left = slice(0, max(1, height // 2)), slice(0, max(1, width // 2))
    bottom, right = slice(min(height // 2, height - 1), height), slice(min(width // 2, width - 1), width)
    parts = ((top, left), (top, right), (bottom, left), (bottom, right))
    return [pixels[rows, columns].reshape(-1, 3).mean(axis=0) for rows, columns in parts]


def assert_quadrants(pixels: NDArray[np.uint8], row: Row, tolerance: int) -> None:
    for mean, expected in zip(quadrant_means(pixels), row.quadrants, strict=False):
        assert np.abs(mean - expected).max() <= tolerance, f"{mean} in place of {expected}"


def assert_outcome(row: Row, data: bytes) -> None:
    found = outcome_of(data)
    if isinstance(found, MediaError):
        assert found.code in row.refusals, f"refused as {found.code}: {found}"
    else:
        assert row.may_be_accepted, "accepted"
        assert_picture(row, data, found)


def outcome_of(data: bytes) -> Validated | MediaError:
    try:
        return validate(data, LIMITS, sha256="0" * 64)
    except MediaError as exc:
        return exc


def assert_picture(row: Row, data: bytes, found: Validated) -> None:
    original = decode_original(data, LIMITS)
    assert (original.width, original.height) == (found.facts.width, found.facts.height)
    if row.size:
        assert (original.width, original.height) == row.size
    assert_quadrants(original.flattened(), row, row.tolerance)
    proxy = decode_proxy(found.proxy)
    assert max(proxy.shape[:2]) == min(768, max(original.width, original.height))
    header = read_header(found.proxy, max_metadata_bytes=0)
    assert header.exif is None, "the proxy could be turned a second time"
    if min(original.width, original.height) > 16:
        # Below that the two halves of a proxy do not fall on the same pixels; JPEG adds a little of its own.
        assert_quadrants(proxy, row, row.tolerance + 4)


@pytest.mark.parametrize("row", STORED, ids=lambda row: row.file)
def test_a_file_of_the_corpus_gets_its_outcome(row: Row, shared: Path) -> None:
    assert_outcome(row, (shared / "corpus" / row.file).read_bytes())


@pytest.fixture(scope="module")
def generated(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("oversize")
    script = shared / "corpus" / "gen_oversize.py"
    subprocess.run([sys.executable, str(script), str(folder), "given"], check=True, capture_output=True, timeout=120)
    return folder


@pytest.mark.parametrize("row", GENERATED, ids=lambda row: row.file)
def test_a_file_at_the_size_limit_gets_its_outcome(row: Row, generated: Path) -> None:
    assert_outcome(row, (generated / row.file.removeprefix("(generated) ")).read_bytes())


def test_the_limit_of_15_mb_means_15_times_1024_times_1024(generated: Path) -> None:
    at_the_edge = (generated / "edge_15MiB.jpg").read_bytes()
    assert validate(at_the_edge, LIMITS, sha256="0" * 64).facts.bytes == 15 * 1024 * 1024


def test_a_nearly_black_sixteen_bit_picture_can_be_seen(shared: Path) -> None:
    data = (shared / "corpus" / "16bit__12in16bit.tif").read_bytes()
    assert decode_original(data, LIMITS).pixels.max() == 255


def test_two_pictures_with_one_md5_are_two_pictures(shared: Path) -> None:
    files = [(shared / "corpus" / f"md5-collision__md5-crc{i}.png").read_bytes() for i in (1, 2)]
    one, other = (validate(data, LIMITS, sha256="0" * 64).proxy for data in files)
    assert one != other


def test_a_position_in_the_source_is_noticed(shared: Path) -> None:
    data = (shared / "corpus" / "meta-privacy__exif_gps.jpg").read_bytes()
    assert validate(data, LIMITS, sha256="0" * 64).facts.has_gps


@pytest.mark.parametrize(
    ("file", "code"),
    [
        ("avi.avi", "unsupported_type"),
        ("bipbop_480wp_1001kbps-cenc-video-key1-init.mp4", "unsupported_type"),
        ("bipbop_audioinit.mp4", "unsupported_type"),
        ("minimal.mp4", "unsupported_type"),
        ("video_rotation_90.mp4", "unsupported_type"),
        ("webm.webm", "unsupported_type"),
        ("white_half.mp4", "unsupported_type"),
        ("zero_bytes.mp4", "empty"),
    ],
)
def test_a_video_is_no_picture(file: str, code: str, shared: Path) -> None:
    with pytest.raises(MediaError) as caught:
        validate((shared / "corpus" / "video" / file).read_bytes(), LIMITS, sha256="0" * 64)
    assert caught.value.code == code


def test_a_picture_named_as_a_video_is_what_its_content_says(shared: Path) -> None:
    data = (shared / "corpus" / "video" / "jpeg_named.mp4").read_bytes()
    assert validate(data, LIMITS, sha256="0" * 64).facts.media_type == "image/jpeg"


def run_probe(script: str, *arguments: Path) -> dict[str, int]:
    """What a script prints as JSON, run in a process of its own."""
    finished = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", script, *map(str, arguments)],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    answer: dict[str, int] = json.loads(finished.stdout)
    return answer


PEAK_MEMORY = """
import json, re, sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from pipeline.domain.media import MediaLimits
from pipeline.errors import TooManyPixels
from pipeline.stages.validate import validate

def refused(data):
    try:
        validate(data, MediaLimits(), sha256="")
    except TooManyPixels:
        return 1
    return 0

def peak_kb():
    # Not ru_maxrss: a child inherits its parent's.
    return int(re.search(r"VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1])

files = [Path(name).read_bytes() for name in sys.argv[1:]]
before = peak_kb()
with ThreadPoolExecutor(8) as pool:
    count = sum(pool.map(refused, files * 20))
after = peak_kb()
print(json.dumps({"refused": count, "growth_kb": after - before}))
"""


def test_pixel_bombs_are_refused_from_their_headers(shared: Path) -> None:
    bombs = [shared / "corpus" / row.file for row in STORED if row.expected == "reject:too_many_pixels"]
    assert len(bombs) >= 5
    probe = run_probe(PEAK_MEMORY, *bombs)
    assert probe["refused"] == 20 * len(bombs)
    assert probe["growth_kb"] < 100 * 1024


DECODED_FRAMES = """
import json, sys
from pathlib import Path
from pipeline.domain.media import MediaLimits
from pipeline.stages.validate import validate

watched = (("ImageFile.py", "load_prepare"), ("TiffImagePlugin.py", "_setup"))
counts = dict.fromkeys(watched, 0)

def count(frame, event, argument):
    called = Path(frame.f_code.co_filename).name, frame.f_code.co_name
    if event == "call" and called in counts:
        counts[called] += 1

data = Path(sys.argv[1]).read_bytes()
sys.setprofile(count)
found = validate(data, MediaLimits(), sha256="")
sys.setprofile(None)
decoded, pages = (counts[called] for called in watched)
print(json.dumps({"decoded": decoded, "pages": pages, "frames": found.facts.frames}))
"""


@pytest.mark.parametrize("file", ["pages__crafted_2000_pages.tif", "frames__crafted_1500_frames_apng.png"])
def test_only_the_first_of_thousands_of_frames_is_looked_at(file: str, shared: Path) -> None:
    probe = run_probe(DECODED_FRAMES, shared / "corpus" / file)
    assert probe["decoded"] == 1
    assert probe["pages"] <= 1
    assert probe["frames"] == 2, "stands for more than one"


FOREIGN_ACTIONS = """
import json, sys
from pathlib import Path
from pipeline.domain.media import MediaLimits
from pipeline.errors import MediaError
from pipeline.stages.validate import validate

seen = []
watched = ("subprocess.Popen", "os.exec", "os.posix_spawn", "os.system", "os.fork", "socket.connect", "open")

def audit(event, arguments):
    if event in watched and not (event == "open" and str(arguments[0]).endswith((".py", ".pyc", ".so"))):
        seen.append(event)

files = [Path(name).read_bytes() for name in sys.argv[1:]]
sys.addaudithook(audit)
refused = 0
for data in files:
    try:
        validate(data, MediaLimits(), sha256="")
    except MediaError as exc:
        refused += exc.code == "unsupported_type"
print(json.dumps({"refused": refused, "actions": len(seen)}))
"""


def test_a_file_of_another_type_starts_no_process_and_reaches_no_server(shared: Path) -> None:
    """EPS would start Ghostscript, playlists would make FFmpeg call their addresses."""
    files = [shared / "corpus" / row.file for row in STORED if row.expected == "reject:unsupported_type"]
    assert any("eps" in file.name for file in files)
    assert any("hls" in file.name for file in files)
    assert run_probe(FOREIGN_ACTIONS, *files) == {"refused": len(files), "actions": 0}
