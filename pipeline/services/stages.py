"""Running one stage for one shard: what an asset calls, and the command line could as well."""

from pipeline.domain.jobs import Stage
from pipeline.services.item_stages import WORK
from pipeline.services.leases import holder_of, holding
from pipeline.services.line import Line
from pipeline.services.processing import StageCounts, walk
from pipeline.services.reporting import ReportCounts, report_jobs


def run_stage(line: Line, shard_id: int, run_id: str, stage: Stage) -> StageCounts | str:
    """What the stage did for the shard's items; or, in words, why this run has nothing to do."""
    with holding(line, shard_id, run_id) as fence:
        if fence is None:
            return _nothing_to_do(line, shard_id)
        return walk(line, fence, stage, WORK[stage])


def run_report(line: Line, shard_id: int, run_id: str) -> ReportCounts | str:
    """The jobs that ended in this shard are final and the shard is given back; or why there is nothing to do."""
    with holding(line, shard_id, run_id) as fence:
        if fence is None:
            return _nothing_to_do(line, shard_id)
        return report_jobs(line, fence)


def _nothing_to_do(line: Line, shard_id: int) -> str:
    holder = holder_of(line, shard_id)
    if holder is None:
        return f"Shard {shard_id} is done: nothing is left to do."
    return f"Shard {shard_id} is held by run {holder}: this run leaves it alone."
