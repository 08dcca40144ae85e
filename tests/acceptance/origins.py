"""Customers' servers that ask for credentials, or lead elsewhere."""

import base64
import json
from urllib.parse import parse_qs

from tests.integration.local_servers import Behaviour, Exchange, response
from tests.sources import a_photograph

BEARER = "canary-bearer-7f3a9c51d2"
CLIENT_SECRET = "canary-client-secret-b81e02"
ACCESS_TOKEN = "canary-access-token-55d09e"


def guarded(exchange: Exchange) -> None:
    """A source and its token server; /to/PORT/... leads to another origin."""
    request = exchange.request
    sent = request.headers.get("authorization")
    if request.path == "/token":
        _give_token(exchange)
    elif sent not in (f"Bearer {BEARER}", f"Bearer {ACCESS_TOKEN}"):
        exchange.send(response(b"who are you?", status=401))
    elif request.path.startswith("/to/"):
        _, _, port, name = request.path.split("/")
        exchange.send(response(b"", f"Location: http://127.0.0.1:{port}/{name}", status=302))
    else:
        exchange.send(response(a_photograph("rocket")))


def _give_token(exchange: Exchange) -> None:
    basic = base64.b64encode(f"client:{CLIENT_SECRET}".encode()).decode()
    asked = {name: values[0] for name, values in parse_qs(exchange.request.body.decode()).items()}
    is_right = asked == {"grant_type": "client_credentials", "scope": "pictures"}
    answer = json.dumps({"access_token": ACCESS_TOKEN, "token_type": "Bearer", "expires_in": 3600}).encode()
    if is_right and exchange.request.headers.get("authorization") == f"Basic {basic}":
        exchange.send(response(answer))
    else:
        exchange.send(response(status=401))


def open_to_all(exchange: Exchange) -> None:
    """A source that asks nobody for anything."""
    exchange.send(response(a_photograph("rocket")))


def astray(exchange: Exchange) -> None:
    """Redirects to whatever stands behind the question mark."""
    exchange.send(response(b"", f"Location: {exchange.request.path.partition('?')[2]}", status=302))


ORIGINS: dict[str, Behaviour] = {"gate": guarded, "elsewhere": open_to_all, "astray": astray}
