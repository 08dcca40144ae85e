"""`darkroom enhance`: a folder of pictures in, a folder of finished ones out, with no server in mind."""

import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any
from uuid import uuid4

import typer

from pipeline.cli.client import ApiClient, ApiRefused
from pipeline.cli.instances import environment, local_token, running_or_started
from pipeline.cli.output import Data, Json, print_json, print_pictures, say, seconds_in_words, summary_of
from pipeline.cli.pictures import Found, find_pictures
from pipeline.cli.progress import Watch, follow
from pipeline.cli.saving import Naming, Saver, name_files, prepare_folder, report_names, save_all, save_reports
from pipeline.domain.media import MediaLimits
from pipeline.errors import OperatorError
from pipeline.settings import Settings

UPLOADS_AT_ONCE = 4
"""The store of one machine is full with four writers; two cores have the pictures to work on meanwhile."""
MAX_BATCH = 800
MAX_REFERENCE = 1024


@dataclass(frozen=True, slots=True)
class Order:
    """What to do with the pictures that were found."""

    found: Found
    workflow: str
    per_batch: int


def enhance(
    folder: Annotated[Path, typer.Argument(help="The folder with the pictures.", exists=True, file_okay=False)],
    out: Annotated[Path, typer.Option(help="The folder for the finished ones; made where it does not exist.")],
    workflow: Annotated[str, typer.Option(help="`darkroom workflows list` shows which there are.")] = "auto",
    recursive: Annotated[bool, typer.Option("--recursive", "-r", help="Subfolders as well.")] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace files in the folder --out.")] = False,
    report: Annotated[bool, typer.Option(help="Write report.html, report.json and report.csv beside them.")] = True,
    data: Data = None,
    json: Json = False,
) -> None:
    """Enhance a folder of pictures: JPEG, PNG and TIFF, told by their content.

    The finished pictures keep their names; rejected ones go into the folder `rejected`. Uses the instance that runs,
    or starts one for as long as it takes. A picture that fails is named, and the exit code stays 0.
    """
    began = time.monotonic()
    folder, out = folder.resolve(), out.resolve()
    settings = Settings.from_environment(environment(data))
    found = find_pictures(folder, recursive=recursive, limits=_limits(settings), without=out)
    prepare_folder(out, originals=folder)
    with Watch(quiet=json) as watch, running_or_started(data, watch.say) as instance:
        client = ApiClient(instance.api_url, local_token(instance))
        order = Order(found, workflow, min(MAX_BATCH, instance.max_items))
        saver = Saver(client, out, overwrite)
        naming = _named(client, order, saver, report=report)
        batches, files = enhance_order(client, order, watch)
        watch.say("Fetching the finished pictures.")
        saved = save_all(saver, files, naming)
        reports = save_reports(saver, batches) if report else []
    result = {
        "out": out,
        "batches": [batch["id"] for batch in batches],
        "reports": reports,
        "seconds": round(time.monotonic() - began, 1),
        "skipped": [{"name": each.path, "reason": each.reason} for each in found.skipped],
        "files": saved,
    }
    if json:
        print_json(result)
    else:
        _print(result, found)


def _limits(settings: Settings) -> MediaLimits:
    return MediaLimits(max_bytes=settings.max_bytes, max_pixels=settings.max_pixels)


