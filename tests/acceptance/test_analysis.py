"""Images and a video analyzed by a real instance with the real models, over HTTP from request to webhook."""

import base64
import csv
import io
import json
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import av
import psutil
import pytest
import requests
from PIL import Image

from tests.analysis_calls import Analyst, Job, ffmpeg, keys_and_numbers, long_video, signature_of
from tests.instances import running
from tests.ledger_oracle import assert_ledger_is_sound
from tests.receivers import receiving
from tests.sources import a_photograph

FRAMES_S = 2 / 25
"""Two frames of the video that is made here."""
LIMIT_S = 2
GONE_S = 10.0
"""How long the process of a job that has ended may still be seen: the run asks every second."""


@dataclass(frozen=True, slots=True)
class Studio:
    """An instance with models, and the jobs that were sent to it as soon as it was up."""

    analyst: Analyst
    images: Job
    video: Job
    before: list[requests.Response]
    """What /latency answered before anything was finished."""
    long: bytes


def three_shots(folder: Path, shared: Path) -> bytes:
    """Two seconds each of a sign, a portrait and traffic with sound: cuts at 2 and at 4 seconds."""
    portrait = folder / "portrait.jpg"
    portrait.write_bytes(a_photograph("astronaut"))
    fit = "scale=640:360:force_original_aspect_ratio=decrease,pad=640:360:-1:-1,setsar=1,fps=25,format=yuv420p"
    still = ("-loop", "1", "-t", "2", "-i")
    moving = ("-ss", "5", "-t", "2", "-i", shared / "media" / "video" / "composed_18_shots.mp4")
    graph = f"[0:v]{fit}[a];[1:v]{fit}[b];[2:v]{fit}[c];[a][b][c]concat=n=3:v=1:a=0[v]"
    inputs = (*still, shared / "media" / "text" / "text_00_sign.jpg", *still, portrait, *moving)
    sound = ("-f", "lavfi", "-t", "6", "-i", "sine=440")
    target = folder / "three.mp4"
    ffmpeg(*inputs, *sound, "-filter_complex", graph, "-map", "[v]", "-map", "3:a", "-c:v", "libx264", target)
    return target.read_bytes()


def the_images(shared: Path) -> list[dict[str, str]]:
    """A portrait, a sign, what is no base64, and a document with a picture's name."""
    files = {
        "portrait": a_photograph("astronaut"),
        "sign": (shared / "media" / "text" / "text_00_sign.jpg").read_bytes(),
        "document": (shared / "corpus" / "wrong-type__pdf.jpg").read_bytes(),
    }
    sent = {name: base64.b64encode(data).decode() for name, data in files.items()}
    sent["broken"] = sent["portrait"][:100] + "!" + sent["portrait"][100:]
    return [{"external_id": name, "data_base64": data} for name, data in sent.items()]


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory, shared: Path) -> Iterator[Studio]:
    folder = tmp_path_factory.mktemp("studio")
    with ExitStack() as stack:
        receiver = stack.enter_context(receiving())
        environment = {"DARKROOM_MODELS": str(shared / "models")}
        instance = stack.enter_context(running(folder, allow=[receiver.port], environment=environment))
        analyst = Analyst(instance, instance.customer("studio"), receiver)
        before = [analyst.customer.call("GET", f"/latency/{name}") for name in ("image", "video")]
        images = analyst.send_images(the_images(shared))
        video = analyst.send_video(three_shots(folder, shared))
        yield Studio(analyst, images, video, before, long_video(folder, shared))


def assert_person(person: dict[str, Any]) -> None:
    """Somebody with a unit vector, a face to look at, and shares within their ranges."""
    assert len(person["face_embedding"]) == 128
    assert sum(value * value for value in person["face_embedding"]) == pytest.approx(1, abs=1e-3)
    face = Image.open(io.BytesIO(base64.b64decode(person["face_thumbnail"])))
    face.load()
    assert face.format == "JPEG" and max(face.size) <= 128
    assert person["gender"] in ("male", "female", "unidentified") and 0 < person["age"] < 100
    assert person["relative_prominence"] == 1


def assert_told(studio: Studio, job: Job, body: bytes) -> None:
    """One message: the bytes of GET, signed as the contract says."""
    message = studio.analyst.told(job)
    assert message.body == body
    assert message.headers["x-webhook-signature"] == signature_of(message)
    assert message.headers["content-type"] == "application/json"


