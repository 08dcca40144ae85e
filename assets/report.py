"""Reports of ended batches."""

from typing import Any

import dagster as dg

from assets.shards import Result, ShardConfig
from pipeline.services import stages
from pipeline.services.reporting import ReportCounts
from resources import LineResource

MAX_LINKS = 20
"""Of each kind: a shard of 800 batches of one picture would fill its page, and Dagster's database, with links."""

REPORT_ADDS_UP = dg.AssetCheckSpec(
    "report_adds_up",
    asset="job_report",
    description="Counts, percentages and points of every report add up to what the ledger has.",
)


@dg.asset(group_name="line", deps=["quality_scores"], kinds={"html"}, check_specs=[REPORT_ADDS_UP])
def job_report(context: dg.AssetExecutionContext, config: ShardConfig, line: LineResource) -> Result:
    """JSON, CSV and HTML report of each batch that ended in this shard; the batch is final and its webhook is due.

    The links lead to the page a customer gets: failures first, before and after, scores with their reasons.
    """
    result = stages.run_report(line.connect(), config.shard_id, context.run.run_id)
    if not isinstance(result, ReportCounts):
        context.log.info(result)
        result = ReportCounts(faults=stages.report_faults(line.connect(), config.shard_id))
    check = dg.AssetCheckResult(
        check_name="report_adds_up",
        passed=not result.faults,
        severity=dg.AssetCheckSeverity.ERROR,
        metadata={"faults": result.faults[:50]},
    )
    return dg.MaterializeResult(metadata=_metadata(result), check_results=[check])


def _metadata(result: ReportCounts) -> dict[str, Any]:
    def links(words: str, urls: dict[str, str]) -> dict[str, Any]:
        return {f"{words} {job_id}": dg.MetadataValue.url(url) for job_id, url in list(urls.items())[:MAX_LINKS]}

    return {
        "jobs": len(result.jobs),
        "items": result.items,
        "seconds": round(result.seconds, 2),
        "bytes_out": result.bytes_out,
        **{f"outcome_{outcome}": count for outcome, count in sorted(result.outcomes.items())},
        **({"score_mean": round(sum(result.scores) / len(result.scores), 1)} if result.scores else {}),
        **links("report", result.links),
        **links("contact sheet", result.sheets),
        **links("batch", result.pages),
    }
