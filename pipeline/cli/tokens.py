"""`darkroom tokens`: what an account calls the API with."""

from typing import Annotated

import typer

from pipeline.cli.instances import open_ledger
from pipeline.cli.output import Data, Json, fields, print_json, print_table, say
from pipeline.services.accounts import create_token, list_tokens, revoke_tokens

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


@app.command("list")
def show_all(
    name: Annotated[str, typer.Argument(help="The account's name.")],
    data: Data = None,
    json: Json = False,
) -> None:
    """Show an account's tokens: how each begins, and from when to when it is valid. No token is shown whole."""
    with open_ledger(data) as ledger:
        tokens = list_tokens(ledger, name)
    if json:
        print_json([fields(token) for token in tokens])
        return
    print_table(
        ("Prefix", "Since", "Expires", "Revoked"),
        ((each.prefix, each.created_at, each.expires_at, each.revoked_at) for each in tokens),
        empty=f"No tokens yet: make one with `darkroom tokens create {name}`.",
    )


@app.command("revoke")
def revoke(
    name: Annotated[str, typer.Argument(help="The account's name.")],
    prefix: Annotated[
        str,
        typer.Option(help="How the tokens begin, as `tokens list` shows it, or one whole token. Empty: every token."),
    ],
    data: Data = None,
    json: Json = False,
) -> None:
    """Refuse tokens of an account from now on."""
    with open_ledger(data) as ledger:
        count = revoke_tokens(ledger, name, prefix=prefix)
    if json:
        print_json({"revoked": count})
        return
    noun = "token is" if count == 1 else "tokens are"
    say(f"{count} {noun} refused from now on.")
