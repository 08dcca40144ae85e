"""The same seven stages in a bare loop: same threads, same downloads and uploads; no Dagster, no ledger."""

import json
import resource
import sys
import time
from collections import Counter
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import cv2
import simplejpeg

from pipeline.adapters.address_guard import AddressGuard
from pipeline.adapters.http_source import HttpSource
from pipeline.adapters.object_store import from_url
from pipeline.domain.jobs import JobKind, JobStatus, Outcome
from pipeline.domain.media import MediaLimits
from pipeline.inference import OnnxModels
from pipeline.ports import Models, ObjectStore, Source, SourceRequest
from pipeline.reports.contact_sheet import contact_sheet, thumbnail
from pipeline.reports.model import ItemReport, JobReport
from pipeline.reports.model import StepReport as ReportedStep
from pipeline.reports.pictures import thumb_side_for
from pipeline.stages.analyze import analyze
from pipeline.stages.download import download
from pipeline.stages.enhance import enhance
from pipeline.stages.report import adds_up, make_reports
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
    thumb_side: int | None

    def one(self, number: int, url: str) -> ItemReport:
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
        quality = score(made.findings, validated.facts, workflow.guidelines)
        before = after = self.thumb(validated.proxy)
        if made.proxy is not None:
            self.store.put(f"work/{number}-after.jpg", made.proxy, media_type="image/jpeg")
            after = self.thumb(made.proxy)
        return ItemReport(
            position=number + 1,
            name=url,
            source=url,
            outcome=Outcome.ENHANCED,
            facts=validated.facts,
            score_before=made.before,
            score_after=quality,
            steps=tuple(ReportedStep(step.name, step.changed, step.detail) for step in made.steps),
            before_thumb=before,
            after_thumb=after,
        )

    def thumb(self, proxy: bytes) -> bytes | None:
        return None if self.thumb_side is None else thumbnail(proxy, self.thumb_side)

    def report(self, items: list[ItemReport], began: datetime) -> None:
        """Every format of the report and the contact sheet, written as the line writes them."""
        report = JobReport(
            job_id="bare",
            kind=JobKind.ENHANCEMENT,
            workflow_slug=WORKFLOW.slug,
            workflow_title=WORKFLOW.title,
            workflow_version=WORKFLOW.version,
            guidelines_version=WORKFLOW.guidelines.version,
            status=JobStatus.SUCCEEDED,
            generation=1,
            created_at=began,
            started_at=began,
            finished_at=datetime.now(UTC),
            counts=Counter(item.outcome for item in items),
            percentage=100,
            items=tuple(items),
        )
        adds_up(report)
        for rendered in make_reports(report).values():
            name = f"reports/{rendered.name}.{rendered.extension}"
            self.store.put(name, rendered.data, media_type=rendered.media_type)
        self.store.put("reports/sheet.jpg", contact_sheet(report.items), media_type="image/jpeg")


WORKFLOW = WorkflowCatalog(None).get("auto")


def run(urls: Iterable[str], *, threads: int, folder: Path, models: str | None, port: int) -> dict[str, float]:
    """Wall and CPU seconds, and peak memory of this process, for these pictures."""
    guard = AddressGuard(frozenset({("127.0.0.1", port)}), frozenset())
    models_port = OnnxModels(Path(models)) if models else None
    numbered = list(enumerate(urls))
    side = thumb_side_for(len(numbered))
    loop = Loop(HttpSource(guard), from_url(folder.as_uri()), models_port, MediaLimits(), side)
    began = datetime.now(UTC)
    started, cpu = time.perf_counter(), time.process_time()
    with ThreadPoolExecutor(threads) as pool:
        items = [done.result() for done in [pool.submit(loop.one, number, url) for number, url in numbered]]
    loop.report(items, began)
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
