"""The whole corpus, and hostile files made here, through a running instance: the delivered files hold the promises."""

import io
import itertools
import os
import re
import struct
import subprocess
import sys
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Thread
from typing import Any

import numpy as np
import psutil
import pytest
import requests
from numpy.typing import NDArray
from PIL import Image, ImageCms

from tests.acceptance.conftest import crops, database, delivered_picture
from tests.instances import Customer, Instance, running
from tests.integration.test_corpus import GENERATED, HONEST_REFUSALS, STORED, Row, quadrant_means
from tests.ledger_oracle import assert_ledger_is_sound
from tests.sources import Source, serving

EVERY_FAULT = os.environ.get("DARKROOM_EVERY_FAULT") == "1"
FULL_BATCH = 800
MOST_MEMORY_KB = 1_500_000
DELIVERED = {"APPROVED", "ENHANCED", "REJECTED"}
UPRIGHT = """
slug: upright
title: Upright
version: 1
description: As it was sent, upright and in sRGB.
steps: [orient]
outputs: [{name: main, format: png}]
guidelines: {version: 1, pass_mark: 0}
"""
ROUNDING = 12.0
"""The manifest's corners are whole numbers: four of three channels, each off by half, in both of two sums."""
TURNS = tuple(itertools.product((False, True), range(4)))
"""The eight ways in which a picture can lie: mirrored or not, and by how many quarters it is turned."""

Batch = dict[str, dict[str, Any]]
"""The files of an ended batch, by name."""


@dataclass(frozen=True, slots=True)
class Stage:
    """An instance of this module's own, with a customer, and a source that it may reach."""

    instance: Instance
    source: Source
    customer: Customer

    def processed(self, files: Mapping[str, bytes], *workflows: str) -> list[Batch]:
        """The same files in one batch for each workflow, all of them submitted at once."""
        self.source.files.update(files)
        urls = [self.source.url(name) for name in files]
        jobs = [self.customer.submit(urls, workflow=workflow) for workflow in workflows]
        ended = [self.customer.ended(job, timeout_s=300) for job in jobs]
        assert [batch["status"] for batch in ended] == ["COMPLETED"] * len(jobs)
        return [dict(zip(files, batch["files"], strict=True)) for batch in ended]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of the corpus."""

    rows: Sequence[Row]
    auto: Batch
    upright: Batch
    peaks_kb: Mapping[int, int]
    """The most memory that each run's process ever held."""

    def delivered(self) -> Iterator[tuple[Row, dict[str, Any]]]:
        return ((row, self.auto[row.file]) for row in self.rows if self.auto[row.file]["status"] in DELIVERED)


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    folder = tmp_path_factory.mktemp("corpus")
    workflows = folder / "workflows"
    workflows.mkdir()
    (workflows / "upright.yaml").write_text(UPRIGHT)
    environment = {"DARKROOM_MODELS": "", "DARKROOM_WORKFLOWS": str(workflows)}
    with ExitStack() as stack:
        source = stack.enter_context(serving({}))
        instance = stack.enter_context(running(folder, allow=[source.port], environment=environment))
        yield Stage(instance, source, instance.customer("studio"))


