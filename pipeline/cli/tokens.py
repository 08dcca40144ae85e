"""`darkroom tokens`: what an account calls the API with."""

from typing import Annotated

import typer

from pipeline.cli.instances import open_ledger
from pipeline.cli.output import Data, Json, print_json, say
from pipeline.services.accounts import create_token, revoke_tokens

app = typer.Typer(help="Bearer tokens of accounts.", no_args_is_help=True)


@app.callback()
def tokens() -> None:
    """Bearer tokens of accounts."""


@app.command("create")
def create(
    name: Annotated[str, typer.Argument(help="The account's name.")],
    days: Annotated[
        float | None, typer.Option(help="How long it is valid. Default: DARKROOM_TOKEN_DAYS, which is 3650.")
    ] = None,
    data: Data = None,
    json: Json = False,
) -> None:
    """Make a token and print it, this once: the instance keeps only its digest.

    Call the API with it as `Authorization: Bearer TOKEN`.
    """
    with open_ledger(data) as ledger:
        token = create_token(ledger, name, days=ledger.options.token_days if days is None else days)
    if json:
        print_json({"token": token})
        return
    print(token)
    say("Keep it: it is shown this once.", stderr=True)


@app.command("revoke")
def revoke(
    name: Annotated[str, typer.Argument(help="The account's name.")],
    prefix: Annotated[str, typer.Option(help="Only tokens that begin with this; every one of the account's if empty.")],
    data: Data = None,
    json: Json = False,
) -> None:
    """Refuse tokens of an account from now on."""
    with open_ledger(data) as ledger:
        count = revoke_tokens(ledger, name, prefix=prefix)
    if json:
        print_json({"revoked": count})
        return
    say(f"{count} tokens are refused from now on.")
