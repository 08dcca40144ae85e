"""`darkroom demo`: the whole thing once, from nothing to finished pictures, and a check of what was delivered."""

import json as json_format
import os
import secrets
import shutil
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from queue import Empty
from typing import Annotated, Any
from uuid import uuid4

import typer

from pipeline.cli.client import ApiClient
from pipeline.cli.demo_checks import troubles_of_files, troubles_of_reports, troubles_of_webhook
from pipeline.cli.demo_servers import PictureServer, Receiver, picture_server, webhook_receiver
from pipeline.cli.enhance import outputs_of, reference_of
from pipeline.cli.instances import local_token, started_instance
from pipeline.cli.output import Json, print_json, print_pictures, say, seconds_in_words, summary_of
from pipeline.cli.pictures import Found, find_pictures, write_samples
from pipeline.cli.progress import Watch, follow
from pipeline.cli.saving import Saver, name_files, prepare_folder, report_names, save_all, save_reports
from pipeline.domain.media import MediaLimits
from pipeline.errors import OperatorError, PipelineError
from pipeline.settings import SETTINGS, Settings

DEFAULT_OUT = Path("demo-output")
RESULT_FILE = Path("demo.json")
"""In the folder --out: what the demo did, and which files are its own, so that the next demo may replace them."""
MAX_BATCH = 800
PATIENCE_S = 180.0
"""No stage of a batch of small pictures stands still for so long, on however slow a machine."""
WEBHOOK_WAIT_S = 30.0
"""The first try comes within a second, the next one 5 s later: more than two tries are trouble."""
KEPT_SETTINGS = (
    "DARKROOM_MODELS",
    "DARKROOM_WORKFLOWS",
    "DARKROOM_RUN_SLOTS",
    "DARKROOM_THREADS",
    "DARKROOM_LOG_LEVEL",
)


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Everything that the demo plays on."""

    found: Found
    pictures: PictureServer
    receiver: Receiver
    settings: Settings
    watch: Watch


def demo(
    folder: Annotated[
        Path | None,
        typer.Argument(
            help="Your own pictures. Default: photographs that scikit-image brings.", exists=True, file_okay=False
        ),
    ] = None,
    out: Annotated[
        Path, typer.Option(help="Where the finished pictures and the report go. Files of an earlier demo are replaced.")
    ] = DEFAULT_OUT,
    workflow: Annotated[str, typer.Option(help="Which workflow to show.")] = "auto",
    data: Annotated[
        Path | None,
        typer.Option(help="The data folder of the demo's instance. Default: one that is removed at the end."),
    ] = None,
    keep: Annotated[
        bool, typer.Option("--keep", help="Leave everything running until Ctrl-C, to look around.")
    ] = False,
    json: Json = False,
) -> None:
    """Show the whole line: start everything, send pictures in, fetch them back finished, and check what came.

    Starts an instance of its own with its own PostgreSQL on free ports, makes an account and a token, serves the
    pictures over HTTP on this machine, submits them as a batch with a webhook, shows progress, and checks every
    delivered file, the report and the webhook's signature. The exit code is 1 when anything is off. Everything is
    stopped at the end.
    """
    began = time.monotonic()
    out = out.resolve()
    with Watch(quiet=json) as watch, _surroundings(folder, data, watch, out) as here:
        result = _play(here, out, workflow)
        result["seconds"] = round(time.monotonic() - began, 1)
        watch.end()
        (out / RESULT_FILE).write_text(json_format.dumps(result, indent=2), encoding="utf-8")
        if json:
            print_json(result)
        else:
            _print(result, here.found, keep=keep)
        if keep:
            watch.say("Everything keeps running: Ctrl-C stops it.")
            _until_interrupted()
    if result["troubles"]:
        raise OperatorError("The demo is not satisfied: " + " ".join(result["troubles"]))


@contextmanager
def _surroundings(folder: Path | None, data: Path | None, watch: Watch, out: Path) -> Iterator[Surroundings]:
    """The pictures, the servers and the instance; nothing of them is left afterwards."""
    with tempfile.TemporaryDirectory(prefix="darkroom-demo-") as place:
        if folder is None:
            folder = Path(place, "pictures")
            folder.mkdir()
            write_samples(folder)
        folder = folder.resolve()
        prepare_folder(out, originals=folder)
        found = find_pictures(folder, recursive=False, limits=MediaLimits(), without=out)
        if len(found.pictures) > MAX_BATCH:
            raise OperatorError(f"The demo sends one batch, of at most {MAX_BATCH} pictures: see `darkroom enhance`.")
        with picture_server(folder, found.pictures) as pictures, webhook_receiver() as receiver:
            environ = _environment(data or Path(place, "data"), (pictures.address, receiver.address))
            watch.say("Starting PostgreSQL, the API, the keeper and Dagster; this takes about 20 seconds.")
            with _logs_kept(Path(environ["DARKROOM_DATA"]), out), started_instance(environ, watch.say) as settings:
                yield Surroundings(found, pictures, receiver, settings, watch)


@contextmanager
def _logs_kept(data: Path, out: Path) -> Iterator[None]:
    """Where the demo breaks off, the instance's logs lie in --out: its data folder may be gone by then."""
    try:
        yield
    except PipelineError as error:
        logs = data / "logs"
        if not logs.is_dir():
            raise
        shutil.copytree(logs, out / "logs", dirs_exist_ok=True)
        raise OperatorError(f"{error.message} The instance's logs are in {out / 'logs'}.") from error


