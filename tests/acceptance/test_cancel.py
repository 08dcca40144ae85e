"""A batch cancelled while a run stands inside each stage (acceptance E 46)."""

from collections.abc import Callable
from typing import Any

import pytest
import requests

from tests.acceptance.conftest import SECRET, WAIT_S, House, as_json
from tests.sources import a_photograph

PICTURES = ("coffee", "chelsea", "rocket")


def submitted(house: House, *, more: tuple[str, ...] = ()) -> str:
    house.source.files.update({f"{name}.jpg": a_photograph(name) for name in PICTURES})
    urls = [house.source.url(f"{name}.jpg") for name in PICTURES] + [house.source.url(name) for name in more]
    return house.customer.submit(urls, webhook=house.webhook)


def cancelled(house: House, job: str) -> requests.Response:
    return house.customer.call("DELETE", f"/v1/batches/{job}")


def published(house: House, job: str) -> dict[str, set[str]]:
    """What lies behind the CDN of the batch: its items' ids with their files."""
    found: dict[str, set[str]] = {}
    for path in house.instance.data.glob(f"objects/public/*/{job}/*/*"):
        found.setdefault(path.parent.name, set()).add(path.name)
    return found


def told_once(house: House, job: str) -> dict[str, Any]:
    """The one message about the batch, after its delivery is known to be done."""
    house.told(job)
    deliveries = house.customer.call("GET", "/manage/v1/deliveries", params={"limit": 500}).json()["data"]
    assert len([each for each in deliveries if each["job_id"] == job]) == 1
    [message] = house.told(job)
    return as_json(message)


@pytest.mark.parametrize(
    "point",
    [
        "dispatch.claimed",
        "download.item",
        "download.stored",
        "validate.item",
        "validate.stored",
        "analyze.item",
        "enhance.item",
        "enhance.stored",
        "upload.item",
        "upload.stored",
        "score.item",
    ],
)
def test_a_batch_cancelled_at_this_point_publishes_nothing_and_is_told_once(
    house: House, until: Callable[..., None], point: str
) -> None:
    with house.holding(point) as arrivals:
        job = submitted(house)
        arrivals.get(timeout=WAIT_S)
        answer = cancelled(house, job)
        assert answer.status_code == 200, answer.text
        assert answer.json()["status"] == "CANCELLED"
        if point in ("upload.stored", "score.item"):
            assert published(house, job), "there is something to take back"
    batch = house.customer.ended(job)
    assert batch["status"] == "CANCELLED" and batch["counts"]["cancelled"] == len(PICTURES)
    for file in batch["files"]:
        assert file["status"] == "CANCELLED"
        assert (file["enhanced_url"], file["renditions"], file["score"]) == (None, [], None)
    assert {requests.get(url, timeout=30).status_code for url in batch["reports"].values()} == {200}
    until(lambda: not published(house, job))
    body = told_once(house, job)
    assert (body["event"], body["status"], body["percentage"]) == ("batch.cancelled", "CANCELLED", 0)
    assert SECRET not in str(body)
    house.sound()


def test_what_was_delivered_before_stays_when_a_retry_is_cancelled(house: House, until: Callable[..., None]) -> None:
    house.source.files.pop("late.jpg", None)
    job = submitted(house, more=("late.jpg",))
    first = house.customer.ended(job)
    assert first["counts"]["failed"] == 1
    house.source.files["late.jpg"] = a_photograph("astronaut")
    with house.holding("upload.stored") as arrivals:
        assert house.customer.call("POST", f"/manage/v1/jobs/{job}/retry", json={}).status_code == 200
        arrivals.get(timeout=WAIT_S)
        assert len(published(house, job)) == 4
        assert cancelled(house, job).json()["status"] == "CANCELLED"
    until(lambda: len(published(house, job)) < 4)
    assert {requests.get(file["enhanced_url"], timeout=30).status_code for file in first["files"][:3]} == {200}
    second = house.customer.ended(job)
    assert second["status"] == "CANCELLED" and second["percentage"] == 75
    assert [file["enhanced_url"] for file in second["files"][:3]] == [
        file["enhanced_url"] for file in first["files"][:3]
    ]
    assert second["files"][3]["status"] == "CANCELLED" and second["files"][3]["enhanced_url"] is None
    assert [as_json(message)["event"] for message in house.told(job, count=2)] == ["batch.completed", "batch.cancelled"]
    house.sound()


def test_a_batch_that_is_being_reported_is_too_late_to_cancel(house: House) -> None:
    with house.holding("report.stored") as arrivals:
        job = submitted(house)
        arrivals.get(timeout=WAIT_S)
        refused = cancelled(house, job)
        assert refused.status_code == 409, refused.text
    batch = house.customer.ended(job)
    assert batch["status"] == "COMPLETED" and batch["percentage"] == 100
    assert told_once(house, job)["event"] == "batch.completed"
    assert cancelled(house, job).status_code == 409


def test_cancelling_twice_is_cancelling_once(house: House) -> None:
    with house.holding("enhance.item") as arrivals:
        job = submitted(house)
        arrivals.get(timeout=WAIT_S)
        assert [cancelled(house, job).status_code for _ in range(2)] == [200, 200]
    house.customer.ended(job)
    assert cancelled(house, job).status_code == 200
    assert told_once(house, job)["event"] == "batch.cancelled"
    house.sound()
