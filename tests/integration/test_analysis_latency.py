"""How long analyses take, measured on the last thousand units; and how the end of one is signed."""

import base64
import hashlib
import hmac
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from sqlalchemy import insert
from standardwebhooks import Webhook

from pipeline.adapters.address_guard import AddressGuard
from pipeline.adapters.webhook_client import HttpWebhookClient
from pipeline.domain.events import Verdict
from pipeline.domain.jobs import ItemState, JobKind, JobStatus, Outcome
from pipeline.services.analysis import UNITS, Latency, latency
from pipeline.services.delivery import claim_deliveries, deliver
from pipeline.services.line import Ledger
from pipeline.store.items import ItemRow
from pipeline.store.jobs import JobRow
from tests.factories import an_account
from tests.integration.analysis_jobs import FINDINGS, PICTURE, VIDEO, end_job, images
from tests.integration.api_server import Api, Customer
from tests.receivers import Received, Receiver, receiving

SECRET = "a secret passphrase"


@pytest.fixture
def account(ledger: Ledger) -> UUID:
    return an_account(ledger).account_id


def ended(
    ledger: Ledger,
    account: UUID,
    seconds: float,
    *outcomes: Outcome,
    kind: JobKind = JobKind.IMAGE_ANALYSIS,
    duration_s: float = 1.0,
    age_s: float = 0.0,
    status: JobStatus = JobStatus.SUCCEEDED,
    generation: int = 1,
) -> None:
    """A job that took so many seconds from its acceptance, `age_s` ago, with an item of each outcome."""
    finished_at = datetime.now(UTC) - timedelta(seconds=age_s)
    with ledger.database.session() as session:
        job = JobRow(account_id=account, kind=kind, total_items=len(outcomes), open_items=0, status=status)
        job.created_at, job.finished_at = finished_at - timedelta(seconds=seconds), finished_at
        job.generation = generation
        session.add(job)
        session.flush()
        session.execute(
            insert(ItemRow),
            [
                {
                    "job_id": job.id,
                    "account_id": account,
                    "kind": kind,
                    "position": position,
                    "state": ItemState.ENDED,
                    "outcome": outcome,
                    "findings": {"duration_s": duration_s} if outcome is Outcome.ANALYZED else None,
                }
                for position, outcome in enumerate(outcomes)
            ],
        )


def measured(ledger: Ledger, media_type: str = "image") -> Latency:
    found = latency(ledger, media_type)
    assert found is not None
    return found


class TestLatency:
    def test_before_any_was_finished_there_is_none(self, ledger: Ledger) -> None:
        assert [latency(ledger, media_type) for media_type in ("image", "video", "audio")] == [None] * 3

    def test_what_did_not_succeed_at_first_says_nothing(self, ledger: Ledger, account: UUID) -> None:
        ended(ledger, account, 9, Outcome.ANALYZED, status=JobStatus.FAILED)
        ended(ledger, account, 9, Outcome.ANALYZED, status=JobStatus.REPORTING)
        ended(ledger, account, 9, Outcome.ANALYZED, generation=2)
        ended(ledger, account, 9, Outcome.FAILED)
        assert latency(ledger, "image") is None

    def test_a_batchs_time_is_shared_by_its_analyzed_images(self, ledger: Ledger, account: UUID) -> None:
        ended(ledger, account, 3, *[Outcome.ANALYZED] * 4, Outcome.FAILED, Outcome.FAILED)
        found = measured(ledger)
        assert (found.latency_ms_per_unit, found.p50_ms, found.p99_ms) == (750.0, 750.0, 750.0)
        assert (found.media_type, found.unit, found.sample_size) == ("image", "image", 4)

    def test_the_mean_is_weighted_by_images(self, ledger: Ledger, account: UUID) -> None:
        ended(ledger, account, 9, *[Outcome.ANALYZED] * 9)
        ended(ledger, account, 11, Outcome.ANALYZED)
        found = measured(ledger)
        assert found.latency_ms_per_unit == pytest.approx(2000.0)
        assert (found.p50_ms, found.p95_ms, found.p99_ms, found.sample_size) == (1000.0, 11000.0, 11000.0, 10)

    def test_percentiles_are_those_of_the_images(self, ledger: Ledger, account: UUID) -> None:
        for seconds in range(1, 101):
            ended(ledger, account, seconds, Outcome.ANALYZED)
        found = measured(ledger)
        assert (found.p50_ms, found.p95_ms, found.p99_ms) == (50_000.0, 95_000.0, 99_000.0)
        assert (found.latency_ms_per_unit, found.sample_size) == (50_500.0, 100)

    def test_a_video_is_measured_per_second_of_it(self, ledger: Ledger, account: UUID) -> None:
        video = JobKind.VIDEO_ANALYSIS
        ended(ledger, account, 30, Outcome.ANALYZED, kind=video, duration_s=60.0)
        ended(ledger, account, 40, Outcome.ANALYZED, kind=video, duration_s=10.0)
        found = measured(ledger, "video")
        assert found.latency_ms_per_unit == pytest.approx(1000.0)
        assert (found.p50_ms, found.p95_ms) == (500.0, 4000.0)
        assert (found.unit, found.sample_size) == ("second", 70)

    def test_kinds_do_not_mix(self, ledger: Ledger, account: UUID) -> None:
        ended(ledger, account, 2, Outcome.ANALYZED)
        ended(ledger, account, 2, Outcome.APPROVED, kind=JobKind.ENHANCEMENT)
        assert latency(ledger, "video") is None
        assert measured(ledger).sample_size == 1

    def test_only_the_last_thousand_count(self, ledger: Ledger, account: UUID) -> None:
        ended(ledger, account, 1, *[Outcome.ANALYZED] * (UNITS - 100))
        ended(ledger, account, 5000, *[Outcome.ANALYZED] * 500, age_s=60)
        ended(ledger, account, 10**6, Outcome.ANALYZED, age_s=120)
        found = measured(ledger)
        assert found.sample_size == UNITS
        assert found.latency_ms_per_unit == pytest.approx((900 * (1000 / 900) + 100 * 10_000) / 1000, abs=0.1)

    def test_a_long_video_alone_is_a_sample_of_a_thousand_seconds(self, ledger: Ledger, account: UUID) -> None:
        ended(ledger, account, 1800, Outcome.ANALYZED, kind=JobKind.VIDEO_ANALYSIS, duration_s=3600.0)
        found = measured(ledger, "video")
        assert (found.latency_ms_per_unit, found.sample_size) == (500.0, UNITS)

    def test_a_video_without_length_does_not_divide_by_it(self, ledger: Ledger, account: UUID) -> None:
        ended(ledger, account, 1, Outcome.ANALYZED, kind=JobKind.VIDEO_ANALYSIS, duration_s=0.0)
        assert latency(ledger, "video") is None

    def test_it_is_of_all_accounts(self, api: Api, anna: Customer, account: UUID) -> None:
        ended(api.ledger, account, 2, Outcome.ANALYZED)
        assert anna.get("/latency/image").json()["sample_size"] == 1


