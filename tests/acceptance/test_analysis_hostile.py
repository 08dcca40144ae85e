"""Hostile videos sent to a real instance: each has its manifest's outcome, and nobody is called."""

import csv
import io
from pathlib import Path

import pytest
import requests
from PIL import Image

from tests.acceptance.conftest import House
from tests.analysis_calls import Analyst, Job

PLAYLISTS = {
    "hls": "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n{canary}/canary.ts\n#EXT-X-ENDLIST\n",
    "ffconcat": "ffconcat version 1.0\nfile '{canary}/canary'\n",
    "ffconcat of files": "ffconcat version 1.0\nfile '/etc/passwd'\nfile '{canary}/canary'\n",
    "dash": '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static"><BaseURL>{canary}/</BaseURL>'
    '<Period><AdaptationSet mimeType="video/mp4"><Representation id="1" bandwidth="1"/></AdaptationSet></Period></MPD>',
    "sdp": "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video {port} RTP/AVP 96\n",
}
DECODER_CODES = {"corrupt", "unsupported_variant", "no_frames"}
"""What a file of the manifest that may be taken or refused is refused with."""


@pytest.fixture(scope="module")
def analyst(house: House) -> Analyst:
    return Analyst(house.instance, house.customer, house.receiver)


@pytest.fixture(scope="module")
def manifest(shared: Path) -> dict[str, str]:
    """File name to what is expected of it."""
    with (shared / "corpus" / "manifest_video.csv").open(newline="") as table:
        return {row["file"]: row["expected"] for row in csv.DictReader(table)}


@pytest.fixture(scope="module")
def sent(analyst: Analyst, manifest: dict[str, str], shared: Path) -> dict[str, Job]:
    """The job of each file that the door takes: all but the empty one."""
    files = {name: (shared / "corpus" / "video" / name).read_bytes() for name in manifest}
    return {name: analyst.send_video(data) for name, data in files.items() if data}


def allowed(expected: str) -> set[str]:
    """Ways to end: `finished`, or the code of a failure."""
    if expected == "accept":
        return {"finished"}
    if expected == "either":
        return {"finished", *DECODER_CODES}
    return set(expected.removeprefix("reject:").split(" or "))


def test_each_hostile_video_has_its_manifests_outcome(
    analyst: Analyst, sent: dict[str, Job], manifest: dict[str, str]
) -> None:
    assert (len(manifest), len(sent)) == (9, 8)
    ends = {}
    for name, job in sent.items():
        answer, body = analyst.ended(job)
        ends[name] = answer["status"] if answer["status"] == "finished" else answer["error"]["code"]
        assert ("result" in answer) == (answer["status"] == "finished")
        assert str(analyst.instance.data) not in body.decode() and "Traceback" not in body.decode()
        assert analyst.told(job).body == body
    assert {name: end for name, end in ends.items() if end not in allowed(manifest[name])} == {}


def test_an_empty_video_is_refused_at_the_door(analyst: Analyst) -> None:
    answer = analyst.customer.call("POST", "/video", data=b"", headers={"Content-Type": "video/mp4"})
    assert (answer.status_code, "empty" in answer.json()["error"]["message"]) == (422, True), answer.text


def test_a_turned_video_is_shown_upright_and_a_single_frame_is_a_scene(analyst: Analyst, sent: dict[str, Job]) -> None:
    for name in ("video_rotation_90.mp4", "minimal.mp4"):
        answer, _ = analyst.ended(sent[name])
        [scene] = answer["result"]["raw_scenes"]
        assert scene["start_seconds"] == 0 < scene["end_seconds"] <= 1
    [item] = analyst.managed(sent["video_rotation_90.mp4"])["items"]
    [poster] = [rendition for rendition in item["renditions"] if rendition["name"] == "poster"]
    picture = Image.open(io.BytesIO(requests.get(poster["url"], timeout=30).content))
    picture.load()
    assert picture.size == (60, 100)


def test_playlists_that_are_called_videos_are_refused_and_nobody_is_called(analyst: Analyst, house: House) -> None:
    port = house.canary.port
    texts = {name: text.replace("{canary}", f"http://127.0.0.1:{port}") for name, text in PLAYLISTS.items()}
    jobs = {name: analyst.send_video(text.replace("{port}", str(port)).encode()) for name, text in texts.items()}
    codes = {name: analyst.ended(job)[0]["error"]["code"] for name, job in jobs.items()}
    assert codes == dict.fromkeys(PLAYLISTS, "unsupported_type")
    assert house.canary.connections == 0


def test_the_ledger_is_sound_after_all_of_them(analyst: Analyst, sent: dict[str, Job], house: House) -> None:
    for job in sent.values():
        analyst.ended(job)
    house.sound()
