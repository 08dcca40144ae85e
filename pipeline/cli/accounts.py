"""`darkroom accounts`: who may call."""

from typing import Annotated, Literal

import typer

from pipeline.cli.instances import open_ledger
from pipeline.cli.output import Data, Json, fields, print_json, print_table, say
from pipeline.services.accounts import create_account, list_accounts

app = typer.Typer(
    help="Customers of this instance. Each has a plan, tokens, and at most one webhook endpoint.", no_args_is_help=True
)


@app.command("create")
def create(
    name: Annotated[str, typer.Argument(help="Unique, yours to choose, up to 100 characters: `studio-berlin`.")],
    plan: Annotated[
        Literal["standard", "unlimited"],
        typer.Option(help="standard: 10 batches at once, 10 new ones and 60 reads per minute. unlimited: no limits."),
    ] = "standard",
    email: Annotated[str | None, typer.Option(help="Shown as `created_by` in the account's webhooks.")] = None,
    data: Data = None,
    json: Json = False,
) -> None:
    """Make an account. Give it a token next: `darkroom tokens create NAME`."""
    with open_ledger(data) as ledger:
        account = create_account(ledger, name, plan=plan, email=email)
    if json:
        print_json(fields(account))
    else:
        say(f"Account {account.name} exists, with the plan {account.plan}.")


@app.command("list")
def show_all(data: Data = None, json: Json = False) -> None:
    """Show every account with its plan."""
    with open_ledger(data) as ledger:
        accounts = list_accounts(ledger)
    if json:
        print_json([fields(account) for account in accounts])
    else:
        print_table(
            ("Name", "Plan", "E-mail", "Since", "Id"),
            ((each.name, each.plan, each.email, each.created_at, each.id) for each in accounts),
            empty="No accounts yet: make one with `darkroom accounts create NAME`.",
        )
