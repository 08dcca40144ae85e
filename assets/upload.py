"""Renditions published behind the CDN."""

import dagster as dg

from assets.shards import Result, ShardConfig, materialized, no_failed_items, run_stage
from pipeline.domain.jobs import Stage
from resources import LineResource

DELIVERED_READABLE = dg.AssetCheckSpec(
    "delivered_readable",
    asset="published_renditions",
    description="Every published file was read back from the store and is, byte for byte, what was made.",
)


@dg.asset(
    group_name="line",
    deps=["enhanced_renditions"],
    kinds={"objectstore"},
    check_specs=[no_failed_items("published_renditions"), DELIVERED_READABLE],
)
def published_renditions(context: dg.AssetExecutionContext, config: ShardConfig, line: LineResource) -> Result:
    """Each rendition at its final key in the object store, read back and compared by checksum.

    A file that cannot be read back whole is not published: its picture waits and is tried again.
    """
    counts, failed = run_stage(context, line.connect(), config, Stage.UPLOAD)
    unread = len(failed) if counts is None else counts.handed_back
    readable = dg.AssetCheckResult(
        check_name="delivered_readable",
        passed=unread == 0,
        severity=dg.AssetCheckSeverity.WARN,
        metadata={"published": 0 if counts is None else counts.items - counts.failed - unread, "not_readable": unread},
    )
    return materialized(counts, failed, checks=[readable])
