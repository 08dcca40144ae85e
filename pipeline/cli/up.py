"""`darkroom up`: a whole instance on this machine, until Ctrl-C."""

import os
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from pipeline.settings import Settings


def up(
    data: Annotated[
        Path | None, typer.Option(help="The data folder. Default: DARKROOM_DATA, or .darkroom here.")
    ] = None,
    port: Annotated[
        int | None,
        typer.Option(min=1, max=65534, help="The API's port; the Dagster UI takes the next. Default: the first free."),
    ] = None,
    ready_file: Annotated[
        Path | None, typer.Option(help="Write the addresses to this file, as JSON, once everything answers.")
    ] = None,
) -> None:
    """Start everything: PostgreSQL, API, keeper and Dagster, each started again when it dies. Ctrl-C stops it."""
    from pipeline.instance.launch import launch

    environ = {**os.environ, **({"DARKROOM_DATA": str(data)} if data else {})}
    console = Console(highlight=False, soft_wrap=True)
    launch(
        Settings.from_environment(environ),
        announce=lambda text: console.print(text, markup=False),
        port=port,
        ready_file=ready_file,
        environ=environ,
    )
