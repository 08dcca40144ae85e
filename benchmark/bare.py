"""The same stage functions in a bare loop: same threads, same downloads and uploads; no Dagster, no ledger."""

import json
import resource
import sys
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import cv2
import simplejpeg

from pipeline.adapters.address_guard import AddressGuard
from pipeline.adapters.http_source import HttpSource
from pipeline.adapters.object_store import from_url
from pipeline.domain.media import MediaLimits
from pipeline.inference import OnnxModels
from pipeline.ports import Models, ObjectStore, Source, SourceRequest
from pipeline.reports.contact_sheet import thumbnail
from pipeline.stages.analyze import analyze
from pipeline.stages.download import download
from pipeline.stages.enhance import enhance
from pipeline.stages.score import score
from pipeline.stages.upload import publish
from pipeline.stages.validate import decode_proxy, validate
from pipeline.workflows import WorkflowCatalog


@dataclass(frozen=True, slots=True)
class Loop:
    source: Source
    store: ObjectStore
    models: Models | None
    limits: MediaLimits
    folder: str

    def one(self, number: int, url: str) -> None:
        """One picture through every stage, its objects written as the line writes them."""
        workflow = WORKFLOW
        fetched = download(SourceRequest(url, self.limits.max_bytes), self.source)
        self.store.put(f"originals/{number}-{fetched.sha256}.bin", fetched.data, media_type="image/jpeg")
        validated = validate(fetched.data, self.limits, sha256=fetched.sha256)
        self.store.put(f"work/{number}.jpg", validated.proxy, media_type="image/jpeg")
        findings = analyze(decode_proxy(validated.proxy), validated.facts, self.models)
        made = enhance(fetched.data, validated.facts, findings, workflow, limits=self.limits, models=self.models)
        for rendition in made.renditions:
            name = f"{number}-{rendition.sha256}.{rendition.extension}"
            self.store.put(f"work/{name}", rendition.data, media_type=rendition.media_type)
            publish(self.store, f"work/{name}", f"public/{name}", sha256=rendition.sha256)
        score(made.findings, validated.facts, workflow.guidelines)
        thumbnail(validated.proxy)
        if made.proxy is not None:
            self.store.put(f"work/{number}-after.jpg", made.proxy, media_type="image/jpeg")
            thumbnail(made.proxy)


WORKFLOW = WorkflowCatalog(None).get("auto")


def run(urls: Iterable[str], *, threads: int, folder: Path, models: str | None, port: int) -> dict[str, float]:
    """Wall and CPU seconds, and peak memory of this process, for these pictures."""
    guard = AddressGuard(frozenset({("127.0.0.1", port)}), frozenset())
    models_port = OnnxModels(Path(models)) if models else None
    loop = Loop(HttpSource(guard), from_url(folder.as_uri()), models_port, MediaLimits(), str(folder))
    numbered = list(enumerate(urls))
    started, cpu = time.perf_counter(), time.process_time()
    with ThreadPoolExecutor(threads) as pool:
        for done in [pool.submit(loop.one, number, url) for number, url in numbered]:
            done.result()
    wall_s, cpu_s = time.perf_counter() - started, time.process_time() - cpu
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {
        "images": len(numbered),
        "wall_s": round(wall_s, 2),
        "cpu_s": round(cpu_s, 2),
        "cpu_s_per_image": round(cpu_s / len(numbered), 4),
        "peak_mb": round(peak_mb),
    }


def decode_and_encode(paths: list[Path], repeats: int = 10) -> dict[str, float]:
    """CPU seconds per image of decoding and encoding alone: what nobody can go below."""
    pictures = [path.read_bytes() for path in paths]
    cpu = time.process_time()
    for _ in range(repeats):
        for data in pictures:
            simplejpeg.encode_jpeg(simplejpeg.decode_jpeg(data), quality=90, colorsubsampling="420")
    return {"cpu_s_per_image": round((time.process_time() - cpu) / (repeats * len(pictures)), 4)}


if __name__ == "__main__":
    cv2.setNumThreads(1)
    job = json.loads(sys.stdin.read())
    if "paths" in job:
        print(json.dumps(decode_and_encode([Path(path) for path in job["paths"]])))
    else:
        urls = [f"{job['base']}/{number}.jpg" for number in range(job["images"])]
        print(
            json.dumps(
                run(
                    urls,
                    threads=job["threads"],
                    folder=Path(job["folder"]),
                    models=job["models"],
                    port=int(job["base"].rpartition(":")[2]),
                )
            )
        )
