"""What the report of an analysis says: a job's findings as pages to look at and lines to work on."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from uuid import UUID

from pipeline.dialects.analysis import public_id
from pipeline.domain.jobs import JobKind, JobStatus, Outcome, Stage
from pipeline.domain.media import Rendition
from pipeline.domain.views import ItemView, JobView
from pipeline.errors import MediaError, ObjectMissing
from pipeline.services.line import Line
from pipeline.services.made_report import MadeReport
from pipeline.services.views import job_view
from pipeline.store.items import items_of_job
from pipeline.store.jobs import JobRow
from pipeline.version import VERSION

if TYPE_CHECKING:  # the code location imports services and needs no picture
    from pipeline.reports.analysis.model import AnalysisReport, AnalyzedItem

PATHS = {JobKind.VIDEO_ANALYSIS: "video", JobKind.IMAGE_ANALYSIS: "images"}


def analysis_report(line: Line, job_id: UUID, run_id: str) -> MadeReport:
    """The report in every format; no vector and no face thumbnail is in any of them."""
    from pipeline.reports.analysis.interface import ANALYSIS_FORMATS
    from pipeline.stages.report import RenderedReport

    with line.database.session() as session:
        job = session.get_one(JobRow, job_id)
        view = job_view(line, session, job, items=True)
        items = items_of_job(session, job_id)
    proxies = {item.id: item.proxy_key for item in items}
    report = _report(line, view, run_id, proxies)
    files = {
        name: RenderedReport(name, each.media_type, each.extension, each.render(report))
        for name, each in ANALYSIS_FORMATS.items()
    }
    return MadeReport(files, items, faults_of(view), f"/{PATHS[view.kind]}/{public_id(view)}")


def analysis_faults(line: Line, job_id: UUID) -> list[str]:
    """What does not add up by the ledger as it stands now."""
    with line.database.session() as session:
        return faults_of(job_view(line, session, session.get_one(JobRow, job_id), items=True))


def faults_of(view: JobView) -> list[str]:
    """What does not add up in an analysis, one sentence each; empty when everything does."""
    faults = []
    if sum(view.counts.values()) != len(view.items) or view.total != len(view.items):
        faults.append(f"{view.id}: {view.counts} do not add up to {view.total} items.")
    for item in view.items:
        if item.outcome is Outcome.ANALYZED and item.analysis is None:
            faults.append(f"{view.id}: item {item.position} is analyzed and has no findings.")
        if item.outcome is Outcome.FAILED and item.error is None:
            faults.append(f"{view.id}: item {item.position} failed and says not why.")
    return faults


def _report(line: Line, view: JobView, run_id: str, proxies: dict[int, str | None]) -> "AnalysisReport":
    from pipeline.reports.analysis.model import AnalysisReport
    from pipeline.reports.model import RunLink

    seconds: defaultdict[Stage, float] = defaultdict(float)
    for item in view.items:
        for stage, elapsed_ms in item.timings_ms.items():
            seconds[Stage(stage)] += elapsed_ms / 1000
    return AnalysisReport(
        job_id=public_id(view),
        kind=view.kind,
        status=JobStatus.CANCELLED if view.cancelled else JobStatus.SUCCEEDED,
        created_at=view.created_at,
        started_at=view.started_at,
        finished_at=datetime.now(UTC),
        items=tuple(_item(line, item, proxies[item.id]) for item in view.items),
        generation=view.generation,
        stage_seconds=seconds,
        runs=(RunLink(run_id, f"{line.options.dagster_url}/runs/{run_id}"),),
        product_version=VERSION,
        failure=view.failure,
    )


def _item(line: Line, item: ItemView, proxy_key: str | None) -> "AnalyzedItem":
    from pipeline.reports.analysis.model import AnalyzedItem

    poster = next((each.key for each in item.renditions if each.name == "poster"), None)
    return AnalyzedItem(
        position=item.position + 1,
        name=item.reference or f"file {item.position + 1}",
        outcome=item.outcome or Outcome.CANCELLED,
        reference=item.reference,
        error=item.error,
        image=item.facts,
        video=item.video,
        findings=item.analysis if item.outcome is Outcome.ANALYZED else None,
        renditions=item.renditions,
        timings_ms={Stage(stage): round(elapsed) for stage, elapsed in item.timings_ms.items()},
        attempts=item.attempts + 1,
        thumb=_thumb(line, poster or proxy_key),
        shot_thumbs=_shot_thumbs(line, item.renditions),
    )


def _thumb(line: Line, key: str | None) -> bytes | None:
    from pipeline.reports.contact_sheet import thumbnail

    try:
        return None if key is None else thumbnail(line.store.get(key))
    except (ObjectMissing, MediaError):
        return None


def _shot_thumbs(line: Line, renditions: Sequence[Rendition]) -> dict[int, bytes]:
    """By the shot's place from 0; the files are named from 1."""
    shots = [each for each in renditions if each.name.startswith("shot_")]
    return {int(each.name.removeprefix("shot_")) - 1: line.store.get(each.key) for each in shots}