def _environment(data: Path, allowed: tuple[str, ...]) -> dict[str, str]:
    """Nothing of another instance's settings: the demo stands beside it."""
    own = {setting.name for setting in SETTINGS} - set(KEPT_SETTINGS)
    others = {name: value for name, value in os.environ.items() if name not in own and name != "DAGSTER_HOME"}
    return {**others, "DARKROOM_DATA": str(data), "DARKROOM_SOURCE_ALLOW": ",".join(allowed)}


def _play(here: Surroundings, out: Path, workflow: str) -> dict[str, Any]:
    """One batch from its submission to the check of everything that came of it."""
    client = ApiClient(here.settings.api_url, local_token(here.settings))
    saver = Saver(client, out, replaceable=_files_of_earlier_demo(out))
    naming = name_files(here.found.pictures, outputs_of(client, workflow))
    reports = list(report_names(1)[0].values())
    saver.check_free([*naming.all(), *reports, RESULT_FILE])
    secret = secrets.token_hex(16)
    batch_id = client.submit(_request(here, workflow, secret), idempotency_key=str(uuid4()))
    here.watch.say(f"Submitted {len(here.found.pictures)} pictures as batch {batch_id}.")
    (batch,) = follow(client, [batch_id], here.watch, patience_s=PATIENCE_S)
    here.watch.say("Checking what was delivered.")
    names = [str(picture) for picture in here.found.pictures]
    report_troubles, run_url = troubles_of_reports(client, batch)
    troubles = [
        *troubles_of_files(client, list(zip(names, batch["files"], strict=True))),
        *report_troubles,
        *_webhook_troubles(here.receiver, batch, secret),
    ]
    files = save_all(saver, list(zip(here.found.pictures, batch["files"], strict=True)), naming)
    saved_reports = save_reports(saver, [batch])[0]
    troubles += [message for file in files for message in file["unsaved"]]
    saved = [str(RESULT_FILE), *saved_reports.values(), *(path for file in files for path in file["saved"])]
    links = {"batch": f"{here.settings.api_url}/v1/batches/{batch_id}", "dagster_run": run_url, **batch["reports"]}
    return {
        "batch": batch_id,
        "status": batch["status"],
        "out": str(out),
        "files": files,
        "saved": saved,
        "skipped": [{"name": str(each.path), "reason": each.reason} for each in here.found.skipped],
        "links": links,
        "troubles": troubles,
    }


def _files_of_earlier_demo(out: Path) -> frozenset[Path]:
    """What a demo wrote into this folder before, by its own account."""
    try:
        earlier = json_format.loads((out / RESULT_FILE).read_text(encoding="utf-8"))
        return frozenset(Path(path) for path in earlier["saved"])
    except (OSError, ValueError, KeyError, TypeError):
        return frozenset()


def _request(here: Surroundings, workflow: str, secret: str) -> dict[str, Any]:
    files = [
        {"url": here.pictures.url_of(picture), "reference": reference_of(picture)} for picture in here.found.pictures
    ]
    webhook = {"url": here.receiver.url, "secret": secret}
    return {"workflow": workflow, "files": files, "webhook": webhook, "project": "demo"}


def _webhook_troubles(receiver: Receiver, batch: Mapping[str, Any], secret: str) -> list[str]:
    try:
        heard = receiver.heard.get(timeout=WEBHOOK_WAIT_S)
    except Empty:
        return [f"No webhook came within {WEBHOOK_WAIT_S:g} s of the batch's end."]
    return troubles_of_webhook(heard, batch, secret)


def _until_interrupted() -> None:
    try:
        threading.Event().wait()
    except KeyboardInterrupt:
        return


def _print(result: Mapping[str, Any], found: Found, *, keep: bool) -> None:
    files = result["files"]
    print_pictures(files, [file["name"] for file in files])
    for each in found.skipped:
        say(f"Skipped {each.path}: {each.reason}")
    say(f"{summary_of(files)} {seconds_in_words(result['seconds'])} with everything.")
    say("")
    for file in files:
        for rendition, path in zip(file["renditions"], file["saved"], strict=False):
            say(f"{path}: {rendition['url']}")
    names = {"html": "Report", "dagster_run": "Dagster run", "batch": "Batch"}
    for name, title in names.items():
        say(f"{title}: {result['links'].get(name)}")
    if not keep:
        say("These addresses answer while the demo runs: --keep leaves it running.")
    say(f"The finished pictures and the report are in {result['out']}: open report.html there.")
    if not result["troubles"]:
        say(
            "Checked: every file came back with its stated checksum, type and size, decodes, has an sRGB profile and "
            "no GPS; the report loads; the webhook's Signature is right."
        )