def test_good_images_have_their_findings_and_bad_ones_their_names(studio: Studio) -> None:
    answer, body = studio.analyst.ended(studio.images)
    assert answer["status"] == "finished" and "error" not in answer
    items = {item["external_id"]: item for item in answer["items"]}
    assert "result" in items["portrait"], items["portrait"]
    assert list(items) == ["portrait", "sign", "document", "broken"]
    [astronaut] = items["portrait"]["result"]["person_ids"]
    assert_person(astronaut)
    assert astronaut["gender"] == "female"
    assert items["sign"]["result"]["person_ids"] == []
    read = " ".join(text["full_text"] for text in items["sign"]["result"]["ocr_results"])
    assert read.split() == ["NO", "PARKING", "ANY", "TIME"]
    for name in ("portrait", "sign"):
        assert items[name].keys() == {"external_id", "result"}
        assert items[name]["result"].keys() == {"tags", "person_ids", "ocr_results"}, "nothing was unavailable"
        assert all(0 < tag["probability"] <= 1 for tag in items[name]["result"]["tags"])
    assert "person" in {tag["tag"] for tag in items["portrait"]["result"]["tags"]}
    failed = {name: items[name]["error"]["code"] for name in ("document", "broken")}
    assert failed == {"document": "unsupported_type", "broken": "invalid_base64"}
    assert {items[name]["status"] for name in failed} == {"failed"}
    assert_told(studio, studio.images, body)


def test_a_video_has_its_scenes_people_text_and_sections(studio: Studio) -> None:
    answer, body = studio.analyst.ended(studio.video)
    assert answer["status"] == "finished", answer
    found = answer["result"]
    assert found.keys() == {
        "raw_scenes", "frame_activity_diffs", "person_constellation_scenes", "ocr_results", "sections",
    }  # fmt: skip
    scenes = [(scene["start_seconds"], scene["end_seconds"]) for scene in found["raw_scenes"]]
    assert scenes == [pytest.approx(span, abs=FRAMES_S) for span in ((0, 2), (2, 4), (4, 6))]
    activity = found["frame_activity_diffs"]
    assert activity and all(0 <= value <= 1 for value in activity)
    third = len(activity) // 3
    assert max(activity[: third - 1]) < 0.05 < max(activity[-third + 1 :]), "a still is still, traffic moves"
    assert_people(found["person_constellation_scenes"])
    [sign] = [text for text in found["ocr_results"] if "PARKING" in text["full_text"]]
    segment = sign["time_segment"]
    assert segment["start_seconds"] < 1 and 1 < segment["end_seconds"] <= 2 + FRAMES_S
    assert_sections(found["sections"])
    assert_told(studio, studio.video, body)


def assert_people(scenes: list[dict[str, Any]]) -> None:
    """One person in the second shot, and nobody in the first."""
    assert [scene["person_ids"] for scene in scenes if scene["time_segment"]["end_seconds"] < 2.1] == [[]]
    [portrait] = [scene for scene in scenes if scene["time_segment"]["start_seconds"] == pytest.approx(2, abs=FRAMES_S)]
    [person] = portrait["person_ids"]
    assert_person(person)


def assert_sections(sections: list[dict[str, Any]]) -> None:
    """Tagged stretches within the video, the most active of them the measure of the others."""
    assert sections and max(section["relative_activity"] for section in sections) == 1
    for section in sections:
        assert section["section_tag"] and 0 < section["confidence"] <= 1
        assert all(0 <= span["start_seconds"] < span["end_seconds"] <= 6.1 for span in section["time_segments"])
        spans = [(span["start_seconds"], span["end_seconds"]) for span in section["time_segments"]]
        assert any(start <= section["thumbnail_timestamp"] <= end for start, end in spans)


def fetched(url: str, media_type: str) -> bytes:
    """The object behind its signed address, which no browser takes for something else; nothing without a signature."""
    answer = requests.get(url, timeout=30)
    assert answer.status_code == 200, answer.text
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["content-type"].partition(";")[0] == media_type
    assert requests.get(url.partition("?")[0], timeout=30).status_code in (401, 403, 404)
    return answer.content


def test_the_files_made_of_a_video_can_be_seen_through_their_addresses(studio: Studio) -> None:
    studio.analyst.ended(studio.video)
    [item] = studio.analyst.managed(studio.video)["items"]
    made = {rendition["name"]: rendition for rendition in item["renditions"]}
    assert {"preview", "poster", "contact_sheet", "clip_01", "shot_0001", "shot_0002", "shot_0003"} <= made.keys()
    assert "shot_0004" not in made
    for name, rendition in made.items():
        data = fetched(rendition["url"], rendition["media_type"])
        assert len(data) == rendition["bytes"]
        if rendition["media_type"] == "image/jpeg":
            picture = Image.open(io.BytesIO(data))
            picture.load()
            assert picture.size == (rendition["width"], rendition["height"])
        else:
            assert_plays(data, rendition, seconds=6 if name == "preview" else None)


