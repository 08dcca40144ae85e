"""The commands over the ledger, each run as a user runs it, on a real database."""

import json
from importlib.resources import files
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from pipeline.domain.jobs import ItemState, JobStatus, Outcome, Stage
from pipeline.domain.media import Rendition
from pipeline.services.accounts import authenticate
from pipeline.services.line import Ledger
from pipeline.store.items import items_of_job
from pipeline.store.jobs import JobRow
from pipeline.store.shards import ShardRow
from pipeline.store.values import dump
from tests.factories import a_job, an_account
from tests.integration.command_line import KEY, CommandLine, command_line

darkroom = pytest.fixture(command_line)


def a_finished_job_with_a_failure(ledger: Ledger) -> UUID:
    """Two pictures: the first delivered, the second failed while it was enhanced."""
    job_id = a_job(ledger, an_account(ledger, "studio"), ["http://a.example/1.jpg", "http://a.example/2.jpg"])
    with ledger.database.session() as session:
        good, bad = items_of_job(session, job_id)
        for item in (good, bad):
            item.state = ItemState.ENDED
        good.outcome, good.stage_done = Outcome.APPROVED, Stage.SCORE.rank
        bad.outcome, bad.stage_done, bad.failed_stage = Outcome.FAILED, Stage.ANALYZE.rank, Stage.ENHANCE
        words = "The picture could not be decoded to its end."
        bad.error = {"code": "corrupt", "stage": "enhance", "message": words, "retryable": False}
        job = session.get_one(JobRow, job_id)
        for status in (JobStatus.RUNNING, JobStatus.REPORTING, JobStatus.SUCCEEDED):
            job.move_to(status)
        job.open_items = 0
    return job_id


def test_an_account_is_made_once(darkroom: CommandLine) -> None:
    made = darkroom.json("accounts", "create", "studio", "--plan", "unlimited", "--email", "a@example.com")
    assert made["name"] == "studio"
    assert [each["plan"] for each in darkroom.json("accounts", "list")] == ["unlimited"]
    code, _, err = darkroom.run("accounts", "create", "studio")
    assert (code, err) == (1, "There is an account named 'studio' already.\n")


def test_a_token_opens_its_account(darkroom: CommandLine, ledger: Ledger) -> None:
    darkroom.json("accounts", "create", "studio")
    answer = darkroom.json("tokens", "create", "studio", "--days", "1")
    assert list(answer) == ["token"]
    assert authenticate(ledger, answer["token"]).name == "studio"


def test_without_json_the_token_is_all_that_stdout_has(darkroom: CommandLine, ledger: Ledger) -> None:
    darkroom.json("accounts", "create", "studio")
    code, out, err = darkroom.run("tokens", "create", "studio")
    assert code == 0
    assert authenticate(ledger, out.strip()).name == "studio"
    assert err == "Keep it: it is shown this once.\n"


def test_a_token_for_nobody_says_what_to_do(darkroom: CommandLine) -> None:
    code, out, err = darkroom.run("tokens", "create", "nobody")
    assert (code, out) == (1, "")
    assert err == "There is no account named 'nobody': make one with `darkroom accounts create`.\n"


def test_jobs_are_listed_with_their_progress(darkroom: CommandLine, ledger: Ledger) -> None:
    job_id = a_finished_job_with_a_failure(ledger)
    listed = darkroom.json("jobs", "list")
    assert listed["total"] == 1
    assert listed["jobs"][0]["id"] == str(job_id)
    assert listed["jobs"][0]["account"] == "studio"
    assert listed["jobs"][0]["percentage"] == 50
    code, out, _ = darkroom.run("jobs", "list", "--account", "studio")
    assert code == 0
    assert str(job_id) in out
    assert "2 of 2" in out


def test_a_job_is_shown_with_the_reason_of_its_failure(darkroom: CommandLine, ledger: Ledger) -> None:
    job_id = a_finished_job_with_a_failure(ledger)
    code, out, _ = darkroom.run("jobs", "show", job_id)
    assert code == 0
    assert "2.jpg" in out
    assert "corrupt: The picture could not be decoded to its end." in out
    assert "1 APPROVED, 1 FAILED" in out
    shown = darkroom.json("jobs", "show", job_id)
    assert [file["status"] for file in shown["files"]] == ["APPROVED", "FAILED"]
    assert shown["links"]["api"].endswith(f"/v1/batches/{job_id}")


