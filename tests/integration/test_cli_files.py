"""What the command line does with files: finding pictures, naming and saving what comes back, showing progress."""

import hashlib
import json
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from pipeline.cli.client import ApiClient, ApiRefused
from pipeline.cli.output import reason_of, seconds_in_words, summary_of
from pipeline.cli.pictures import SAMPLES, find_pictures, write_samples
from pipeline.cli.progress import follow, passed_stages
from pipeline.cli.saving import InTheWay, Saver, name_files, report_names, save_all
from pipeline.domain.media import MediaLimits
from pipeline.errors import OperatorError
from tests.integration.local_servers import Behaviour, Exchange, LocalServer, answers, response, serving

REPOSITORY = Path(__file__).resolve().parents[2]
ONE_OUTPUT = [{"name": "main", "format": "jpeg"}]
JPEG = b"\xff\xd8\xff\xe0 and so on"


def a_client(server: LocalServer) -> ApiClient:
    return ApiClient(f"http://127.0.0.1:{server.port}", "dk_token")


def as_json(value: object, *headers: str, status: int = 200) -> bytes:
    return response(json.dumps(value).encode(), "Content-Type: application/json", *headers, status=status)


def a_file(server: LocalServer, *, status: str = "ENHANCED", body: bytes = JPEG) -> dict[str, Any]:
    rendition = {
        "name": "main",
        "url": server.url(),
        "media_type": "image/jpeg",
        "sha256": hashlib.sha256(body).hexdigest(),
    }
    return {"status": status, "renditions": [rendition]}


def test_pictures_are_told_by_content_and_the_rest_is_named(tmp_path: Path) -> None:
    for name, data in {
        "b.jpg": JPEG,
        "a.dat": JPEG,
        "notes.txt": b"hello",
        "empty.jpg": b"",
        ".DS_Store": b"x",
    }.items():
        (tmp_path / name).write_bytes(data)
    found = find_pictures(tmp_path, recursive=False, limits=MediaLimits())
    assert found.pictures == (Path("a.dat"), Path("b.jpg"))
    assert [each.path for each in found.skipped] == [Path("empty.jpg"), Path("notes.txt")]
    assert "is empty" in found.skipped[0].reason
    assert "not a JPEG, PNG or TIFF" in found.skipped[1].reason


def test_what_is_no_regular_file_is_named_and_never_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)  # a socket's path holds 107 bytes
    os.mkfifo(tmp_path / "pipe.jpg")
    (tmp_path / "zero.jpg").symlink_to("/dev/zero")
    (tmp_path / "album.jpg").mkdir()
    (tmp_path / "holiday").mkdir()
    (tmp_path / "picture.jpg").write_bytes(JPEG)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("socket.jpg")
        found = find_pictures(tmp_path, recursive=False, limits=MediaLimits())
    assert found.pictures == (Path("picture.jpg"),)
    assert {str(each.path): each.reason for each in found.skipped} == dict.fromkeys(
        ["album.jpg", "pipe.jpg", "socket.jpg", "zero.jpg"], "It is not a regular file."
    )


def test_what_cannot_be_read_is_named_with_the_reason(tmp_path: Path) -> None:
    (tmp_path / "dangling.jpg").symlink_to(tmp_path / "nowhere")
    (tmp_path / "circle.jpg").symlink_to(tmp_path / "circle.jpg")
    (tmp_path / "unreadable.jpg").symlink_to("/proc/self/mem")
    (tmp_path / "picture.jpg").write_bytes(JPEG)
    found = find_pictures(tmp_path, recursive=False, limits=MediaLimits())
    assert found.pictures == (Path("picture.jpg"),)
    assert {str(each.path): each.reason for each in found.skipped} == {
        "circle.jpg": "It cannot be read: Too many levels of symbolic links.",
        "dangling.jpg": "It cannot be read: No such file or directory.",
        "unreadable.jpg": "It cannot be read: Input/output error.",
    }


def test_a_folder_named_like_a_picture_is_looked_into_when_subfolders_are(tmp_path: Path) -> None:
    (tmp_path / "album.jpg").mkdir()
    (tmp_path / "album.jpg" / "a.jpg").write_bytes(JPEG)
    found = find_pictures(tmp_path, recursive=True, limits=MediaLimits())
    assert (found.pictures, found.skipped) == ((Path("album.jpg/a.jpg"),), ())


