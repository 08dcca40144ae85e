"""Access tokens by OAuth 2.0 client credentials (RFC 6749 section 4.4), kept for one job's credentials only."""

import base64
import json
import time
from collections import OrderedDict
from dataclasses import dataclass, field
from threading import Lock
from urllib.parse import quote_plus, urlencode

from pipeline.adapters.guarded_http import Call, GuardedClient
from pipeline.adapters.watch import Clock, Deadline
from pipeline.errors import (
    PipelineError,
    SourceForbidden,
    SourceUnavailable,
)
from pipeline.ports import SourceAuth

MAX_ANSWER_BYTES = 64 * 1024
"""Tokens with every claim imaginable stay below 16 kB; what is longer is no token answer."""
TOKEN_DEADLINE_S = 10.0
DEFAULT_LIFETIME_S = 300.0
"""Used when the server names no lifetime (`expires_in` is optional); a 401 refreshes in any case."""
MARGIN_S = 30.0
"""A token is renewed this long before it expires, so that it does not expire on its way."""
FAILURE_KEPT_S = 5.0
"""A token server that refused or hung is not asked again for this long: 800 files would hang 800 times."""
MAX_KEPT = 512

Key = tuple[str, str, str, str, str]


@dataclass(slots=True)
class _Entry:
    lock: Lock = field(default_factory=Lock)
    token: str | None = None
    renew_at: float = 0.0
    failure: PipelineError | None = None
    failed_at: float = 0.0


class TokenCache:
    """Thread safe: however many downloads of a job want a token at once, its server is asked once."""

    def __init__(self, client: GuardedClient, *, deadline_s: float = TOKEN_DEADLINE_S, clock: Clock = time.monotonic):
        self._client = client
        self._deadline_s = deadline_s
        self._clock = clock
        self._entries: OrderedDict[Key, _Entry] = OrderedDict()
        self._lock = Lock()

    def token(self, auth: SourceAuth, scope: str, *, refused: str | None = None) -> str:
        """An access token that is valid now and is not the one that the source has just refused.

        `scope` is the job whose credentials these are. Raises `SourceForbidden` when the token server will not give
        one, `SourceUnavailable` when it does not answer.
        """
        entry, asked_at = self._entry(auth, scope), self._clock()
        with entry.lock:
            now = self._clock()
            if entry.token is not None and entry.token != refused and now < entry.renew_at:
                return entry.token
            if entry.failure is not None and asked_at <= entry.failed_at + _kept_s(entry.failure):
                raise type(entry.failure)(entry.failure.message)
            try:
                entry.token, lifetime_s = self._request(auth)
            except PipelineError as exc:
                entry.token, entry.failure, entry.failed_at = None, exc, self._clock()
                raise
            entry.failure = None
            entry.renew_at = self._clock() + max(lifetime_s - MARGIN_S, lifetime_s / 2)
            return entry.token

    def _entry(self, auth: SourceAuth, scope: str) -> _Entry:
        """Credentials are part of the key: even two callers that forgot to name their job share nothing."""
        key = (scope, auth.token_url or "", auth.client_id or "", auth.client_secret or "", auth.scope or "")
        with self._lock:
            entry = self._entries.setdefault(key, _Entry())
            self._entries.move_to_end(key)
            while len(self._entries) > MAX_KEPT:
                self._entries.popitem(last=False)
            return entry

    def _request(self, auth: SourceAuth) -> tuple[str, float]:
        """Asks with HTTP Basic, which every server must understand, then once with the credentials in the body."""
        deadline = Deadline(self._deadline_s, self._clock)
        status, host, body = self._post(auth, deadline, in_body=False)
        if status in (400, 401):
            status, host, body = self._post(auth, deadline, in_body=True)
        if status == 429 or status >= 500:
            raise SourceUnavailable(f"The token server {host} answered {status}.")
        if status != 200:
            raise SourceForbidden(
                f"The token server {host} answered {status}: check token_url, client_id, client_secret and scope."
            )
        return _parsed(body, host)

    def _post(self, auth: SourceAuth, deadline: Deadline, *, in_body: bool) -> tuple[int, str, bytes]:
        client_id, secret = auth.client_id or "", auth.client_secret or ""
        form = {"grant_type": "client_credentials"} | ({"scope": auth.scope} if auth.scope else {})
        private: dict[str, str] = {}
        if in_body:
            form |= {"client_id": client_id, "client_secret": secret}
        else:
            basic = base64.b64encode(f"{quote_plus(client_id)}:{quote_plus(secret)}".encode()).decode()
            private["Authorization"] = f"Basic {basic}"
        call = Call(
            "POST",
            auth.token_url or "",
            headers={"Accept": "application/json", "Content-Type": "application/x-www-form-urlencoded"},
            private_headers=private,
            body=urlencode(form).encode(),
        )
        with self._client.open(call, deadline, slot_timeout_s=self._deadline_s) as answer:
            return answer.status, answer.host, answer.read_up_to(MAX_ANSWER_BYTES + 1)


def _kept_s(failure: PipelineError) -> float:
    """Trouble that may be over at once is told to those who waited for the same answer, and to nobody later."""
    return 0.0 if isinstance(failure, SourceUnavailable) else FAILURE_KEPT_S


def _parsed(body: bytes, host: str) -> tuple[str, float]:
    """Token and lifetime in seconds; raises `SourceForbidden` for anything else than a bearer token answer."""
    trouble = SourceForbidden(f"The token server {host} did not answer with a bearer token in JSON.")
    if len(body) > MAX_ANSWER_BYTES:
        raise trouble
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError) as exc:
        raise trouble from exc
    if not isinstance(answer, dict):
        raise trouble
    token, kind, lifetime = answer.get("access_token"), answer.get("token_type", "bearer"), answer.get("expires_in")
    if not isinstance(token, str) or not token or not isinstance(kind, str) or kind.lower() != "bearer":
        raise trouble
    return token, _seconds(lifetime)


def _seconds(lifetime: object) -> float:
    """Some servers send the number as text; what is no positive number counts as not sent."""
    if isinstance(lifetime, bool) or not isinstance(lifetime, int | float | str):
        return DEFAULT_LIFETIME_S
    try:
        seconds = float(lifetime)
    except (ValueError, OverflowError):
        return DEFAULT_LIFETIME_S
    return min(seconds, 86400.0) if seconds > 0 else DEFAULT_LIFETIME_S
