"""What all assets share: the shard they work on, and how a stage's counts are shown to an operator."""

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import dagster as dg

from pipeline.domain.jobs import Stage
from pipeline.services import stages
from pipeline.services.line import Line
from pipeline.services.processing import StageCounts

# A MaterializeResult with a parameter is refused where there are checks (Dagster 1.13), so Any stands for it.
Result: TypeAlias = dg.MaterializeResult


class ShardConfig(dg.Config):
    """The items that this run works on: a row of the ledger's `shards`."""

    shard_id: int


NO_FAILED_ITEMS = "no_failed_items"

Failed: TypeAlias = Sequence[tuple[int, str]]
"""Item id and error code of the shard's pictures that failed at a stage, in this run or in an earlier one."""


def no_failed_items(asset: str) -> dg.AssetCheckSpec:
    """A warning, never a stop: one bad picture does not hold up its batch."""
    return dg.AssetCheckSpec(
        NO_FAILED_ITEMS,
        asset=asset,
        description="Every picture of the shard passed this stage. Failed ones are named with their reason.",
    )


def run_stage(
    context: dg.AssetExecutionContext, line: Line, config: ShardConfig, stage: Stage
) -> tuple[StageCounts | None, Failed]:
    """What the stage did, and what failed there by the ledger: a run that repeats nothing turns no red check green.

    None, with a line in the log, when another run holds the shard or nothing is left to do.
    """
    result = stages.run_stage(line, config.shard_id, context.run.run_id, stage)
    failed = stages.failed_items(line, config.shard_id, stage)
    if isinstance(result, StageCounts):
        return result, failed
    context.log.info(result)
    return None, failed


def materialized(
    counts: StageCounts | None,
    failed: Failed,
    *,
    links: Callable[[], dict[str, Any]] = dict,
    checks: list[dg.AssetCheckResult] | None = None,
) -> Result:
    """The counts as metadata that Dagster plots over runs, with the check on failed items."""
    results = [_check(failed), *(checks or [])]
    if counts is None:
        return dg.MaterializeResult(metadata={"items": 0}, check_results=results)
    metadata: dict[str, Any] = {
        "items": counts.items,
        "failed": counts.failed,
        "handed_back": counts.handed_back,
        "seconds": round(counts.seconds, 2),
        "cpu_seconds": round(counts.cpu_seconds, 2),
        "seconds_per_item": round(counts.seconds_per_item, 4),
        "bytes_in": counts.bytes_in,
        "bytes_out": counts.bytes_out,
        **links(),
    }
    return dg.MaterializeResult(metadata=metadata, check_results=results)


def _check(failed: Failed) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(
        check_name=NO_FAILED_ITEMS,
        passed=not failed,
        severity=dg.AssetCheckSeverity.WARN,
        metadata={
            "failed": len(failed),
            "reasons": dict(Counter(code for _, code in failed)),
            "items": [f"{item}: {code}" for item, code in failed[:50]],
        },
    )