def assert_plays(data: bytes, rendition: dict[str, Any], *, seconds: float | None) -> None:
    with av.open(io.BytesIO(data), mode="r", format="mp4") as file:
        assert file.streams.video[0].codec_context.name == "h264"
        frames = [float(frame.time or 0) for frame in file.decode(video=0)]
        assert (file.streams.video[0].width, file.streams.video[0].height) == (rendition["width"], rendition["height"])
        assert len(frames) > 10
        if seconds is not None:
            assert frames[-1] == pytest.approx(seconds, abs=0.2) and file.streams.audio


@pytest.mark.parametrize("kind", ["images", "video"])
def test_the_reports_can_be_read_and_hold_no_vector(studio: Studio, kind: str) -> None:
    job: Job = getattr(studio, kind)
    answer, _ = studio.analyst.ended(job)
    addresses = studio.analyst.managed(job)["reports"]
    assert addresses.keys() == {"html", "json", "jsonl", "csv"}
    types = {"html": "text/html", "json": "application/json", "jsonl": "application/x-ndjson", "csv": "text/csv"}
    written = {name: fetched(url, types[name]).decode() for name, url in addresses.items()}
    people = [text for text in keys_and_numbers(answer) if text.startswith("[")]
    assert people, "there is a vector that could be in a report"
    assert all(job.public_id in written[name] for name in ("html", "json", "jsonl"))
    for report in written.values():
        assert "embedding" not in report and not any(vector[1:60] in report for vector in people)
    assert "face_thumbnail" not in written["json"] + written["jsonl"]
    assert json.loads(written["json"]) and all(json.loads(line) for line in written["jsonl"].splitlines())
    assert list(csv.DictReader(written["csv"].splitlines()))


def test_latency_is_measured_and_never_invented(studio: Studio) -> None:
    assert [answer.status_code for answer in studio.before] == [404, 404]
    for job in (studio.images, studio.video):
        studio.analyst.ended(job)
    image, video = (studio.analyst.customer.call("GET", f"/latency/{name}").json() for name in ("image", "video"))
    assert (image["media_type"], image["unit"], image["sample_size"]) == ("image", "image", 2)
    assert (video["media_type"], video["unit"], video["sample_size"]) == ("video", "second", 6)
    for measured in (image, video):
        assert measured["latency_ms_per_unit"] > 0
        assert 0 < measured["p50_ms"] <= measured["p95_ms"] <= measured["p99_ms"]


def seconds_taken(studio: Studio, job: Job) -> float:
    """From acceptance to the end, by the instance's own clock."""
    managed = studio.analyst.managed(job)
    begun, over = (datetime.fromisoformat(managed[name]) for name in ("created_at", "finished_at"))
    return (over - begun).total_seconds()


def test_a_video_over_its_time_fails_within_two_seconds(studio: Studio) -> None:
    analyst = studio.analyst
    for job in (studio.images, studio.video):
        analyst.ended(job)
    job = analyst.send_video(studio.long, **{"Max-Processing-Time": str(LIMIT_S)})
    answer, body = analyst.ended(job)
    assert (answer["status"], answer["error"]["code"]) == ("failed", "max_processing_time_exceeded")
    assert LIMIT_S <= seconds_taken(studio, job) <= LIMIT_S + 2
    assert_told(studio, job, body)


def assert_gone(process: psutil.Process) -> None:
    psutil.wait_procs([process], timeout=GONE_S)
    assert not process.is_running() or process.status() == psutil.STATUS_ZOMBIE


def test_the_process_of_a_video_over_its_time_ends(studio: Studio) -> None:
    analyst = studio.analyst
    job = analyst.send_video(studio.long, **{"Max-Processing-Time": "9"})
    worker = analyst.working(job)
    answer, body = analyst.ended(job)
    assert answer["error"]["code"] == "max_processing_time_exceeded"
    assert 9 <= seconds_taken(studio, job) <= 11
    assert_gone(worker)
    assert analyst.workers(job) == []
    assert_told(studio, job, body)


def test_the_process_of_a_video_that_is_cancelled_ends(studio: Studio) -> None:
    analyst = studio.analyst
    job = analyst.send_video(studio.long)
    worker = analyst.working(job)
    analyst.instance.darkroom("jobs", "cancel", str(job.id))
    answer, body = analyst.ended(job)
    assert (answer["status"], answer["error"]["code"]) == ("failed", "cancelled")
    assert_gone(worker)
    assert_told(studio, job, body)
    assert analyst.managed(job)["items"][0]["renditions"] == []


def test_nothing_is_left_undone_in_the_ledger(studio: Studio) -> None:
    for job in (studio.images, studio.video):
        studio.analyst.ended(job)
    assert_ledger_is_sound(studio.analyst.instance)