@pytest.fixture(scope="module")
def outcome(stage: Stage, shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    """The corpus once by `auto` and once only turned upright; with every fault, in a batch of 800."""
    folder = tmp_path_factory.mktemp("oversize")
    script = shared / "corpus" / "gen_oversize.py"
    subprocess.run([sys.executable, str(script), str(folder), "given"], check=True, capture_output=True, timeout=120)
    files = {row.file: (shared / "corpus" / row.file).read_bytes() for row in STORED}
    files |= {row.file: (folder / row.file.partition(" ")[2]).read_bytes() for row in GENERATED}
    rows = (*STORED, *GENERATED)
    # An address may hold no space.
    names = {row.file: row.file.replace(" ", "_") for row in rows}
    sent = {names[name]: data for name, data in files.items()}
    more = {f"more-{n}": data for n, data in enumerate(crops(FULL_BATCH - len(sent)))} if EVERY_FAULT else {}
    with memory_of_runs(stage.instance) as peaks_kb:
        auto, upright = stage.processed({**sent, **more}, "auto", "upright")
    return Outcome(
        rows,
        {row.file: auto[names[row.file]] for row in rows},
        {row.file: upright[names[row.file]] for row in rows},
        peaks_kb,
    )


@contextmanager
def memory_of_runs(instance: Instance) -> Iterator[dict[int, int]]:
    """The high-water mark, in kB, of each run's process while the block is worked on."""
    peaks: dict[int, int] = {}
    over = Event()

    def look() -> None:
        while not over.wait(0.1):
            for process in instance.processes("multiprocessing.spawn", "spawn_main"):
                try:
                    status = Path(f"/proc/{process.pid}/status").read_text()
                except (OSError, psutil.Error):
                    continue
                if found := re.search(r"VmHWM:\s+(\d+) kB", status):
                    peaks[process.pid] = int(found[1])

    watcher = Thread(target=look)
    watcher.start()
    try:
        yield peaks
    finally:
        over.set()
        watcher.join()


def test_each_file_has_its_outcome_and_its_reason(outcome: Outcome) -> None:
    wrong = {}
    for row in outcome.rows:
        for file in (outcome.auto[row.file], outcome.upright[row.file]):
            if file["status"] in DELIVERED:
                is_right = row.may_be_accepted
            else:
                is_right = file["status"] == "FAILED" and file["error"]["code"] in row.refusals
                is_right &= bool(file["error"]["message"]) and not file["error"]["retryable"]
            if not is_right:
                wrong[row.file] = (row.expected, file["status"], file["error"])
    assert wrong == {}


def test_no_run_took_more_memory_than_it_may_and_none_was_started_twice(outcome: Outcome, stage: Stage) -> None:
    assert outcome.peaks_kb and max(outcome.peaks_kb.values()) < MOST_MEMORY_KB, outcome.peaks_kb
    with database(stage.instance.database_url) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT max(attempt), bool_or(isolated) FROM shards")
        assert cursor.fetchone() == (1, False)
        cursor.execute("SELECT max(attempts) FROM items")
        assert cursor.fetchone() == (0,)
    connection.close()
    assert_ledger_is_sound(stage.instance)


def test_each_delivered_file_is_upright_srgb_and_says_nothing_of_places(outcome: Outcome) -> None:
    seen = 0
    for row, file in outcome.delivered():
        picture = delivered_picture(file)
        facts = file["original"]
        straightened = any(step["name"] == "straighten" and step["changed"] for step in file["steps"])
        if not straightened:
            assert picture.size == (row.size or (facts["width"], facts["height"])), row.file
        assert picture.mode == "RGB", row.file
        profile = ImageCms.ImageCmsProfile(io.BytesIO(picture.info["icc_profile"]))
        assert "sRGB" in ImageCms.getProfileDescription(profile), row.file
        exif = picture.getexif()
        assert not exif.get_ifd(0x8825) and exif.get(0x0112, 1) == 1, row.file
        assert "gps" not in str(picture.info.get("xmp", b"")).lower(), row.file
        seen += 1
    assert seen > 60


def test_the_colours_are_in_their_corners(outcome: Outcome) -> None:
    """Without a step that changes them they are those of the manifest; after `auto` no other turn fits better."""
    wrong, seen = {}, 0
    for row, file in outcome.delivered():
        if not row.quadrants:
            continue
        found = quadrant_means(on_white(delivered_picture(outcome.upright[row.file])))
        off = [float(np.abs(mean - np.array(color)).max()) for mean, color in zip(found, row.quadrants, strict=False)]
        turned = not lies_best_as_it_is(on_white(delivered_picture(file)), row)
        if max(off) > row.tolerance or turned:
            wrong[row.file] = (off, turned)
        seen += 1
    assert wrong == {}
    assert seen > 60


def on_white(picture: Image.Image) -> NDArray[np.uint8]:
    ground = Image.new("RGBA", picture.size, "white")
    return np.asarray(Image.alpha_composite(ground, picture.convert("RGBA")).convert("RGB"))


def lies_best_as_it_is(pixels: NDArray[np.uint8], row: Row) -> bool:
    """As it is delivered the picture fits the manifest's corners at least as well as turned or mirrored."""
    expected = np.array(row.quadrants, float)
    expected -= expected.mean(axis=0)
    found = np.array(quadrant_means(pixels)).reshape(2, 2, 3)

    def distance(corners: NDArray[np.float64]) -> float:
        moved = corners.reshape(4, 3)
        return float(np.abs(moved - moved.mean(axis=0) - expected).sum())

    others = [distance(np.rot90(found[:, ::-1] if mirrored else found, quarters)) for mirrored, quarters in TURNS]
    return distance(found) <= min(others) + ROUNDING


def test_nothing_that_was_hung_on_a_picture_is_delivered(outcome: Outcome, shared: Path) -> None:
    names = [row.file for row in outcome.rows if row.file.startswith("polyglot__")]
    assert len(names) == 4
    for name in names:
        file = outcome.auto[name]
        if file["status"] == "FAILED":
            assert file["error"]["code"] in HONEST_REFUSALS
            continue
        delivered_picture(file)
        delivered = requests.get(file["enhanced_url"], timeout=60).content
        foreign = windows(behind_the_picture((shared / "corpus" / name).read_bytes()))
        assert foreign, name
        assert not foreign & windows(delivered), name


def behind_the_picture(data: bytes) -> bytes:
    """What follows the end of a JPEG or PNG."""
    end = data.index(b"IEND") + 8 if data.startswith(b"\x89PNG") else data.rindex(b"\xff\xd9") + 2
    return data[end:]


def windows(data: bytes) -> set[bytes]:
    """Each twelve bytes that are not mere padding."""
    pieces = (data[start : start + 12] for start in range(len(data) - 11))
    return {piece for piece in pieces if len(set(piece)) >= 6}


def saved(picture: Image.Image, kind: str, **options: Any) -> bytes:
    stream = io.BytesIO()
    picture.save(stream, kind, **options)
    return stream.getvalue()


def bomb_header(side: int) -> bytes:
    """A PNG of a hundred bytes that promises so many pixels a side."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    parts = (chunk(b"IHDR", header), chunk(b"IDAT", zlib.compress(bytes(99))), chunk(b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def crafted() -> dict[str, tuple[bytes, str | None]]:
    """Hostile files, each with the code that it must be refused with; None where it is a picture after all."""
    photograph = Image.open(io.BytesIO(crops(1)[0])).convert("RGB")
    jpeg = saved(photograph, "JPEG")
    threads = {f"thread-{n}.png": Image.new("RGB", (1, 9_990 + n), (225, 225, 225)) for n in range(4)}
    return {
        "good.jpg": (jpeg, None),
        "png-named.jpg": (saved(photograph, "PNG"), None),
        "thread.png": (saved(Image.new("RGB", (1, 20_000), (225, 225, 225)), "PNG"), None),
        **{name: (saved(picture, "PNG"), None) for name, picture in threads.items()},
        "cut-off.jpg": (jpeg[: len(jpeg) // 2], "corrupt"),
        "bomb.png": (bomb_header(40_000), "too_many_pixels"),
        "empty.jpg": (b"", "empty"),
        "gif-named.jpg": (saved(photograph, "GIF"), "unsupported_type"),
        "text-named.png": (b'{"error": "expired"}', "unsupported_type"),
    }


@pytest.mark.parametrize("workflow", ["auto", "product"])
def test_hostile_files_made_here_are_refused_by_name_beside_good_ones(workflow: str, stage: Stage) -> None:
    made = crafted()
    with memory_of_runs(stage.instance) as peaks_kb:
        [batch] = stage.processed({name: data for name, (data, _) in made.items()}, workflow)
    codes = {name: None if file["error"] is None else file["error"]["code"] for name, file in batch.items()}
    assert codes == {name: code for name, (_, code) in made.items()}
    for name, (_, code) in made.items():
        if code is None:
            delivered_picture(batch[name])
    assert peaks_kb and max(peaks_kb.values()) < MOST_MEMORY_KB, peaks_kb
