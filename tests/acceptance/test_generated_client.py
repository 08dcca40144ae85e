"""A client that somebody else's generator makes of /openapi.json works against the running interface."""

import json
import subprocess
import sys
import venv
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from pipeline.adapters.object_store import from_url
from pipeline.api.analysis import examples
from pipeline.domain.jobs import JobKind
from pipeline.services.line import Ledger
from tests.integration.analysis_jobs import FILM, FINDINGS, end_job
from tests.integration.api_server import Api, running_api

TOOLS = ("openapi-python-client==0.29.1", "openapi-spec-validator==0.9.0")
INSTALL_S = 240
RUN_S = 60

SUBMIT = """
import io
from client.api.analysis import show_latency, submit_images, submit_video
from client.models import ImageRequest, SubmitVideoFilesBody, WebhookConfig
from client.models import SubmitImagesImageBatchRequest as Batch
from client.types import File

picture = ImageRequest(external_id="abc", data_base64="/9j/4AAQSkZJRgABAQAAAQABAAD+")
hook = WebhookConfig(url="https://hook.example.com/x", secret="passphrase")
film = lambda: File(payload=io.BytesIO(bytes(1000)), file_name="film.mp4", mime_type="video/mp4")
form = SubmitVideoFilesBody(file=film(), webhook=hook)
images = submit_images.sync_detailed(client=client, body=Batch(images=[picture], webhook=hook), max_processing_time=60)
told = submit_video.sync_detailed(client=client, body=form, idempotency_key="one")
plain = submit_video.sync_detailed(client=client, body=film(), x_webhook_url="https://hook.example.com/x")
latency = show_latency.sync_detailed("image", client=client)
say({
    "statuses": [int(answer.status_code) for answer in (images, told, plain, latency)],
    "ids": [answer.parsed.job_id for answer in (images, told, plain)],
    "locations": [answer.headers["location"] for answer in (images, told, plain)],
    "error": latency.parsed.to_dict(),
})
"""
SHOW = """
from client.api.analysis import show_images, show_latency, show_video

images, video = (show.sync(job_id, client=client) for show, job_id in zip((show_images, show_video), given))
unknown = show_video.sync_detailed("video_1", client=client)
person = images.items[0].result.person_ids[0]
say({
    "images": images.to_dict(),
    "video": video.to_dict(),
    "person": [person.gender, person.face_embedding, bool(person.allowlisted)],
    "scenes": [scene.end_seconds for scene in video.result.raw_scenes],
    "unknown": [int(unknown.status_code), unknown.parsed.error.code],
    "latency": show_latency.sync("image", client=client).to_dict(),
})
"""
SAMPLES = """
from client.models import ImageBatchAnalysis, MediaLatency, VideoAnalysis

models = (VideoAnalysis, VideoAnalysis, ImageBatchAnalysis, ImageBatchAnalysis, MediaLatency)
say([model.from_dict(sample).to_dict() for model, sample in zip(models, given, strict=True)])
"""
START = """
import json, sys
from client import AuthenticatedClient

base, token, given = sys.argv[1], sys.argv[2], json.loads(sys.argv[3])
client = AuthenticatedClient(base_url=base, token=token, prefix="", auth_header_name="X-API-Key")
say = lambda value: print(json.dumps(value))
"""


def run(*arguments: str | Path, cwd: Path, limit_s: float = RUN_S) -> subprocess.CompletedProcess[str]:
    return subprocess.run(arguments, cwd=cwd, capture_output=True, text=True, timeout=limit_s, check=False)


@pytest.fixture(scope="module")
def tools(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with the programs of an environment that has the generator and the validator, and nothing of ours."""
    folder = tmp_path_factory.mktemp("tools")
    venv.create(folder, with_pip=True)
    programs = folder / ("Scripts" if sys.platform == "win32" else "bin")
    installed = run(programs / "python", "-m", "pip", "install", "-q", *TOOLS, cwd=folder, limit_s=INSTALL_S)
    if installed.returncode:
        pytest.skip(f"the client's generator cannot be installed: {installed.stderr.strip().splitlines()[-1]}")
    return programs


@pytest.fixture
def api(ledger: Ledger, tmp_path: Path) -> Iterator[Api]:
    with running_api(ledger, from_url((tmp_path / "objects").as_uri())) as running:
        yield running


@pytest.fixture
def page(api: Api, tmp_path: Path) -> Path:
    """/openapi.json as the running interface gives it."""
    file = tmp_path / "openapi.json"
    file.write_text(requests.get(f"{api.base}/openapi.json", timeout=30).text)
    return file


@pytest.fixture
def client(api: Api, tools: Path, page: Path, tmp_path: Path) -> Callable[[str, Any], Any]:
    """Runs a few lines with the generated client, as a customer with an API key, and gives back what they say."""
    config = tmp_path / "generator.yaml"
    config.write_text("post_hooks: []\n")
    options: list[str | Path] = [
        "--path",
        page,
        "--output-path",
        tmp_path / "client",
        "--meta",
        "none",
        "--config",
        config,
    ]
    made = run(tools / "openapi-python-client", "generate", *options, cwd=tmp_path)
    assert made.returncode == 0, made.stderr
    token = api.customer("anna").token

    def say(lines: str, given: Any = None) -> Any:
        told = run(tools / "python", "-c", START + lines, api.base, token, json.dumps(given), cwd=tmp_path)
        assert told.returncode == 0, told.stderr
        return json.loads(told.stdout)

    return say


def test_the_page_is_valid_openapi(tools: Path, page: Path, tmp_path: Path) -> None:
    checked = run(tools / "python", "-m", "openapi_spec_validator", page, cwd=tmp_path)
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert json.loads(page.read_text())["openapi"].startswith("3.1")


def test_a_generated_client_submits_polls_and_reads_results(api: Api, client: Callable[[str, Any], Any]) -> None:
    sent = client(SUBMIT, None)
    assert sent["statuses"] == [202, 202, 202, 404]
    assert "has not been measured" in sent["error"]["error"]["message"]
    images, video, _ = sent["ids"]
    assert sent["locations"][:2] == [f"/images/{images}", f"/video/{video}"]
    end_job(api.ledger, images, JobKind.IMAGE_ANALYSIS, FINDINGS)
    end_job(api.ledger, video, JobKind.VIDEO_ANALYSIS, FILM)
    shown = client(SHOW, [images, video])
    assert shown["person"] == ["female", [0.6, 0.8], False]
    assert shown["scenes"] == [2.0]
    assert shown["unknown"] == [404, "not_found"]
    assert shown["latency"]["sample_size"] == 1
    assert shown["images"]["items"][0]["result"]["tags"] == [{"tag": "cat", "probability": 0.9, "is_critical": False}]
    assert (shown["images"]["status"], shown["video"]["status"]) == ("finished", "finished")


def test_a_generated_client_reads_the_contracts_samples_and_loses_nothing(client: Callable[[str, Any], Any]) -> None:
    samples = [
        examples.VIDEO, examples.VIDEO_CALLBACK, examples.IMAGES, examples.IMAGES_CALLBACK, examples.LATENCY
    ]  # fmt: skip
    assert client(SAMPLES, samples) == samples
