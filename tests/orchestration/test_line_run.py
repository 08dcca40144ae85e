"""The real definitions, run by Dagster over a real ledger, store and source."""

from uuid import UUID

import dagster as dg
import pytest

import assets
import resources
import sensors
from assets.runs import LINE_ASSETS
from pipeline.definitions import definitions
from pipeline.domain.jobs import ItemState, JobStatus, Outcome, Stage
from pipeline.services.dispatch import claim_shards
from pipeline.services.leases import take_shard
from pipeline.services.repairs import requeue_claimed
from pipeline.services.views import show_job
from pipeline.store.items import items_of_job
from pipeline.workflows import WorkflowCatalog
from tests.conftest import REPOSITORY
from tests.factories import a_job, an_account
from tests.orchestration.conftest import Operator


def a_shard(operator: Operator, urls: list[str]) -> tuple[UUID, int]:
    job = a_job(operator.line, an_account(operator.line), urls, workflow=WorkflowCatalog(None).get("auto"))
    (order,) = claim_shards(operator.line)
    return job, order.shard_id


def metadata(result: dg.ExecuteInProcessResult, asset: str) -> dict[str, object]:
    (event,) = result.asset_materializations_for_node(asset)
    return {name: value.value for name, value in event.metadata.items()}


def checks(result: dg.ExecuteInProcessResult) -> dict[str, bool]:
    found = result.get_asset_check_evaluations()
    return {f"{check.asset_key.to_user_string()}.{check.check_name}": check.passed for check in found}


@pytest.mark.parametrize("package", [assets, resources, sensors])
def test_the_packages_are_ours_and_not_somebody_elses_of_the_same_name(package: object) -> None:
    assert str(package.__file__).startswith(str(REPOSITORY))  # type: ignore[attr-defined]


def test_the_assets_stand_in_the_order_of_the_stages() -> None:
    assert [asset.key.to_user_string() for asset in LINE_ASSETS] == [
        "downloaded_media",
        "validated_media",
        "media_analysis",
        "enhanced_renditions",
        "published_renditions",
        "quality_scores",
        "job_report",
    ]
    assert len(LINE_ASSETS) == len(Stage)


def test_every_asset_tells_an_operator_what_it_does() -> None:
    graph = definitions.resolve_asset_graph()
    assert all(len(graph.get(asset.key).description or "") > 60 for asset in LINE_ASSETS)


def test_one_run_takes_a_batch_through_to_its_report(operator: Operator) -> None:
    job, shard_id = a_shard(operator, operator.source.urls())
    result = operator.run(shard_id)
    assert result.success
    view = show_job(operator.line, job)
    assert view.status is JobStatus.SUCCEEDED and view.percentage == 100
    assert {"json", "csv", "html"} <= set(view.reports)
    assert metadata(result, "enhanced_renditions")["items"] == 2
    assert metadata(result, "job_report")["jobs"] == 1
    assert all(checks(result).values()) and len(checks(result)) == 8


def test_the_score_chart_and_the_links_stand_on_the_assets_pages(operator: Operator) -> None:
    job, shard_id = a_shard(operator, operator.source.urls())
    result = operator.run(shard_id)
    assert "| 70-80 |" in str(metadata(result, "quality_scores")["score_chart"])
    links = metadata(result, "job_report")
    assert str(links[f"report {job}"]).startswith("http") and str(links[f"contact sheet {job}"]).startswith("http")


def test_a_failed_picture_shows_as_a_warning_and_the_rest_is_delivered(operator: Operator) -> None:
    operator.source.files["text.jpg"] = b"this is no picture"
    job, shard_id = a_shard(operator, operator.source.urls())
    result = operator.run(shard_id)
    assert result.success
    assert checks(result)["validated_media.no_failed_items"] is False
    view = show_job(operator.line, job)
    assert view.counts[Outcome.FAILED] == 1 and view.ended == 3


def test_a_second_run_of_a_finished_shard_ends_and_does_nothing(operator: Operator) -> None:
    job, shard_id = a_shard(operator, operator.source.urls())
    operator.run(shard_id)
    before = show_job(operator.line, job)
    assert operator.run(shard_id).success
    assert show_job(operator.line, job) == before
    assert set(operator.source.hits.values()) == {1}


def test_a_run_that_does_not_get_the_shard_says_who_holds_it(operator: Operator) -> None:
    job, shard_id = a_shard(operator, operator.source.urls())
    take_shard(operator.line, shard_id, "somebody-else")
    result = operator.run(shard_id)
    assert result.success and show_job(operator.line, job).ended == 0
    messages = [record.message for record in operator.instance.all_logs(result.run_id)]
    assert any("held by run somebody-else" in message for message in messages)


def test_re_execution_from_failure_repeats_nothing_that_is_done(operator: Operator) -> None:
    job, shard_id = a_shard(operator, operator.source.urls())
    operator.run(shard_id, only=["downloaded_media", "validated_media"])
    hits = dict(operator.source.hits)
    rest = [asset.key.to_user_string() for asset in LINE_ASSETS][2:]
    with operator.line.database.session() as session:
        from pipeline.store.shards import locked_shard

        row = locked_shard(session, shard_id)
        assert row is not None
        row.holder, row.lease_until = None, None
    result = operator.run(shard_id, only=rest)
    assert result.success and show_job(operator.line, job).status is JobStatus.SUCCEEDED
    assert operator.source.hits == hits


def test_the_dagster_job_retries_only_what_failed(operator: Operator) -> None:
    operator.source.files["late.jpg"] = b""
    job, shard_id = a_shard(operator, operator.source.urls())
    operator.run(shard_id)
    delivered_before = {item.position: item.renditions for item in show_job(operator.line, job).items}
    operator.source.files["late.jpg"] = operator.source.files["coffee.jpg"]
    retry = definitions.resolve_job_def("retry_failed_items").execute_in_process(
        run_config={"ops": {"retry_items": {"config": {"job_id": str(job), "from_stage": "download"}}}},
        instance=operator.instance,
    )
    assert retry.success
    (order,) = claim_shards(operator.line)
    operator.run(order.shard_id)
    view = show_job(operator.line, job)
    assert view.generation == 2 and view.percentage == 100
    assert operator.source.hits == {"coffee.jpg": 1, "cat.jpg": 1, "late.jpg": 2}
    assert all(
        view.items[position].renditions[0].sha256 == old[0].sha256 for position, old in delivered_before.items() if old
    )


def test_the_sensor_asks_for_one_run_per_shard(operator: Operator) -> None:
    a_job(operator.line, an_account(operator.line), operator.source.urls())
    sensor = definitions.resolve_sensor_def("waiting_items")
    with dg.build_sensor_context(
        instance=operator.instance,
        resources={"ledger": definitions.resources["ledger"]},  # type: ignore[index]
    ) as context:
        (request,) = sensor.evaluate_tick(context).run_requests or []
    shard_id = request.tags["darkroom/shard"]
    assert request.run_key == f"shard:{shard_id}:1"
    assert {type(value) for value in request.tags.values()} == {str}, "Dagster serializes plain words only"
    assert request.run_config["ops"]["job_report"] == {"config": {"shard_id": int(shard_id)}}


def test_a_shard_that_was_claimed_for_nobody_waits_again(operator: Operator) -> None:
    job, shard_id = a_shard(operator, operator.source.urls())
    assert requeue_claimed(operator.line, shard_id)
    (order,) = claim_shards(operator.line)
    assert order.run_key == f"shard:{shard_id}:2"
    with operator.line.database.session() as session:
        assert {item.state for item in items_of_job(session, job)} == {ItemState.CLAIMED}
