"""The whole contract of enhancement batches, once, through the door and out to webhook and CDN."""

import base64
import csv
import hmac
import io
import json
import re
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import requests
from PIL import Image, ImageCms
from standardwebhooks import Webhook

from tests.acceptance.conftest import (
    SECRET,
    WAIT_S,
    House,
    as_json,
    database,
    delivered_picture,
    explained,
    likeness,
)
from tests.sources import a_photograph

COPYRIGHT = "(c) 2026 Studio Example"
REFERENCES = ["a", "b/../ü <b>", "", "d", "e", None, "g"]


def sideways(name: str) -> bytes:
    """As a camera writes it that was held upright: turned pixels, orientation 6, and where it was taken."""
    picture = Image.open(io.BytesIO(a_photograph(name))).convert("RGB")
    exif = Image.Exif()
    exif[0x0112], exif[0x8298], exif[0x010F] = 6, COPYRIGHT, "Canary Camera Works"
    exif.get_ifd(0x8825).update({1: "N", 2: (52.0, 31.0, 12.0), 3: "E", 4: (13.0, 24.0, 36.0)})
    written = io.BytesIO()
    picture.transpose(Image.Transpose.ROTATE_90).save(written, "JPEG", quality=92, exif=exif)
    return written.getvalue()


def written(picture: Image.Image, **options: Any) -> bytes:
    to = io.BytesIO()
    picture.save(to, "JPEG", **options)
    return to.getvalue()


def originals() -> dict[str, bytes]:
    chelsea = Image.open(io.BytesIO(a_photograph("chelsea")))
    dark = np.random.default_rng(7).normal(9, 6, (60, 60, 3)).clip(0, 255).astype(np.uint8)
    return {
        "sideways.jpg": sideways("coffee"),
        "again.jpg": a_photograph("coffee", quality=70),
        "print.jpg": written(chelsea.convert("CMYK")),
        "fine.jpg": a_photograph("astronaut", quality=97),
        "hopeless.jpg": written(Image.fromarray(dark), quality=5),
        "broken.jpg": b"<html>this is no picture at all</html>",
    }


@dataclass(frozen=True, slots=True)
class Story:
    """A batch from its acceptance to its end, as its customer saw it."""

    created: requests.Response
    downloading: dict[str, Any]
    enhancing: dict[str, Any]
    ended: dict[str, Any]

    @property
    def files(self) -> dict[str, dict[str, Any]]:
        names = [*originals(), "uploaded"]
        return dict(zip(names, self.ended["files"], strict=True))


@pytest.fixture(scope="module")
def story(house: House) -> Story:
    house.source.files.update(originals())
    sent = house.customer.call("POST", "/v1/uploads", files={"file": ("../x.jpg", a_photograph("rocket"))})
    assert sent.status_code == 201, sent.text
    files: list[dict[str, Any]] = [{"url": house.source.url(name)} for name in originals()]
    files.append({"upload_id": sent.json()["upload_id"]})
    for file, reference in zip(files, REFERENCES, strict=True):
        file["reference"] = reference
    body = {"workflow": "auto", "files": files, "webhook": house.webhook, "project": "PRJ-EXA"}
    with house.holding("enhance.item") as at_enhance:
        with house.holding("download.item") as at_download:
            created = house.customer.call("POST", "/v1/batches", json=body)
            assert created.status_code == 201, created.text
            at_download.get(timeout=WAIT_S)
            downloading = house.customer.batch(created.json()["id"])
        at_enhance.get(timeout=WAIT_S)
        enhancing = house.customer.batch(created.json()["id"])
    ended = house.customer.ended(created.json()["id"], timeout_s=WAIT_S)
    return Story(created, downloading, enhancing, ended)


def test_a_batch_is_accepted_and_says_where_it_is(story: Story, house: House) -> None:
    body = story.created.json()
    assert story.created.headers["location"] == f"/v1/batches/{body['id']}"
    assert body == {"id": body["id"], "workflow": "auto", "status": "PENDING"}
    assert {"x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset"} <= story.created.headers.keys()


def test_its_statuses_evolve(story: Story) -> None:
    seen = [story.created.json()["status"], story.downloading["status"], story.enhancing["status"]]
    assert [*seen, story.ended["status"]] == ["PENDING", "PROCESSING", "PROCESSING", "COMPLETED"]
    assert {file["status"] for file in story.downloading["files"]} <= {"PENDING", "PROCESSING"}


