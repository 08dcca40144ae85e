"""/manage/v1: jobs, retries and webhooks of the caller's own account, in the product's words."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Query
from pydantic import BeforeValidator

from pipeline.access.bodies import described_body, json_body
from pipeline.access.credentials import TheLedger
from pipeline.access.rates import Reader
from pipeline.api.manage import bodies
from pipeline.dialects.analysis import without_prefix
from pipeline.domain.events import DeliveryState
from pipeline.services import accounts, alerts, delivery, jobs, retrying, views

MAX_PER_PAGE = 100
JobId = Annotated[UUID, BeforeValidator(without_prefix)]
"""A job of any kind, by the id that its own interface shows or by the bare one."""
_PROBLEM = {"content": {"application/problem+json": {"schema": bodies.Problem.model_json_schema()}}}
_ERRORS: dict[int | str, dict[str, Any]] = {
    401: {"description": "No valid token.", **_PROBLEM},
    429: {"description": "Too many calls; `Retry-After` says when to try again.", **_PROBLEM},
    "4XX": {"description": "A problem as RFC 9457 has it.", **_PROBLEM},
    503: {"description": "Not available for the moment; `Retry-After` says when to try again.", **_PROBLEM},
}

router = APIRouter(prefix="/manage/v1", tags=["manage"], responses=_ERRORS)


@router.get("/jobs")
def list_jobs(
    caller: Reader,
    ledger: TheLedger,
    page: Annotated[int, Query(ge=1, le=1_000_000)] = 1,
    per_page: Annotated[int, Query(ge=1, le=MAX_PER_PAGE)] = 20,
) -> bodies.JobPage:
    """The account's jobs of every kind without their items, newest first."""
    found, total = views.list_jobs(ledger, caller.account_id, offset=(page - 1) * per_page, limit=per_page)
    return bodies.JobPage(
        data=[bodies.JobAnswer.model_validate(view) for view in found],
        page=page,
        per_page=per_page,
        total=total,
        next=f"/manage/v1/jobs?page={page + 1}&per_page={per_page}" if page * per_page < total else None,
    )


@router.get("/jobs/{job_id}")
def show_job(job_id: JobId, caller: Reader, ledger: TheLedger) -> bodies.JobWithItems:
    """One job with its items."""
    return bodies.JobWithItems.model_validate(views.show_job(ledger, job_id, account_id=caller.account_id))


@router.post("/jobs/{job_id}/retry", openapi_extra=described_body(bodies.RetryRequest))
def retry_job(
    job_id: JobId,
    caller: Reader,
    ledger: TheLedger,
    wanted: Annotated[bodies.RetryRequest, Depends(json_body(bodies.RetryRequest))],
) -> retrying.Retried:
    """Try the failed items again, all or those at `positions`, before the stage `from` or the one that failed."""
    return retrying.retry_failed(
        ledger, job_id, from_stage=wanted.from_, positions=wanted.positions, account_id=caller.account_id
    )


@router.post("/jobs/{job_id}/cancel")
def cancel_job(job_id: JobId, caller: Reader, ledger: TheLedger) -> bodies.JobWithItems:
    """Cancel the job: items that have ended keep their outcome. Cancelling twice is once."""
    return bodies.JobWithItems.model_validate(jobs.cancel(ledger, job_id, account_id=caller.account_id))


@router.put("/webhook", openapi_extra=described_body(bodies.WebhookChange))
def change_webhook(
    caller: Reader,
    ledger: TheLedger,
    wanted: Annotated[bodies.WebhookChange, Depends(json_body(bodies.WebhookChange))],
) -> bodies.EndpointSecret:
    """The account's batches are told to this URL from now on. The secret is shown this once."""
    secret = accounts.register_endpoint(ledger, caller.name, wanted.url, secret=wanted.secret)
    return bodies.EndpointSecret(url=wanted.url, secret=secret)


@router.get("/webhook")
def show_webhook(caller: Reader, ledger: TheLedger) -> accounts.EndpointView:
    """The account's endpoint, and whether it still answers."""
    return accounts.show_endpoint(ledger, caller.account_id)


@router.get("/deliveries")
def list_deliveries(
    caller: Reader,
    ledger: TheLedger,
    state: DeliveryState | None = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
) -> bodies.DeliveryList:
    """The newest deliveries of events; `state=dead` are those that were given up."""
    found = delivery.list_deliveries(ledger, caller.account_id, state=state, limit=limit)
    return bodies.DeliveryList(data=list(found))


@router.post("/deliveries/{delivery_id}/replay")
def replay_delivery(delivery_id: UUID, caller: Reader, ledger: TheLedger) -> delivery.DeliveryView:
    """Send the event again, under the same webhook-id."""
    return delivery.replay(ledger, delivery_id, account_id=caller.account_id)


@router.get("/alerts")
def list_alerts(caller: Reader, ledger: TheLedger) -> bodies.AlertList:
    """What the operator must know of, while it lasts."""
    return bodies.AlertList(data=alerts.list_alerts(ledger))
