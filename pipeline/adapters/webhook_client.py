"""One attempt at telling a customer's endpoint of an event."""

import time

from pipeline.adapters.address_guard import AddressGuard
from pipeline.adapters.guarded_http import CONNECT_TIMEOUT_S, Call, GuardedClient
from pipeline.adapters.watch import Clock, Deadline
from pipeline.errors import PipelineError
from pipeline.ports import WebhookAnswer, WebhookMessage

DEADLINE_S = 20.0
"""Standard Webhooks asks for 15 to 30 s: long enough for slow receivers, short enough for the queue behind them."""
MAX_ANSWER_BYTES = 64 * 1024


class HttpWebhookClient:
    """Implements `pipeline.ports.WebhookClient`. Thread safe."""

    def __init__(
        self,
        guard: AddressGuard,
        *,
        deadline_s: float = DEADLINE_S,
        per_host: int = 8,
        ca_file: str | None = None,
        clock: Clock = time.monotonic,
    ) -> None:
        self._client = GuardedClient(guard, per_host=per_host, idle_timeout_s=deadline_s, ca_file=ca_file, clock=clock)
        self._deadline_s = deadline_s
        self._clock = clock

    @property
    def longest_s(self) -> float:
        """A free slot at the host is waited for up to the deadline, then the whole deadline is the receiver's; a TLS
        handshake that begins just before its end has its own time."""
        return 2 * self._deadline_s + CONNECT_TIMEOUT_S

    def post(self, message: WebhookMessage) -> WebhookAnswer:
        """What the endpoint answered, redirects included as they are; a failure is an answer without a status."""
        started = self._clock()
        try:
            return self._post(message, started)
        except PipelineError as exc:
            return WebhookAnswer(None, exc.message, None, self._duration_ms(started))

    def _post(self, message: WebhookMessage, started: float) -> WebhookAnswer:
        # A kept connection may have been closed by the receiver meanwhile, and a POST is not sent twice: no keep-alive.
        headers = {**message.headers, "Connection": "close"}
        call = Call("POST", message.url, headers=headers, body=message.body)
        with self._client.open(
            call, Deadline(self._deadline_s, self._clock), slot_timeout_s=self._deadline_s
        ) as answer:
            body = answer.read_up_to(MAX_ANSWER_BYTES).decode("utf-8", "replace")
            return WebhookAnswer(
                status=answer.status,
                error=None,
                retry_after_s=answer.retry_after_s,
                duration_ms=self._duration_ms(started),
                body=body.replace("\x00", "\ufffd"),
            )

    def _duration_ms(self, started: float) -> int:
        return round((self._clock() - started) * 1000)
