"""The command `darkroom`: every subcommand in one application."""

import sys

import typer
from rich.console import Console

from pipeline.cli import accounts, jobs, models, tokens, webhooks, workflows
from pipeline.cli.demo import demo
from pipeline.cli.enhance import enhance
from pipeline.cli.keeper import keeper
from pipeline.cli.settings import settings
from pipeline.cli.status import status
from pipeline.cli.up import up
from pipeline.errors import PipelineError

app = typer.Typer(
    name="darkroom",
    help="Pictures in; finished pictures, scores and a report out.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.command()(demo)
app.command()(enhance)
app.command()(up)
app.command()(status)
app.add_typer(accounts.app, name="accounts")
app.add_typer(tokens.app, name="tokens")
app.add_typer(jobs.app, name="jobs")
app.add_typer(workflows.app, name="workflows")
app.add_typer(models.app, name="models")
app.add_typer(webhooks.app, name="webhooks")
app.command()(settings)
app.command()(keeper)


def main() -> None:
    """Run one command; an error of ours is its sentence on stderr and status 1, anything else is a bug's traceback."""
    try:
        app()
    except PipelineError as error:
        Console(stderr=True).print(error.message, style="red", markup=False, highlight=False, soft_wrap=True)
        sys.exit(1)
