"""`darkroom webhooks`: whom an account's batches are told to, and what came of telling."""

from typing import Annotated
from urllib.parse import urlsplit
from uuid import UUID

import typer

from pipeline.cli.instances import account_named, open_ledger
from pipeline.cli.output import Data, Json, fields, print_json, print_table, say
from pipeline.domain.events import DeliveryState
from pipeline.services.accounts import register_endpoint, show_endpoint
from pipeline.services.delivery import list_deliveries
from pipeline.services.delivery import replay as send_again

app = typer.Typer(
    help="The endpoint that hears of an account's ended batches, and the deliveries to it.", no_args_is_help=True
)

Account = Annotated[str, typer.Argument(help="The account's name.")]


@app.command("set")
def register(
    account: Account,
    url: Annotated[str, typer.Argument(help="Where batches without a webhook of their own are told to.")],
    secret: Annotated[
        str | None, typer.Option(help="What the Signature is made with. Default: a new one, which is printed.")
    ] = None,
    data: Data = None,
    json: Json = False,
) -> None:
    """Set the account's endpoint, in place of an earlier one; a disabled endpoint is enabled again."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise typer.BadParameter("give an address such as https://shop.example.com/hooks.")
    with open_ledger(data) as ledger:
        secret = register_endpoint(ledger, account, url, secret=secret)
    if json:
        print_json({"account": account, "url": url, "secret": secret})
        return
    say(f"The batches of {account} are told to {url}.")
    say(f"Signing secret, shown this once: {secret}")


@app.command("show")
def show(account: Account, data: Data = None, json: Json = False) -> None:
    """Show the account's endpoint and whether it answers."""
    with open_ledger(data) as ledger:
        endpoint = show_endpoint(ledger, account_named(ledger, account).id)
    if json:
        print_json(fields(endpoint))
        return
    say(f"{endpoint.url} is {'enabled' if endpoint.enabled else 'disabled'}.")
    if endpoint.disabled_reason:
        say(f"{endpoint.disabled_reason} `darkroom webhooks set` enables it again.")
    elif endpoint.failing_since:
        say(f"Deliveries fail since {endpoint.failing_since:%Y-%m-%d %H:%M} UTC.")


@app.command("deliveries")
def deliveries(
    dead: Annotated[bool, typer.Option("--dead", help="Only those that were given up.")] = False,
    account: Annotated[str | None, typer.Option(help="Only this account's.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="At most so many, the newest.")] = 50,
    data: Data = None,
    json: Json = False,
) -> None:
    """Show the newest deliveries: each tries to tell one endpoint of one event, until it answers 2xx."""
    with open_ledger(data) as ledger:
        account_id = account_named(ledger, account).id if account else None
        state = DeliveryState.DEAD if dead else None
        found = list_deliveries(ledger, account_id, state=state, limit=limit)
    if json:
        print_json([fields(each) for each in found])
        return
    print_table(
        ("Delivery", "Event", "Job", "URL", "State", "Attempts", "Last answer", "Next attempt"),
        (
            (
                each.id,
                each.type,
                each.job_id,
                each.url,
                each.state,
                each.attempts,
                each.last_error or each.last_status,
                each.next_attempt_at,
            )
            for each in found
        ),
        empty="No dead deliveries." if dead else "No deliveries yet.",
    )


@app.command("replay")
def replay(
    delivery_id: Annotated[UUID, typer.Argument(metavar="ID", help="As `darkroom webhooks deliveries` shows it.")],
    data: Data = None,
    json: Json = False,
) -> None:
    """Send a delivered or dead delivery again, under the same webhook-id."""
    with open_ledger(data) as ledger:
        delivery = send_again(ledger, delivery_id)
    if json:
        print_json(fields(delivery))
    else:
        say(f"The event {delivery.event_id} is sent to {delivery.url} again.")
