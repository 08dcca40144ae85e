"""The demo's checks are worth something: each kind of wrong delivery is found and named."""

import hashlib
import hmac
import io
import json
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageCms

from pipeline.cli.client import ApiClient, ApiRefused
from pipeline.cli.demo_checks import troubles_of_files, troubles_of_reports, troubles_of_webhook
from pipeline.cli.demo_servers import Heard, picture_server
from tests.integration.local_servers import LocalServer, answers, response, serving

SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def a_jpeg(*, profile: bytes | None = SRGB, gps: bool = False, size: tuple[int, int] = (40, 30)) -> bytes:
    exif = Image.Exif()
    if gps:
        exif.get_ifd(0x8825).update({1: "N", 2: (28.0, 34.0, 24.0)})
    data = io.BytesIO()
    Image.new("RGB", size, "olive").save(data, "JPEG", icc_profile=profile, exif=exif)
    return data.getvalue()


def a_file(server: LocalServer, data: bytes, **changed: Any) -> dict[str, Any]:
    rendition = {
        "name": "main",
        "url": server.url(),
        "media_type": "image/jpeg",
        "width": 40,
        "height": 30,
        "bytes": len(data),
        "sha256": hashlib.sha256(data).hexdigest(),
    }
    criteria = [{"points_lost": 20.5}, {"points_lost": 4.5}]
    return {
        "status": "ENHANCED",
        "error": None,
        "score": 75.0,
        "criteria": criteria,
        "renditions": [rendition | changed],
    }


def troubles(data: bytes, **changed: Any) -> list[str]:
    """What is found when the server delivers these bytes and the API states something else."""
    with serving(answers(response(data))) as server:
        client = ApiClient(f"http://127.0.0.1:{server.port}", "dk_token")
        return troubles_of_files(client, [("a.jpg", a_file(server, data, **changed))])


def test_a_good_delivery_is_good() -> None:
    assert troubles(a_jpeg()) == []


@pytest.mark.parametrize(
    ("data", "changed", "words"),
    [
        (a_jpeg(), {"sha256": "0" * 64}, "has the SHA-256"),
        (a_jpeg(), {"bytes": 7}, "not 7"),
        (a_jpeg(), {"width": 41}, "not what was stated"),
        (a_jpeg(), {"media_type": "image/png"}, "is image/jpeg, not image/png"),
        (a_jpeg(gps=True), {}, "still says where it was taken"),
        (a_jpeg(profile=None), {}, "has no sRGB profile"),
        (a_jpeg()[:-200], {}, "does not decode"),
    ],
)
def test_a_wrong_delivery_is_named(data: bytes, changed: dict[str, Any], words: str) -> None:
    found = troubles(data, **changed)
    assert len(found) == 1
    assert found[0].startswith("a.jpg: ")
    assert words in found[0]


def test_a_file_that_is_not_there_is_named() -> None:
    with serving(answers(response(status=404))) as server:
        client = ApiClient(f"http://127.0.0.1:{server.port}", "dk_token")
        (found,) = troubles_of_files(client, [("a.jpg", a_file(server, b""))])
    assert "answers 404" in found


def test_points_that_do_not_add_up_are_named() -> None:
    with serving(answers(response(a_jpeg()))) as server:
        client = ApiClient(f"http://127.0.0.1:{server.port}", "dk_token")
        (found,) = troubles_of_files(client, [("a.jpg", {**a_file(server, a_jpeg()), "score": 76.0})])
    assert "do not add up to 100" in found


@pytest.mark.parametrize(("stage", "count"), [("validate", 0), ("download", 1), ("enhance", 1)])
def test_a_broken_picture_is_no_trouble_of_ours_but_a_failed_stage_is(stage: str, count: int) -> None:
    error = {"code": "corrupt", "stage": stage, "message": "It could not be decoded.", "retryable": False}
    client = ApiClient("http://127.0.0.1:1", "dk_token")
    assert len(troubles_of_files(client, [("a.jpg", {"status": "FAILED", "error": error})])) == count


def a_batch(**changed: Any) -> dict[str, Any]:
    known = {"id": "b1", "status": "COMPLETED", "workflow": "auto", "percentage": 100, "created_by": "local"}
    return {**known, "created_at": "2026-01-01T00:00:00.000000Z", "files": [{}], "reports": None, **changed}


def heard(batch: dict[str, Any], secret: str) -> Heard:
    body = json.dumps({"event": "batch.completed", **batch}).encode()
    return Heard({"signature": hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()}, body)


def test_the_webhook_must_be_signed_and_true() -> None:
    assert troubles_of_webhook(heard(a_batch(), "hush"), a_batch(), "hush") == []
    assert "Signature" in troubles_of_webhook(heard(a_batch(), "else"), a_batch(), "hush")[0]
    wrong = troubles_of_webhook(heard(a_batch(percentage=50), "hush"), a_batch(), "hush")
    assert wrong == ["The webhook says percentage 50, the API 100."]


def test_a_missing_report_is_named() -> None:
    client = ApiClient("http://127.0.0.1:1", "dk_token")
    found, run = troubles_of_reports(client, a_batch(reports={"html": "x", "json": "y"}))
    assert (found, run) == (["The report has no csv."], None)


def test_the_demos_server_has_the_pictures_and_nothing_else(tmp_path: Path) -> None:
    picture, secret = Path("an ä picture.jpg"), Path("secret.txt")
    (tmp_path / picture).write_bytes(a_jpeg())
    (tmp_path / secret).write_text("mine")
    client = ApiClient("http://127.0.0.1:1", "dk_token")
    with picture_server(tmp_path, [picture]) as server:
        assert client.fetch(server.url_of(picture), len) == hashlib.sha256(a_jpeg()).hexdigest()
        for other in (secret, Path()):
            with pytest.raises(ApiRefused):
                client.fetch(server.url_of(other), len)