def test_while_it_runs_it_shows_counts_progress_stages_and_the_time_left(story: Story) -> None:
    assert story.downloading["stages"] == {"download": 7} and story.downloading["progress"] == 0
    now = story.enhancing
    assert now["stages"] == {"enhance": 6} and now["counts"]["processing"] == 6 and now["counts"]["failed"] == 1
    assert now["progress"] == 14 and now["percentage"] == 0
    assert now["eta_seconds"] > 0
    assert story.ended["progress"] == 100 and story.ended["eta_seconds"] is None and story.ended["stages"] == {}


def test_each_file_has_its_outcome_and_its_own_words(story: Story) -> None:
    statuses = {name: file["status"] for name, file in story.files.items()}
    assert statuses["broken.jpg"] == "FAILED" and statuses["hopeless.jpg"] == "REJECTED"
    good = [status for name, status in statuses.items() if name not in ("broken.jpg", "hopeless.jpg")]
    assert set(good) == {"APPROVED", "ENHANCED"}, statuses
    error = story.files["broken.jpg"]["error"]
    assert (error["code"], error["stage"], error["retryable"]) == ("unsupported_type", "validate", False)
    assert story.files["hopeless.jpg"]["reasons"]
    counts = {word: list(statuses.values()).count(word.upper()) for word in ("approved", "enhanced", "rejected")}
    assert counts.items() <= story.ended["counts"].items()
    assert story.ended["percentage"] == 100 * 5 // 7
    assert [file["reference"] for file in story.ended["files"]] == REFERENCES


def test_the_points_of_each_score_add_up(story: Story) -> None:
    scored = [file for file in story.ended["files"] if file["status"] != "FAILED"]
    for file in scored:
        explained(file)
        assert file["score"] >= file["original_score"] and set(file["timings_ms"]) > {"download", "enhance", "score"}
    assert story.files["broken.jpg"]["score"] is None and story.files["broken.jpg"]["enhanced_url"] is None


@pytest.mark.parametrize(
    ("name", "like"), [("sideways.jpg", "coffee"), ("print.jpg", "chelsea"), ("uploaded", "rocket")]
)
def test_what_is_delivered_is_upright_srgb_and_says_nothing_private(story: Story, name: str, like: str) -> None:
    picture = delivered_picture(story.files[name])
    profile = ImageCms.getProfileName(ImageCms.ImageCmsProfile(io.BytesIO(picture.info["icc_profile"])))
    assert picture.mode == "RGB" and "sRGB" in profile
    assert likeness(picture, Image.open(io.BytesIO(a_photograph(like)))) > 0.9
    exif = picture.getexif()
    assert not exif.get_ifd(0x8825) and exif.get(0x0112, 1) == 1 and 0x010F not in exif
    assert exif.get(0x8298) == (COPYRIGHT if name == "sideways.jpg" else None)
    assert story.files["sideways.jpg"]["original"]["has_gps"] is True


def test_a_cache_is_told_that_it_has_the_picture(story: Story) -> None:
    url = story.files["fine.jpg"]["enhanced_url"]
    first = requests.get(url, timeout=30)
    again = requests.get(url, headers={"If-None-Match": first.headers["etag"]}, timeout=30)
    assert again.status_code == 304 and not again.content


def test_pictures_that_look_the_same_are_named(story: Story) -> None:
    duplicates = {name: file["duplicate_of"] for name, file in story.files.items()}
    assert duplicates.pop("again.jpg") == 0
    assert set(duplicates.values()) == {None}


def test_the_reports_load_by_their_signed_links(story: Story) -> None:
    reports = {name: requests.get(url, timeout=30) for name, url in story.ended["reports"].items()}
    assert {"json", "csv", "html"} <= reports.keys()
    assert {answer.status_code for answer in reports.values()} == {200}
    items = json.loads(reports["json"].content)["items"]
    assert [item["outcome"].upper() for item in items] == [file["status"] for file in story.ended["files"]]
    assert len(list(csv.DictReader(io.StringIO(reports["csv"].text)))) == 7
    assert story.ended["id"] in reports["html"].text and "ü <b>" not in reports["html"].text
    for url in story.ended["reports"].values():
        assert requests.get(url.rpartition("signature=")[0] + "signature=" + "0" * 64, timeout=30).status_code == 403
    for answer in reports.values():
        assert b"Canary Camera" not in answer.content and b"52.52" not in answer.content


