"""Hostile files and hostile addresses among good ones: each is named, and the origins are delivered."""

import csv
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.acceptance.conftest import WAIT_S, House, as_json, crops, delivered_picture, explained
from tests.sources import a_photograph

HOSTILE = (
    "empty__crafted_zero_bytes.jpg",
    "truncated__crafted_half.jpg",
    "truncated__truncated_image.png",
    "fuzz-tiff__timeout-6646305047838720.tif",
    "png-bad__huge_iCCP_chunk.png",
    "pixels__16383x16383.png",
    "pixels__crafted_30000x30000_1bit_g4.tif",
    "tiff-unsupported__flower-rgb-contig-10.tif",
    "wrong-type__image_heic.jpg",
    "wrong-type__zero_bb_eps.jpg",
)


@pytest.fixture(scope="module")
def corpus(shared: Path) -> Path:
    return shared / "corpus"


def expected_codes(corpus: Path) -> dict[str, str]:
    with (corpus / "manifest.csv").open(newline="") as table:
        return {row["file"]: row["expected"].removeprefix("reject:") for row in csv.DictReader(table)}


@pytest.fixture(scope="module")
def mixed(house: House, corpus: Path) -> dict[str, Any]:
    """A batch of 90 good files with a hostile one after every ninth."""
    good = crops(90)
    names: list[str] = []
    for number, data in enumerate(good):
        names.append(f"good-{number}")
        house.source.files[names[-1]] = data
        if number % 9 == 8:
            names.append(HOSTILE[number // 9])
            house.source.files[names[-1]] = (corpus / names[-1]).read_bytes()
    job = house.customer.submit([house.source.url(name) for name in names], webhook=house.webhook)
    batch = house.customer.ended(job, timeout_s=WAIT_S)
    return {**batch, "by_name": dict(zip(names, batch["files"], strict=True))}


def test_ninety_good_files_are_delivered(mixed: dict[str, Any]) -> None:
    good = [file for name, file in mixed["by_name"].items() if name not in HOSTILE]
    assert len(good) == 90
    assert [file["error"] or file["reasons"] for file in good if file["status"] not in ("APPROVED", "ENHANCED")] == []
    for file in good:
        delivered_picture(file)
        explained(file)


def test_each_hostile_file_fails_with_its_own_code(mixed: dict[str, Any], corpus: Path) -> None:
    expected = expected_codes(corpus)
    errors = {name: mixed["by_name"][name]["error"] for name in HOSTILE}
    assert {name: error["code"] for name, error in errors.items()} == {name: expected[name] for name in HOSTILE}
    assert {error["stage"] for error in errors.values()} == {"download", "validate"}
    assert not any(error["retryable"] for error in errors.values()) and all(
        error["message"] for error in errors.values()
    )


def test_the_batch_is_completed_all_the_same(mixed: dict[str, Any], house: House) -> None:
    assert (mixed["status"], mixed["progress"], mixed["percentage"]) == ("COMPLETED", 100, 90)
    assert mixed["counts"]["failed"] == 10
    [message] = house.told(mixed["id"])
    assert as_json(message)["percentage"] == 90
    rows = csv.DictReader(requests.get(mixed["reports"]["csv"], timeout=30).text.splitlines())
    assert sum(row["outcome"] == "failed" for row in rows) == 10
    house.sound()


def test_two_files_with_the_same_md5_are_two_pictures(house: House, corpus: Path) -> None:
    names = ["md5-collision__md5-crc1.png", "md5-collision__md5-crc2.png"]
    house.source.files.update({name: (corpus / name).read_bytes() for name in names})
    batch = house.customer.ended(house.customer.submit([house.source.url(name) for name in names]))
    one, other = batch["files"]
    assert one["original"]["sha256"] != other["original"]["sha256"]
    assert one["renditions"][0]["sha256"] != other["renditions"][0]["sha256"]
    assert delivered_picture(one).tobytes() != delivered_picture(other).tobytes()


def hostile_urls(house: House, astray_url: str) -> list[str]:
    api, canary = house.instance.api_url.rpartition(":")[2], house.canary.port
    return [
        "http://169.254.169.254/latest/meta-data/",
        f"http://127.0.0.1:{api}/healthz",
        f"http://localhost:{api}/healthz",
        f"http://127.0.0.1:{canary}/a.jpg",
        f"http://2130706433:{canary}/a.jpg",
        f"http://0x7f.1:{canary}/a.jpg",
        f"http://0177.0.0.1:{canary}/a.jpg",
        f"http://0:{canary}/a.jpg",
        f"http://[::1]:{canary}/a.jpg",
        f"http://[::ffff:127.0.0.1]:{canary}/a.jpg",
        f"http://[64:ff9b::7f00:1]:{canary}/a.jpg",
        f"http://user@127.0.0.1:{house.source.port}/good.jpg",
        f"http://127.0.0.1:{canary}\\@127.0.0.1:{house.source.port}/good.jpg",
        f"{astray_url}?http://127.0.0.1:{canary}/a.jpg",
        f"{astray_url}?http://127.0.0.1:{api}/healthz",
        f"{astray_url}?file:///etc/passwd",
        f"{astray_url}?http://169.254.169.254/latest/meta-data/",
    ]


def test_hostile_addresses_are_refused_one_by_one(house: House, origins: dict[str, Any]) -> None:
    house.source.files["good.jpg"] = a_photograph("rocket")
    hostile = hostile_urls(house, origins["astray"].url("/a.jpg"))
    good = house.source.url("good.jpg")
    batch = house.customer.ended(house.customer.submit([good, *hostile, good]))
    first, *refused, last = batch["files"]
    codes = {file["url"]: file["error"] and file["error"]["code"] for file in refused}
    assert codes == dict.fromkeys(hostile, "source_refused")
    assert not any(file["error"]["retryable"] for file in refused)
    for file in (first, last):
        delivered_picture(file)
    assert house.canary.connections == 0


@pytest.mark.parametrize("url", ["file:///etc/passwd", "ftp://127.0.0.1/a.jpg", "data:image/png;base64,AAAA"])
def test_what_is_no_web_address_is_no_batch(house: House, url: str) -> None:
    answer = house.customer.call("POST", "/v1/batches", json={"workflow": "auto", "files": [{"url": url}]})
    assert answer.status_code == 422 and "files.0.url" in answer.json()["errors"], answer.text


def test_webhooks_and_token_servers_are_guarded_as_well(house: House) -> None:
    inside = f"http://127.0.0.1:{house.canary.port}/"
    auth = {"type": "oauth2", "token_url": inside, "client_id": "a", "client_secret": "b"}
    house.source.files["good.jpg"] = a_photograph("rocket")
    job = house.customer.submit([house.source.url("good.jpg")], source_auth=auth, webhook={"url": inside})
    [file] = house.customer.ended(job)["files"]
    assert file["error"]["code"] == "source_refused"
    [delivery] = refused_delivery(house, job)
    assert delivery["last_status"] is None and "loopback" in delivery["last_error"]
    assert house.canary.connections == 0


def refused_delivery(house: House, job: str) -> list[dict[str, Any]]:
    """The delivery of the batch once it was tried; the customer asks until then."""
    for _ in range(600):
        answer = house.customer.call("GET", "/manage/v1/deliveries", params={"limit": 500}).json()["data"]
        found = [each for each in answer if each["job_id"] == job and each["attempts"] > 0]
        if found:
            return found
    raise AssertionError("the webhook was never tried")