def test_a_job_is_shown_with_its_runs_and_its_finished_files(
    darkroom: CommandLine, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DARKROOM_DAGSTER_URL", "http://dagster.example:8401")
    monkeypatch.setenv("DARKROOM_CDN_URL", "https://cdn.example")
    job_id = a_finished_job_with_a_failure(ledger)
    assert darkroom.json("jobs", "show", job_id)["runs"] == [], "no run has worked on it"
    key = f"public/{uuid4()}/{job_id}/1/1-{'0' * 64}.jpg"
    rendition = Rendition("main", key, "image/jpeg", 640, 480, 5, "0" * 64)
    with ledger.database.session() as session:
        good, bad = items_of_job(session, job_id)
        good.renditions = [dump(rendition)]
        job = session.get_one(JobRow, job_id)
        reporting, waiting, others = (ShardRow(account_id=job.account_id, kind=job.kind) for _ in range(3))
        session.add_all([reporting, waiting, others])
        reporting.last_holder, others.last_holder = "run-of-the-report", "run-of-another-job"
        session.flush()
        good.shard_id, bad.shard_id, job.report_shard_id = reporting.id, waiting.id, reporting.id
    runs = [
        f"http://dagster.example:8401/runs?q%5B0%5D=tag%3Adarkroom%2Fshard%3D{waiting.id}",
        "http://dagster.example:8401/runs/run-of-the-report",
    ]
    assert darkroom.json("jobs", "show", job_id)["runs"] == runs
    _, out, _ = darkroom.run("jobs", "show", job_id)
    assert f"1.jpg (main)  https://cdn.example/{key}\n" in out
    assert [line.split()[-1] for line in out.splitlines() if line.startswith("dagster run")] == runs


def test_only_failed_pictures_are_retried(darkroom: CommandLine, ledger: Ledger) -> None:
    job_id = a_finished_job_with_a_failure(ledger)
    retried = darkroom.json("jobs", "retry", job_id, "--failed", "--from", "validate")
    assert (retried["items"], retried["generation"], retried["from_stage"]) == (1, 2, "validate")
    shown = darkroom.json("jobs", "show", job_id)
    assert [file["status"] for file in shown["files"]] == ["APPROVED", "PROCESSING"]


def test_a_cancelled_job_is_cancelled_once(darkroom: CommandLine, ledger: Ledger) -> None:
    job_id = a_job(ledger, an_account(ledger))
    assert darkroom.json("jobs", "cancel", job_id)["status"] == "CANCELLED"
    finished = a_finished_job_with_a_failure(ledger)
    code, _, err = darkroom.run("jobs", "cancel", finished)
    assert (code, err) == (1, "The batch has ended already and cannot be cancelled.\n")


def test_a_job_that_does_not_exist_is_an_error_and_not_a_traceback(darkroom: CommandLine) -> None:
    code, out, err = darkroom.run("jobs", "show", uuid4())
    assert (code, out, err) == (1, "", "There is no such batch.\n")


def test_a_wrong_call_is_a_usage_error(darkroom: CommandLine) -> None:
    assert darkroom.run("jobs", "show", "not-an-id")[0] == 2
    assert darkroom.run("jobs", "retry", uuid4())[0] == 2
    assert darkroom.run("webhooks", "set", "studio", "ftp://example.com")[0] == 2


def test_an_endpoint_is_set_and_shown_without_its_secret(darkroom: CommandLine) -> None:
    darkroom.json("accounts", "create", "studio")
    made = darkroom.json("webhooks", "set", "studio", "https://example.com/hook", "--secret", "hush")
    assert made["secret"] == "hush"
    code, out, _ = darkroom.run("webhooks", "show", "studio")
    assert (code, out) == (0, "https://example.com/hook is enabled.\n")
    assert "hush" not in json.dumps(darkroom.json("webhooks", "show", "studio"))


def test_without_deliveries_there_is_nothing_to_replay(darkroom: CommandLine) -> None:
    assert darkroom.json("webhooks", "deliveries", "--dead") == []
    code, _, err = darkroom.run("webhooks", "replay", uuid4())
    assert (code, err) == (1, "There is no such delivery.\n")


def test_settings_show_what_is_set_and_no_value(darkroom: CommandLine) -> None:
    known = {each["name"]: each for each in darkroom.json("settings")}
    assert known["DARKROOM_SECRET_KEY"]["set"] is True
    assert KEY not in json.dumps(known)


def test_without_an_instance_a_command_says_how_to_start_one(
    darkroom: CommandLine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("DARKROOM_DATABASE_URL")
    code, out, err = darkroom.run("jobs", "list")
    assert (code, out) == (1, "")
    assert "start one with `darkroom up`" in err
    assert str(tmp_path / "data") in err


def test_a_database_that_does_not_answer_is_one_line(darkroom: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DARKROOM_DATABASE_URL", "postgresql://nobody@127.0.0.1:1/darkroom")
    code, _, err = darkroom.run("accounts", "list")
    assert code == 1
    assert err == (
        "The database does not answer: start the instance with `darkroom up`, or correct DARKROOM_DATABASE_URL.\n"
    )


def test_status_names_the_parts_that_do_not_answer(darkroom: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DARKROOM_API_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("DARKROOM_DAGSTER_URL", "http://127.0.0.1:1")
    code, out, _ = darkroom.run("status", "--json")
    parts = {part["name"]: part["ready"] for part in json.loads(out)["parts"]}
    assert (code, parts) == (1, {"PostgreSQL": True, "The API": False, "Dagster": False})


def test_the_workflows_are_listed_and_shown(darkroom: CommandLine) -> None:
    listed = {each["slug"] for each in darkroom.json("workflows", "list")}
    assert listed == {"auto", "food", "real-estate", "product", "portrait"}
    assert darkroom.json("workflows", "show", "auto")["slug"] == "auto"
    code, _, err = darkroom.run("workflows", "show", "fod")
    assert code == 1
    assert "There is no workflow 'fod'; there are: auto, food" in err


def test_a_workflow_without_mistakes_is_said_to_have_none(darkroom: CommandLine) -> None:
    file = files("pipeline.workflows") / "builtin" / "food.yaml"
    code, out, _ = darkroom.run("workflows", "check", file)
    assert (code, out) == (0, f"{file}: no mistakes.\n")


def test_every_mistake_has_a_line_and_a_place(darkroom: CommandLine, tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    text = (files("pipeline.workflows") / "builtin" / "food.yaml").read_text(encoding="utf-8")
    file.write_text(text.replace("version:", "versoin:", 1) + "\nshiny: yes\n", encoding="utf-8")
    code, out, err = darkroom.run("workflows", "check", file)
    assert (code, out) == (1, "")
    assert len(err.splitlines()) >= 2
    assert all(line.startswith("mine.yaml") for line in err.splitlines())
    code, out, _ = darkroom.run("workflows", "check", file, "--json")
    assert (code, json.loads(out)["mistakes"]) == (1, err.splitlines())