def test_the_webhook_comes_once_signed_and_equals_what_get_says(story: Story, house: House) -> None:
    [message] = house.told(story.ended["id"])
    assert message.headers["signature"] == hmac.digest(SECRET.encode(), message.body, "sha256").hex()
    Webhook(base64.b64encode(SECRET.encode()).decode()).verify(message.body.decode(), message.headers)
    body = as_json(message)
    assert body.pop("event") == "batch.completed"
    assert set(body) == {"id", "status", "project", "workflow", "percentage", "created_at", "created_by"}
    assert body == {name: story.ended[name] for name in body}
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", body["created_at"])
    delivered = house.customer.call("GET", "/manage/v1/deliveries").json()["data"]
    assert [(each["state"], each["attempts"]) for each in delivered if each["job_id"] == story.ended["id"]] == [
        ("delivered", 1)
    ]
    house.sound()


def test_a_receiver_that_failed_is_told_again_under_the_same_id(house: House) -> None:
    before = len(house.receiver.received)
    house.receiver.answer = lambda number: (500 if number == before else 204, {})
    house.source.files["one.jpg"] = a_photograph("rocket")
    job = house.customer.submit([house.source.url("one.jpg")], webhook=house.webhook)
    first, second = house.told(job, count=2)
    assert first.headers["webhook-id"] == second.headers["webhook-id"] and first.body == second.body


def test_an_accounts_registered_endpoint_is_told_where_a_batch_names_none(house: House) -> None:
    customer = house.instance.customer("registered")
    secret = customer.call("PUT", "/manage/v1/webhook", json={"url": house.receiver.url}).json()["secret"]
    house.source.files["one.jpg"] = a_photograph("rocket")
    [message] = house.told(customer.submit([house.source.url("one.jpg")]))
    assert message.headers["signature"] == hmac.digest(secret.encode(), message.body, "sha256").hex()


def test_a_failed_file_is_tried_again_and_nothing_else_is(house: House) -> None:
    names = ["there.jpg", "later.jpg"]
    house.source.files["there.jpg"] = a_photograph("chelsea")
    job = house.customer.submit([house.source.url(name) for name in names], webhook=house.webhook)
    first = house.customer.ended(job)
    assert [file["status"] == "FAILED" for file in first["files"]] == [False, True]
    error = first["files"][1]["error"]
    assert (error["code"], error["stage"], error["retryable"]) == ("source_not_found", "download", True)
    house.source.files["later.jpg"] = a_photograph("rocket")
    retried = house.customer.call("POST", f"/manage/v1/jobs/{job}/retry", json={"from": "download"})
    assert retried.status_code == 200 and retried.json()["items"] == 1, retried.text
    second = house.customer.ended(job)
    assert second["generation"] == 2 and second["percentage"] == 100
    assert second["files"][0]["enhanced_url"] == first["files"][0]["enhanced_url"]
    assert house.source.hits["there.jpg"] == 1
    messages = house.told(job, count=2)
    assert [as_json(message)["percentage"] for message in messages] == [50, 100]
    assert len({message.headers["webhook-id"] for message in messages}) == 2
    house.sound()


def test_one_batch_more_than_the_plan_allows_is_told_so(house: House) -> None:
    with closing(database(house.instance.database_url)) as connection, connection, connection.cursor() as cursor:
        cursor.execute("UPDATE plans SET concurrent_jobs = 2 WHERE name = 'standard'")
    customer = house.instance.customer("small", plan="standard")
    house.source.files["one.jpg"] = a_photograph("rocket")
    body = {"workflow": "auto", "files": [{"url": house.source.url("one.jpg")}], "webhook": house.webhook}
    with house.holding("download.item"):
        jobs = [customer.submit([house.source.url("one.jpg")], webhook=house.webhook) for _ in range(2)]
        refused = customer.call("POST", "/v1/batches", json=body)
        assert refused.status_code == 429 and int(refused.headers["retry-after"]) > 0
        assert "2 batches" in refused.json()["message"]
    for job in jobs:
        house.told(job)
    assert customer.call("POST", "/v1/batches", json=body).status_code == 201
