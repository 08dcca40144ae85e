"""/v1/batches and /v1/workflows: the enhancement interface (contract section 1, docs/enhancement.md)."""

import re
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Header, Query, Request
from fastapi.responses import JSONResponse

from pipeline.access.bodies import json_body
from pipeline.access.credentials import TheLedger
from pipeline.access.rates import Creator, Reader
from pipeline.api.enhancement.examples import (
    BATCH,
    BATCH_LIST,
    CANCELLED,
    CREATE,
    CREATED,
    WORKFLOW,
    WORKFLOWS,
)
from pipeline.dialects import enhancement as dialect
from pipeline.domain.jobs import JobKind
from pipeline.domain.views import JobView
from pipeline.domain.workflows import Workflow
from pipeline.errors import InvalidRequest, NotFound
from pipeline.ports import SourceAuth
from pipeline.services import jobs, views
from pipeline.services.accounts import Caller
from pipeline.services.jobs import Submission, SubmittedFile
from pipeline.services.line import Ledger
from pipeline.workflows import WorkflowCatalog, workflow_json

MAX_PER_PAGE = 100
_KEY = re.compile(r"[\x21-\x7e]{1,255}")

router = APIRouter(prefix="/v1", tags=["enhancement"])


def catalog_of(request: Request) -> WorkflowCatalog:
    catalog: WorkflowCatalog = request.app.state.workflows
    return catalog


TheCatalog = Annotated[WorkflowCatalog, Depends(catalog_of)]
NewBatch = Annotated[dialect.BatchRequest, Depends(json_body(dialect.BatchRequest))]


@router.post("/batches", status_code=201, openapi_extra=CREATE, responses=CREATED)
def create_batch(
    caller: Creator,
    batch: NewBatch,
    ledger: TheLedger,
    catalog: TheCatalog,
    idempotency_key: Annotated[str | None, Header(description="Repeats of a request with this key do nothing.")] = None,
) -> JSONResponse:
    """Accept a batch; it is worked on from now on, whatever becomes of this connection."""
    if idempotency_key is not None and not _KEY.fullmatch(idempotency_key):
        raise InvalidRequest({"Idempotency-Key": ["An Idempotency-Key has 1 to 255 visible ASCII characters."]})
    workflow = _workflow(catalog, batch.workflow)
    submission = Submission(
        kind=JobKind.ENHANCEMENT,
        files=[SubmittedFile(file.url, file.upload_id, file.reference) for file in batch.files],
        workflow=workflow,
        workflow_snapshot=workflow_json(workflow),
        webhook_url=None if batch.webhook is None else batch.webhook.url,
        webhook_secret=None if batch.webhook is None else batch.webhook.secret,
        source_auth=None if batch.source_auth is None else _source_auth(batch.source_auth),
        project=batch.project,
    )
    view, is_new = jobs.submit(ledger, caller, submission, idempotency_key=idempotency_key)
    headers = {"location": f"/v1/batches/{view.id}"}
    if not is_new:
        headers["idempotency-replayed"] = "true"
    return JSONResponse(dialect.created_body(view), 201, headers)


@router.get("/batches", responses=BATCH_LIST)
def list_batches(
    caller: Reader,
    ledger: TheLedger,
    page: Annotated[int, Query(ge=1, le=1_000_000)] = 1,
    per_page: Annotated[int, Query(ge=1, le=MAX_PER_PAGE)] = 20,
) -> JSONResponse:
    """The account's batches without their files, newest first."""
    offset = (page - 1) * per_page
    found, total = views.list_jobs(ledger, caller.account_id, offset=offset, limit=per_page, kind=JobKind.ENHANCEMENT)
    path = f"{ledger.options.api_url}/v1/batches"
    return JSONResponse(dialect.list_body(found, total, page=page, per_page=per_page, path=path))


@router.get("/batches/{batch_id}", responses=BATCH)
def show_batch(batch_id: UUID, caller: Reader, ledger: TheLedger) -> JSONResponse:
    """The batch as it stands, with every file."""
    return JSONResponse(dialect.batch_body(_shown(ledger, batch_id, caller)))


@router.delete("/batches/{batch_id}", responses=CANCELLED)
def cancel_batch(batch_id: UUID, caller: Reader, ledger: TheLedger) -> JSONResponse:
    """Cancel the batch: files that have ended stay delivered, no other is published. Cancelling twice is once."""
    return JSONResponse(
        dialect.batch_body(jobs.cancel(ledger, batch_id, account_id=caller.account_id, kind=JobKind.ENHANCEMENT))
    )


@router.get("/workflows", responses=WORKFLOWS)
def list_workflows(caller: Reader, catalog: TheCatalog) -> JSONResponse:
    """The workflows that a batch may name."""
    return JSONResponse({"data": [_body(workflow) for _, workflow in sorted(catalog.all().items())]})


@router.get("/workflows/{slug}", responses=WORKFLOW)
def show_workflow(slug: str, caller: Reader, catalog: TheCatalog) -> JSONResponse:
    """One workflow: its steps, what it delivers, and by which guidelines it judges."""
    workflow = catalog.all().get(slug)
    if workflow is None:
        raise NotFound("There is no such workflow.")
    return JSONResponse(_body(workflow))


def _shown(ledger: Ledger, batch_id: UUID, caller: Caller) -> JobView:
    return views.show_job(ledger, batch_id, account_id=caller.account_id, kind=JobKind.ENHANCEMENT)


def _body(workflow: Workflow) -> dict[str, Any]:
    return dialect.workflow_body(workflow, workflow_json(workflow))


def _workflow(catalog: WorkflowCatalog, slug: str) -> Workflow:
    known = catalog.all()
    if slug not in known:
        names = ", ".join(sorted(known))
        raise InvalidRequest({"workflow": [f"There is no such workflow. The workflows are: {names}."]})
    return known[slug]


def _source_auth(auth: dialect.BearerAuth | dialect.OAuth2Auth) -> SourceAuth:
    if isinstance(auth, dialect.BearerAuth):
        return SourceAuth(kind="bearer", token=auth.token)
    return SourceAuth(
        kind="oauth2",
        token_url=auth.token_url,
        client_id=auth.client_id,
        client_secret=auth.client_secret,
        scope=auth.scope,
    )