class TestSignatures:
    @pytest.fixture
    def receiver(self) -> Iterator[Receiver]:
        with receiving() as found:
            yield found

    def told(self, ledger: Ledger, receiver: Receiver) -> Received:
        """What the receiver was sent, by one attempt."""
        client = HttpWebhookClient(AddressGuard(frozenset({("127.0.0.1", receiver.port)}), frozenset()), deadline_s=20)
        (due,) = claim_deliveries(ledger, limit=9, longest_s=client.longest_s)
        assert deliver(ledger, client, due) is Verdict.DELIVERED
        (message,) = receiver.wait_for(1)
        return message

    def job(self, api: Api, customer: Customer, receiver: Receiver, secret: str | None = SECRET) -> str:
        webhook = {"url": receiver.url, **({} if secret is None else {"secret": secret})}
        answer = customer.post("/images", {**images(PICTURE), "webhook": webhook})
        assert answer.status_code == 202, answer.text
        end_job(api.ledger, answer.json()["job_id"], JobKind.IMAGE_ANALYSIS, FINDINGS)
        return answer.headers["location"]

    @pytest.mark.parametrize("prefix", ["", "sha256="])
    def test_the_contracts_signature_is_written_as_the_operator_says(
        self, api: Api, anna: Customer, receiver: Receiver, prefix: str
    ) -> None:
        path = self.job(api, anna, receiver)
        options = api.ledger.options
        options = replace(options, analysis=replace(options.analysis, signature_prefix=prefix))
        message = self.told(replace(api.ledger, options=options), receiver)
        digest = hmac.new(SECRET.encode(), message.body, hashlib.sha256).hexdigest()
        assert message.headers["x-webhook-signature"] == prefix + digest
        assert "signature" not in message.headers
        assert message.body == anna.get(path).content

    @pytest.mark.parametrize("secret", [SECRET, "whsec_" + base64.b64encode(b"twenty-four random bytes").decode()])
    def test_any_standard_webhooks_library_verifies_it(
        self, api: Api, anna: Customer, receiver: Receiver, secret: str
    ) -> None:
        self.job(api, anna, receiver, secret)
        message = self.told(api.ledger, receiver)
        theirs = secret if secret.startswith("whsec_") else base64.b64encode(secret.encode()).decode()
        assert Webhook(theirs).verify(message.body, message.headers)["status"] == "finished"
        expected = hmac.new(secret.encode(), message.body, hashlib.sha256).hexdigest()
        assert message.headers["x-webhook-signature"] == expected

    def test_without_a_secret_nothing_is_signed(self, api: Api, anna: Customer, receiver: Receiver) -> None:
        self.job(api, anna, receiver, None)
        message = self.told(api.ledger, receiver)
        assert not [name for name in message.headers if "signature" in name]
        assert UUID(message.headers["webhook-id"])
        assert message.headers["content-type"] == "application/json"

    def test_a_video_that_failed_is_told_and_signed_too(self, api: Api, anna: Customer, receiver: Receiver) -> None:
        headers = {"content-type": "video/mp4", "x-webhook-url": receiver.url, "x-webhook-secret": SECRET}
        answer = anna.call("POST", "/video", data=VIDEO, headers={**headers, "max-processing-time": "60"})
        with api.ledger.database.session() as session:
            for job in session.query(JobRow):
                job.deadline_at = datetime.now(UTC) - timedelta(seconds=1)
        from pipeline.services.deadlines import enforce

        assert enforce(api.ledger) == 1
        message = self.told(api.ledger, receiver)
        assert message.body == anna.get(answer.headers["location"]).content
        digest = hmac.new(SECRET.encode(), message.body, hashlib.sha256).hexdigest()
        assert message.headers["x-webhook-signature"] == digest
