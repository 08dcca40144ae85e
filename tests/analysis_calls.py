"""A customer of the analysis interface: what it sends, asks for and is told; and the processes that work on videos."""

import hashlib
import hmac
import json
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import imageio_ffmpeg
import psutil

from tests.instances import Customer, Instance
from tests.receivers import Received, Receiver

HOOK_SECRET = "the secret of the analyses"
WORKER = ("pipeline.media.limited_child", "video_process", "analyze")
"""Words in the command line of the process that looks at a video."""


@dataclass(frozen=True, slots=True)
class Job:
    """An accepted job under its two names."""

    public_id: str
    location: str

    @property
    def id(self) -> UUID:
        return UUID(self.public_id[-32:])


@dataclass(frozen=True, slots=True)
class Analyst:
    """An account that has images and videos analyzed and is told at a receiver."""

    instance: Instance
    customer: Customer
    receiver: Receiver

    def send_images(self, images: list[dict[str, str]], **headers: str) -> Job:
        webhook = {"url": self.receiver.url, "secret": HOOK_SECRET}
        return self._accepted("/images", headers, json={"images": images, "webhook": webhook})

    def send_video(self, data: bytes, **headers: str) -> Job:
        hook = {"X-Webhook-Url": self.receiver.url, "X-Webhook-Secret": HOOK_SECRET}
        return self._accepted("/video", {"Content-Type": "video/mp4", **hook, **headers}, data=data)

    def _accepted(self, path: str, headers: Mapping[str, str], **body: Any) -> Job:
        answer = self.customer.call("POST", path, headers=dict(headers), **body)
        assert answer.status_code == 202, answer.text
        job = Job(answer.json()["job_id"], answer.headers["location"])
        assert job.location == f"{path}/{job.public_id}"
        return job

    def ended(self, job: Job, *, timeout_s: float = 90.0) -> tuple[dict[str, Any], bytes]:
        """The final answer, and its bytes, as soon as it is final."""
        deadline = time.monotonic() + timeout_s
        while True:
            answer = self.customer.call("GET", job.location)
            assert answer.status_code == 200, answer.text
            if answer.json()["status"] in ("finished", "failed"):
                return dict(answer.json()), answer.content
            assert answer.json().keys() == {"job_id", "status"}, "what is not final has no result"
            assert time.monotonic() < deadline, f"{job} did not end in time: {answer.text}"
            time.sleep(0.2)

    def managed(self, job: Job) -> dict[str, Any]:
        """The job in the product's own words."""
        answer = self.customer.call("GET", f"/manage/v1/jobs/{job.id}")
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    def told(self, job: Job, *, timeout_s: float = 60.0) -> Received:
        """The one message about the job, once the ledger knows that it was delivered."""

        def deliveries() -> list[dict[str, Any]]:
            found = self.customer.call("GET", "/manage/v1/deliveries", params={"limit": 500}).json()["data"]
            return [each for each in found if each["job_id"] == str(job.id)]

        wait_for(lambda: [each["state"] for each in deliveries()] == ["delivered"], timeout_s=timeout_s, every_s=0.2)
        [message] = [each for each in self.receiver.received if job.public_id.encode() in each.body]
        return message

    def workers(self, job: Job) -> list[psutil.Process]:
        """The processes that look at a video; the caller has seen to it that no other job has one."""
        return self.instance.processes(*WORKER)

    def working(self, job: Job) -> psutil.Process:
        """The process that looks at the job's video, as soon as there is one."""
        found: list[psutil.Process] = []

        def started() -> bool:
            found.extend(self.workers(job))
            return bool(found)

        wait_for(started, timeout_s=60)
        return found[0]


def wait_for(condition: Callable[[], object], *, timeout_s: float, every_s: float = 0.05) -> None:
    """Waits for what another process brings about."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, "the condition did not come about in time"
        time.sleep(every_s)


def signature_of(message: Received) -> str:
    """The contract's: HMAC-SHA256 of the raw body in hex."""
    return hmac.new(HOOK_SECRET.encode(), message.body, hashlib.sha256).hexdigest()


def keys_and_numbers(value: Any) -> Iterator[str]:
    """Every name in a JSON value, and every list of numbers as it is written."""
    if isinstance(value, dict):
        for name, inner in value.items():
            yield name
            yield from keys_and_numbers(inner)
    elif isinstance(value, list):
        if len(value) > 16 and all(isinstance(each, float) for each in value):
            yield json.dumps(value)
        for inner in value:
            yield from keys_and_numbers(inner)


def ffmpeg(*arguments: str | Path) -> None:
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-y", *map(str, arguments)]
    subprocess.run(command, check=True, timeout=120)


def long_video(folder: Path, shared: Path) -> bytes:
    """Five minutes of cuts: looking at them takes longer than any test waits."""
    target = folder / "long.mp4"
    source = shared / "media" / "video" / "composed_18_shots.mp4"
    ffmpeg("-stream_loop", "4", "-i", source, "-c", "copy", target)
    return target.read_bytes()
