"""`darkroom models`: which there are, bringing their weights, whether they are right, and how fast they are."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.progress import BarColumn, DownloadColumn, Progress, TaskID, TextColumn, TransferSpeedColumn

from pipeline.cli.output import Json, console, fields, print_json, print_table, say
from pipeline.errors import OperatorError
from pipeline.settings import Settings

if TYPE_CHECKING:  # models bring NumPy, OpenCV and ONNX: no other command waits for them
    from pipeline.inference import ModelEntry, OnnxModels

app = typer.Typer(
    help="Models that find things in pictures: list them, bring their weights, check and time them.",
    no_args_is_help=True,
)
Names = Annotated[
    list[str] | None, typer.Argument(metavar="[NAME]...", help="As `darkroom models list` shows them. Default: all.")
]


@app.command("list")
def show_all(json: Json = False) -> None:
    """Show every model of the catalog, yours included: whether it is here, its licence, and what it serves.

    The state is `verified`, `missing`, `different` (not the file that the catalog names: it is never loaded), or
    `unverified` (yours, and its entry names no sha256).
    """
    models = _models()
    known = [_described(models, entry) for entry in models.catalog]
    if json:
        print_json({"folder": models.folder, "models": known})
        return
    rows = (
        (
            each["name"],
            each["state"],
            each["task"].replace("_", " ") if each["serves"] else f"({each['task'].replace('_', ' ')})",
            each["licence"],
            each["title"] + (" (yours)" if each["own"] else "") + ("" if each["network"] else " (no network)"),
            "; ".join(each["licence_flags"]),
        )
        for each in known
    )
    print_table(("Name", "State", "Serves (by name)", "Licence", "Model", "To know"), rows, empty="No models.")
    say(f"Weights lie in {models.folder}.")


@app.command("pull")
def pull(
    names: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[NAME]...", help="As `darkroom models list` shows them. Default: those that serve by default."
        ),
    ] = None,
    place: Annotated[
        str | None,
        typer.Option(
            "--from",
            help="A folder, or the address of one, instead of each model's public source: with the ONNX "
            "forms or the originals, laid out as the models folder or flat.",
        ),
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="Runners-up too.")] = False,
    json: Json = False,
) -> None:
    """Bring weights into the models folder: from their public sources, a mirror, or a folder without any network.

    Every file is verified by its sha256 before it is used. What was published in another form is converted to ONNX
    here, and kept only if it computes what the catalog says. A transfer that broke off goes on where it stopped.
    """
    from pipeline.inference.pulling import Place, Puller

    models = _models()
    entries = _wanted(models, names, everything=everything)
    results: list[dict[str, Any]] = []
    with _bars() as told:
        puller = Puller(models.folder, Place.of(place), told)
        for entry in entries:
            try:
                results.append(fields(puller.pull(entry)) | {"error": None})
            except OperatorError as error:
                results.append({"name": entry.name, "how": "failed", "files": (), "error": error.message})
    _print_pulled(results, models, json=json)


@app.command("check")
def check(names: Names = None, json: Json = False) -> None:
    """Load each model, run it on a made-up picture, and compare what it gives with what it gave when catalogued.

    The exit code is 1 when a model that is here fails, or one that was named is not here.
    """
    from pipeline.inference.checking import check as checked
    from pipeline.inference.checking import chosen
    from pipeline.inference.weights import State, state_of

    models = _models()
    entries = chosen(models, names or ())
    here = [each for each in entries if names or state_of(each, models.folder) is not State.MISSING]
    results = [checked(models, entry) for entry in here]
    if json:
        print_json([fields(each) for each in results])
    else:
        words = {True: "right", False: "wrong", None: "-"}
        rows = ((each.name, words[each.ok], _provider(each.provider), each.detail) for each in results)
        print_table(("Name", "Result", "Runs on", "Detail"), rows, empty=f"No models in {models.folder}.")
        if len(here) < len(entries):
            say(f"{len(entries) - len(here)} are not here: `darkroom models list` names them.")
    if any(each.ok is False for each in results):
        raise typer.Exit(1)


@app.command("bench")
def bench(names: Names = None, json: Json = False) -> None:
    """Time each model on this machine: milliseconds of one run on one thread, on what it runs, and memory.

    The exit code is 1 when a model that was named cannot run.
    """
    from pipeline.inference.benching import bench as benched
    from pipeline.inference.checking import chosen

    models = _models()
    results = list(benched(models.folder, [entry.name for entry in chosen(models, names or ())]))
    if json:
        print_json([fields(each) for each in results])
    else:
        rows = (
            (each.name, _size(each.size), each.ms, _provider(each.provider), each.file_mb, each.memory_mb, each.error)
            for each in results
            if names or each.error is None
        )
        print_table(("Name", "Input", "ms", "Runs on", "File MB", "Memory MB", "Trouble"), rows, empty="No models.")
    if names and any(each.error is not None for each in results):
        raise typer.Exit(1)


def _models() -> "OnnxModels":
    from pipeline.inference import OnnxModels

    settings = Settings.from_environment()
    return OnnxModels(settings.models, budget_mb=settings.models_mb)


def _wanted(models: "OnnxModels", names: list[str] | None, *, everything: bool) -> "list[ModelEntry]":
    from pipeline.inference.checking import chosen
    from pipeline.inference.entries import Role

    entries = chosen(models, names or ())
    if names or everything:
        return entries
    return [entry for entry in entries if entry.role is not Role.RUNNER_UP and not entry.own]


def _described(models: "OnnxModels", entry: "ModelEntry") -> dict[str, Any]:
    from pipeline.inference.weights import state_of

    source = entry.source
    return {
        "name": entry.name,
        "title": entry.title,
        "task": entry.task,
        "role": entry.role,
        "serves": entry in models.catalog.serving(entry.task),
        "state": state_of(entry, models.folder),
        "own": entry.own,
        "network": entry.network,
        "licence": entry.licence.spdx,
        "licence_flags": entry.licence.flags,
        "file": entry.file.path if entry.file else None,
        "sha256": entry.file.sha256 if entry.file else None,
        "sources": [source.url(each) for each in source.files] if source else [],
        "converted": entry.conversion.by,
        "accuracy": entry.accuracy,
        "verdict": entry.verdict,
    }


def _print_pulled(results: list[dict[str, Any]], models: "OnnxModels", *, json: bool) -> None:
    if json:
        print_json({"folder": models.folder, "models": results})
    else:
        words = {"present": "was there", "onnx": "fetched", "original": "fetched", "converted": "fetched, converted"}
        rows = ((each["name"], words.get(each["how"], "failed"), each["error"]) for each in results)
        print_table(("Name", "Result", "Trouble"), rows, empty="Nothing to bring.")
        say(f"Weights lie in {models.folder}.")
    if any(each["error"] for each in results):
        raise typer.Exit(1)


def _size(size: tuple[int, int] | None) -> str:
    return "" if size is None else f"{size[1]} x {size[0]}"


def _provider(provider: str | None) -> str:
    return (provider or "").removesuffix("ExecutionProvider")


@contextmanager
def _bars() -> "Iterator[Any]":
    """A function that is told of each file's bytes, and shows a bar for it on stderr where a person looks at it."""
    shown = console(stderr=True)
    tasks: dict[str, TaskID] = {}
    with Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        console=shown,
        disable=not shown.is_terminal,
    ) as bars:

        def told(name: str, done: int, total: int | None) -> None:
            if name not in tasks:
                tasks[name] = bars.add_task(name, total=total)
            bars.update(tasks[name], completed=done, total=total)

        yield told
