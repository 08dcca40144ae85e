"""`darkroom jobs`: what was asked for, how far it is, and what an operator can do about it."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any
from uuid import UUID

import typer
from rich.progress_bar import ProgressBar
from rich.table import Table

from pipeline.cli.analysis_jobs import show_analysis
from pipeline.cli.instances import account_named, found_settings, open_ledger, open_ledger_of
from pipeline.cli.output import (
    Data,
    Json,
    console,
    fields,
    print_json,
    print_pictures,
    print_table,
    say,
    seconds_in_words,
    status_text,
    summary_of,
)
from pipeline.dialects.analysis import without_prefix
from pipeline.dialects.enhancement import batch_body, summary_body
from pipeline.domain.jobs import JobKind, Stage
from pipeline.domain.views import ItemView, JobView
from pipeline.reports.model import name_of
from pipeline.services.accounts import list_accounts
from pipeline.services.jobs import cancel
from pipeline.services.retrying import retry_failed
from pipeline.services.views import list_jobs, runs_of_job, show_job

app = typer.Typer(help="Jobs (what the API calls batches): list, look into, try again, cancel.", no_args_is_help=True)


def _job_id(shown: str) -> UUID:
    try:
        return UUID(without_prefix(shown))
    except ValueError as error:
        raise typer.BadParameter(f"{shown!r} is no job's id: `darkroom jobs list` shows them.") from error


JobId = Annotated[
    UUID, typer.Argument(metavar="ID", parser=_job_id, help="The job's id, as the API and `jobs list` show it.")
]


@app.command("list")
def show_all(
    account: Annotated[str | None, typer.Option(help="Only this account's.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="At most so many, the newest.")] = 20,
    data: Data = None,
    json: Json = False,
) -> None:
    """Show the newest jobs with their progress."""
    with open_ledger(data) as ledger:
        account_id = account_named(ledger, account).id if account else None
        views, total = list_jobs(ledger, account_id, limit=limit)
        names = {each.id: each.name for each in list_accounts(ledger)}
    bodies = [{**summary_body(view), "kind": view.kind, "account": names.get(view.account_id)} for view in views]
    if json:
        print_json({"jobs": bodies, "total": total})
        return
    columns = ("Id", "Account", "Work", "Status", "Ended", "Delivered", "Left", "Since")
    print_table(columns, (_row(view, names) for view in views), empty="No jobs yet.")
    if total > len(views):
        say(f"{total - len(views)} older ones are not shown: raise --limit.")


def _row(view: JobView, names: dict[UUID, str]) -> tuple[object, ...]:
    body = summary_body(view)
    left = None if view.eta_seconds is None else seconds_in_words(view.eta_seconds)
    return (
        view.id,
        names.get(view.account_id),
        view.workflow_slug or view.kind.value.replace("_", " "),
        status_text(body["status"]),
        f"{view.ended} of {view.total}",
        f"{view.percentage} %",
        left,
        view.created_at,
    )


@app.command("show")
def show(job_id: JobId, data: Data = None, json: Json = False) -> None:
    """Show one job: progress, every picture with its scores or the reason for trouble, and the links."""
    settings = found_settings(data)
    with open_ledger_of(settings) as ledger:
        view, runs = show_job(ledger, job_id), runs_of_job(ledger, job_id)
    body = batch_body(view)
    if view.kind is not JobKind.ENHANCEMENT:
        show_analysis(view, runs, settings.api_url, json=json)
        return
    links = {**view.reports, "api": f"{settings.api_url}/v1/batches/{view.id}"}
    if json:
        print_json({**body, "links": links, "runs": runs})
        return
    _print_head(view, body)
    names = [picture_name(item) for item in view.items]
    print_pictures(body["files"], names)
    say(summary_of(body["files"]))
    _print_files(body["files"], names)
    for name, url in [*links.items(), *(("dagster run", url) for url in runs)]:
        say(f"{name:13} {url}")


def _print_files(files: Sequence[Mapping[str, Any]], names: Sequence[str]) -> None:
    """Below the table, where no column cuts an address in two: each finished file's."""
    for name, file in zip(names, files, strict=True):
        for rendition in file["renditions"]:
            say(f"{name} ({rendition['name']})  {rendition['url']}")


def _print_head(view: JobView, body: dict[str, Any]) -> None:
    head = Table.grid(padding=(0, 2))
    head.add_row("Job", str(view.id))
    head.add_row("Workflow", f"{view.workflow_slug}, version {view.workflow_version}")
    head.add_row("Status", status_text(body["status"]))
    bar = ProgressBar(total=max(view.total, 1), completed=view.ended, width=40)
    head.add_row("Ended", f"{view.ended} of {view.total} ({view.progress} %)")
    head.add_row("", bar)
    if view.eta_seconds is not None:
        head.add_row("Left", seconds_in_words(view.eta_seconds))
    if view.generation > 1:
        head.add_row("Generation", str(view.generation))
    console().print(head)


def picture_name(item: ItemView) -> str:
    """The customer's reference, or the name in the source's URL, or the upload's id."""
    return item.reference or (name_of(item.url) if item.url else f"upload {item.upload_id}")


@app.command("retry")
def retry(
    job_id: JobId,
    failed: Annotated[bool, typer.Option("--failed", help="The failed pictures: the only ones there are to retry.")],
    from_stage: Annotated[
        Stage | None,
        typer.Option("--from", help="Begin at this stage. Default: for each picture the one that failed."),
    ] = None,
    data: Data = None,
    json: Json = False,
) -> None:
    """Try the failed pictures of an ended job again. The others stay as they are; a webhook follows at the end."""
    with open_ledger(data) as ledger:
        retried = retry_failed(ledger, job_id, from_stage=from_stage)
    if json:
        print_json(fields(retried))
    else:
        noun = "picture is" if retried.items == 1 else "pictures are"
        say(f"{retried.items} {noun} tried again (generation {retried.generation}): `darkroom jobs show {job_id}`.")


@app.command("cancel")
def stop(job_id: JobId, data: Data = None, json: Json = False) -> None:
    """Cancel a job: nothing more of it is worked on or published. What has ended stays, with a report and a webhook."""
    with open_ledger(data) as ledger:
        view = cancel(ledger, job_id)
    if json:
        print_json(summary_body(view))
    else:
        say(f"Job {job_id} is cancelled; {view.percentage} % of its pictures were delivered before.")