def test_a_picture_over_the_limit_is_skipped_with_its_size(tmp_path: Path) -> None:
    (tmp_path / "large.jpg").write_bytes(JPEG + bytes(1000))
    (tmp_path / "small.jpg").write_bytes(JPEG)
    found = find_pictures(tmp_path, recursive=False, limits=MediaLimits(max_bytes=500))
    assert found.pictures == (Path("small.jpg"),)
    assert "the limit is 500" in found.skipped[0].reason


def test_subfolders_are_looked_into_only_when_asked_and_never_the_results(tmp_path: Path) -> None:
    for folder in ("", "holiday", "out"):
        (tmp_path / folder).mkdir(exist_ok=True)
        (tmp_path / folder / "a.jpg").write_bytes(JPEG)
    flat = find_pictures(tmp_path, recursive=False, limits=MediaLimits())
    deep = find_pictures(tmp_path, recursive=True, limits=MediaLimits(), without=tmp_path / "out")
    assert flat.pictures == (Path("a.jpg"),)
    assert deep.pictures == (Path("a.jpg"), Path("holiday/a.jpg"))


def test_a_folder_without_pictures_says_so(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("hello")
    with pytest.raises(OperatorError, match="There is no JPEG, PNG or TIFF picture"):
        find_pictures(tmp_path, recursive=False, limits=MediaLimits())


def test_the_samples_are_of_every_type_and_one_says_where_it_was_taken(tmp_path: Path) -> None:
    write_samples(tmp_path)
    kinds, places = set(), 0
    for _, name in SAMPLES:
        with Image.open(tmp_path / name) as picture:
            picture.load()
            kinds.add(picture.format)
            places += bool(picture.getexif().get_ifd(0x8825))
    assert (kinds, places) == ({"JPEG", "PNG", "TIFF"}, 1)


def test_a_finished_picture_keeps_its_name_and_gets_its_formats_ending() -> None:
    pictures = [Path("a.tif"), Path("sub/b.PNG")]
    assert name_files(pictures, ONE_OUTPUT).all() == [Path("a.jpg"), Path("sub/b.jpg")]


def test_two_pictures_never_become_one_file() -> None:
    pictures = [Path("A.jpg"), Path("a.png"), Path("a.tif")]
    assert name_files(pictures, ONE_OUTPUT).all() == [Path("A.jpg"), Path("a.png.jpg"), Path("a.tif.jpg")]


def test_several_outputs_have_their_name_in_the_files() -> None:
    outputs = [{"name": "web", "format": "webp"}, {"name": "print", "format": "tiff"}]
    assert name_files([Path("a.jpg")], outputs).all() == [Path("a-web.webp"), Path("a-print.tif")]
    assert [str(names["html"]) for names in report_names(2)] == ["report-1.html", "report-2.html"]


def test_what_is_there_already_stays(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(b"mine")
    with serving(answers(response(JPEG))) as server:
        saver = Saver(a_client(server), tmp_path)
        with pytest.raises(OperatorError, match=r"has 1 of the files already .*\(a\.jpg\).* --overwrite"):
            saver.check_free([Path("a.jpg"), Path("b.jpg")])
        with pytest.raises(InTheWay):
            saver.save(server.url(), Path("a.jpg"))
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {"a.jpg": b"mine"}


def test_overwriting_is_for_those_who_ask(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(b"mine")
    with serving(answers(response(JPEG))) as server:
        Saver(a_client(server), tmp_path, overwrite=True).save(server.url(), Path("a.jpg"))
    assert (tmp_path / "a.jpg").read_bytes() == JPEG


def test_a_file_that_arrives_damaged_is_not_saved(tmp_path: Path) -> None:
    with serving(answers(response(b"something else"))) as server:
        saver = Saver(a_client(server), tmp_path)
        (saved,) = save_all(saver, [(Path("a.jpg"), a_file(server))], name_files([Path("a.jpg")], ONE_OUTPUT))
    assert saved["saved"] == []
    assert "did not arrive as it was sent" in saved["unsaved"][0]
    assert list(tmp_path.iterdir()) == []


def test_rejected_pictures_lie_apart(tmp_path: Path) -> None:
    pictures = [Path("a.jpg"), Path("b.jpg")]
    with serving(answers(response(JPEG))) as server:
        files = [(pictures[0], a_file(server)), (pictures[1], a_file(server, status="REJECTED"))]
        saved = save_all(Saver(a_client(server), tmp_path), files, name_files(pictures, ONE_OUTPUT))
    assert [file["saved"] for file in saved] == [["a.jpg"], ["rejected/b.jpg"]]
    assert (tmp_path / "rejected" / "b.jpg").read_bytes() == JPEG


def test_the_token_goes_to_the_api_and_nowhere_else(tmp_path: Path) -> None:
    picture = tmp_path / "a.jpg"
    picture.write_bytes(JPEG)
    with serving(answers(as_json({"upload_id": "u1"}, status=201), response(JPEG))) as server:
        client = a_client(server)
        assert client.upload(picture) == "u1"
        client.fetch(server.url(), len)
        sent, fetched = server.requests
    assert sent.headers["authorization"] == "Bearer dk_token"
    assert JPEG in sent.body
    assert "authorization" not in fetched.headers


def test_a_busy_api_is_asked_again_with_the_same_key() -> None:
    with serving(answers(as_json({}, "Retry-After: 1", status=429), as_json({"id": "b1"}, status=201))) as server:
        assert a_client(server).submit({"workflow": "auto"}, idempotency_key="k1") == "b1"
        assert [request.headers["idempotency-key"] for request in server.requests] == ["k1", "k1"]


def test_a_refusal_is_told_in_the_apis_words() -> None:
    with serving(answers(as_json({"message": "There is no such workflow."}, status=404))) as server:
        with pytest.raises(ApiRefused, match=r"There is no such workflow\.") as caught:
            a_client(server).workflow("x")
        assert caught.value.status == 404
        assert len(server.requests) == 1


def a_batch(status: str, stages: dict[str, int], total: int = 4) -> dict[str, Any]:
    finished_at = "2026-01-01T00:00:00.000000Z" if status == "COMPLETED" else None
    counts = {"total": total}
    return {"status": status, "stages": stages, "counts": counts, "eta_seconds": 5.0, "finished_at": finished_at}


def test_a_stage_is_passed_by_what_waits_behind_it_and_by_what_has_ended() -> None:
    passed = passed_stages([a_batch("PROCESSING", {"validate": 1, "enhance": 2})])
    assert list(passed.values()) == [4, 3, 3, 1, 1, 1]


class Heard:
    """Stands for the bars of a terminal."""

    def __init__(self) -> None:
        self.statuses: list[list[str]] = []

    def update(self, bodies: list[dict[str, Any]]) -> None:
        self.statuses.append([body["status"] for body in bodies])


def test_a_batch_is_followed_until_its_report_is_made() -> None:
    def progress(exchange: Exchange) -> None:
        status = "PROCESSING" if exchange.number == 1 else "COMPLETED"
        exchange.send(as_json(a_batch(status, {})))

    behaviour: Behaviour = progress
    heard = Heard()
    with serving(behaviour) as server:
        (batch,) = follow(a_client(server), ["b1"], heard)
    assert batch["status"] == "COMPLETED"
    assert heard.statuses == [["PROCESSING"], ["COMPLETED"]]


@pytest.mark.parametrize(
    ("seconds", "words"), [(None, "unknown"), (41.6, "42 s"), (200, "3 min 20 s"), (7500, "2 h 5 min")]
)
def test_durations_are_words(seconds: float | None, words: str) -> None:
    assert seconds_in_words(seconds) == words


def test_the_summary_counts_and_averages() -> None:
    files: list[dict[str, Any]] = [
        {"status": "ENHANCED", "original_score": 60.0, "score": 80.0},
        {"status": "FAILED", "original_score": None, "score": None},
    ]
    assert summary_of(files) == "2 pictures: 1 ENHANCED, 1 FAILED. Mean score 60.0 before, 80.0 after."


def test_the_steps_that_changed_a_picture_are_named() -> None:
    steps = [{"name": "white_balance", "changed": True}, {"name": "crop", "changed": False}]
    assert reason_of({"error": None, "reasons": [], "steps": steps}) == "white balance"


def test_the_page_of_commands_is_what_the_commands_say() -> None:
    """docs/cli.md is written by this very command, with --output docs/cli.md."""
    command = [sys.executable, "-m", "typer", "pipeline.cli.main", "utils", "docs", "--name", "darkroom"]
    printed = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=True)
    assert printed.stdout.strip() == (REPOSITORY / "docs" / "cli.md").read_text(encoding="utf-8").strip()
