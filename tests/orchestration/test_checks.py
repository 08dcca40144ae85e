"""Asset checks say what the ledger says, also in a run that repeats nothing; pages of assets stay readable."""

from sqlalchemy import update

from assets.report import MAX_LINKS, _metadata
from pipeline.domain.jobs import Stage
from pipeline.services.reporting import REPORT_TRIES, ReportCounts
from pipeline.services.stages import failed_items, report_faults
from pipeline.store.items import ItemRow
from pipeline.store.jobs import JobRow
from tests.orchestration.conftest import Operator
from tests.orchestration.test_line_run import a_shard, checks, metadata


def test_a_red_check_stays_red_when_a_finished_shard_is_run_again(operator: Operator) -> None:
    operator.source.files["text.jpg"] = b"this is no picture"
    _, shard_id = a_shard(operator, operator.source.urls())
    first, second = checks(operator.run(shard_id)), operator.run(shard_id)
    assert checks(second) == first
    assert [name for name, passed in first.items() if not passed] == ["validated_media.no_failed_items"]
    assert metadata(second, "validated_media")["items"] == 0
    (item,) = failed_items(operator.line, shard_id, Stage.VALIDATE)
    assert item[1] == "unsupported_type"


def test_an_upload_that_failed_is_not_called_readable_later(operator: Operator) -> None:
    _, shard_id = a_shard(operator, operator.source.urls())
    operator.run(shard_id)
    with operator.line.database.session() as session:
        failed = {"outcome": "failed", "failed_stage": "upload", "error": {"code": "source_exhausted"}}
        session.execute(update(ItemRow).where(ItemRow.shard_id == shard_id).values(failed))
    assert checks(operator.run(shard_id))["published_renditions.delivered_readable"] is False


def test_a_report_that_does_not_add_up_is_told_by_every_run(operator: Operator) -> None:
    job, shard_id = a_shard(operator, operator.source.urls())
    assert checks(operator.run(shard_id))["job_report.report_adds_up"] is True
    assert checks(operator.run(shard_id))["job_report.report_adds_up"] is True
    with operator.line.database.session() as session:
        session.execute(update(ItemRow).where(ItemRow.job_id == job, ItemRow.position == 1).values(renditions=[]))
    assert checks(operator.run(shard_id))["job_report.report_adds_up"] is False


def test_a_job_that_ended_without_a_report_is_told_until_it_is_retried(operator: Operator) -> None:
    job, shard_id = a_shard(operator, operator.source.urls())
    operator.run(shard_id)
    with operator.line.database.session() as session:
        row = session.get_one(JobRow, job)
        row.reports, row.report_tries = {}, REPORT_TRIES
    assert report_faults(operator.line, shard_id) == [f"{job}: the report cannot be made"]
    with operator.line.database.session() as session:
        session.get_one(JobRow, job).report_tries = 0
    assert report_faults(operator.line, shard_id) == [], "retention has emptied it"


def test_links_of_every_kind_are_capped_alike() -> None:
    urls = {f"job-{number}": f"http://darkroom.example/{number}" for number in range(50)}
    links = _metadata(ReportCounts(links=urls, sheets=urls, pages=urls))
    kinds = [name.rpartition(" ")[0] for name in links if "job-" in name]
    assert {kind: kinds.count(kind) for kind in kinds} == {
        "report": MAX_LINKS,
        "contact sheet": MAX_LINKS,
        "batch": MAX_LINKS,
    }
