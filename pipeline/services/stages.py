"""Running one stage for one shard: what an asset calls, and the command line could as well."""

from collections.abc import Sequence

from pipeline.domain.jobs import Stage
from pipeline.services.kinds import work_of
from pipeline.services.leases import holder_of, holding
from pipeline.services.line import Line
from pipeline.services.processing import StageCounts, walk
from pipeline.services.reporting import ReportCounts, faults_of, report_jobs
from pipeline.store import items, jobs


def run_stage(line: Line, shard_id: int, run_id: str, stage: Stage) -> StageCounts | str:
    """What the stage did for the shard's items; or, in words, why this run has nothing to do."""
    with holding(line, shard_id, run_id) as fence:
        if fence is None:
            return _nothing_to_do(line, shard_id)
        return walk(line, fence, stage, work_of(stage))


def run_report(line: Line, shard_id: int, run_id: str) -> ReportCounts | str:
    """The jobs that ended in this shard are final and the shard is given back; or why there is nothing to do."""
    with holding(line, shard_id, run_id) as fence:
        if fence is None:
            return _nothing_to_do(line, shard_id)
        return report_jobs(line, fence)


def failed_items(line: Line, shard_id: int, stage: Stage) -> Sequence[tuple[int, str]]:
    """Item id and error code of each of the shard's items that failed at this stage, in whatever run, and still do."""
    with line.database.session() as session:
        return items.failed_at(session, shard_id, stage)


def report_faults(line: Line, shard_id: int) -> list[str]:
    """What does not add up in the jobs that ended in this shard, by the ledger as it stands now; nothing is written."""
    with line.database.session() as session:
        job_ids = jobs.reported_jobs(session, shard_id)
    return [fault for job_id in job_ids for fault in faults_of(line, job_id)]


def _nothing_to_do(line: Line, shard_id: int) -> str:
    holder = holder_of(line, shard_id)
    if holder is None:
        return f"Shard {shard_id} is done: nothing is left to do."
    return f"Shard {shard_id} is held by run {holder}: this run leaves it alone."