def _named(client: ApiClient, order: Order, saver: Saver, *, report: bool) -> Naming:
    """The names of the files that will be written, none of which is in the way."""
    naming = name_files(order.found.pictures, outputs_of(client, order.workflow))
    batches = -(-len(order.found.pictures) // order.per_batch)
    reports = [path for names in report_names(batches) for path in names.values()] if report else []
    saver.check_free([*naming.all(), *reports])
    return naming


def outputs_of(client: ApiClient, workflow: str) -> Sequence[Mapping[str, Any]]:
    """What the workflow delivers for each picture; raises `OperatorError` with the ones there are."""
    try:
        outputs: Sequence[Mapping[str, Any]] = client.workflow(workflow)["outputs"]
    except ApiRefused as error:
        if error.status != 404:
            raise
        slugs = ", ".join(each["slug"] for each in client.workflows())
        raise OperatorError(f"There is no workflow {workflow!r}; there are: {slugs}.") from error
    return outputs


def enhance_order(
    client: ApiClient, order: Order, watch: Watch
) -> tuple[list[dict[str, Any]], list[tuple[Path, dict[str, Any]]]]:
    """The batches as they ended, and each picture with what the API shows of it, in the folder's order.

    Ctrl-C cancels what has been submitted.
    """
    pictures = order.found.pictures
    chunks = [pictures[start : start + order.per_batch] for start in range(0, len(pictures), order.per_batch)]
    refused: dict[Path, dict[str, Any]] = {}
    sent: list[tuple[str, list[Path]]] = []
    with _cancelled_with_us(client, sent):
        for chunk in chunks:
            uploads = _upload(client, order, chunk, watch, refused)
            if uploads:
                sent.append((_submit(client, order, uploads), list(uploads)))
        batches = follow(client, [batch_id for batch_id, _ in sent], watch)
    ended = dict(refused)
    for (_, names), batch in zip(sent, batches, strict=True):
        ended.update(zip(names, batch["files"], strict=True))
    return batches, [(picture, ended[picture]) for picture in pictures]


def _upload(
    client: ApiClient, order: Order, chunk: Sequence[Path], watch: Watch, refused: dict[Path, dict[str, Any]]
) -> dict[Path, str]:
    """The upload's id of each picture of the chunk; those that the API refuses are added to `refused`."""
    uploads: dict[Path, str] = {}
    total = len(order.found.pictures)

    def send(picture: Path) -> str | ApiRefused:
        try:
            return client.upload(order.found.folder / picture)
        except ApiRefused as error:
            return error

    pool = ThreadPoolExecutor(UPLOADS_AT_ONCE, thread_name_prefix="upload")
    try:
        before = watch.done("sending")
        for number, (picture, answer) in enumerate(zip(chunk, pool.map(send, chunk), strict=True), start=1):
            watch.count("sending", before + number, total)
            if isinstance(answer, ApiRefused):
                refused[picture] = _refused_file(answer)
            else:
                uploads[picture] = answer
    finally:
        pool.shutdown(cancel_futures=True)
    return uploads


def _refused_file(error: ApiRefused) -> dict[str, Any]:
    """What the API would show of a picture, had it come that far."""
    said = {"code": error.code, "stage": "download", "message": error.message, "retryable": False}
    empty: dict[str, Any] = {"score": None, "original_score": None, "reasons": [], "steps": [], "renditions": []}
    return {"status": "FAILED", **empty, "error": said}


def _submit(client: ApiClient, order: Order, uploads: Mapping[Path, str]) -> str:
    files = [{"upload_id": upload, "reference": reference_of(picture)} for picture, upload in uploads.items()]
    body = {"workflow": order.workflow, "files": files, "project": reference_of(order.found.folder)[:256]}
    return client.submit(body, idempotency_key=str(uuid4()))


def reference_of(picture: Path) -> str:
    """The path as text; file names that are not quite text, which Linux allows, get question marks."""
    name = picture.name if picture.is_absolute() else str(picture)
    return name.encode(errors="replace").decode()[-MAX_REFERENCE:]


@contextmanager
def _cancelled_with_us(client: ApiClient, sent: Sequence[tuple[str, object]]) -> Iterator[None]:
    try:
        yield
    except (KeyboardInterrupt, SystemExit):
        for batch_id, _ in sent:
            client.cancel(batch_id)
        raise


def _print(result: Mapping[str, Any], found: Found) -> None:
    files = result["files"]
    print_pictures(files, [file["name"] for file in files])
    for each in found.skipped:
        say(f"Skipped {each.path}: {each.reason}")
    for message in (message for file in files for message in file["unsaved"]):
        say(f"Not saved: {message}")
    say(f"{summary_of(files)} {seconds_in_words(result['seconds'])}.")
    count = sum(len(file["saved"]) for file in files)
    say(f"{count} finished files are in {result['out']}.")
    for report in result["reports"]:
        if "html" in report:
            say(f"Report: {Path(result['out']) / report['html']}")
