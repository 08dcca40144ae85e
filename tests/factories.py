"""Rows and values that tests start from."""

from collections.abc import Sequence
from uuid import UUID, uuid4

from pipeline.domain.jobs import JobKind
from pipeline.domain.workflows import OutputSpec, StepChoice, Workflow
from pipeline.services.accounts import Caller, authenticate, create_account, create_token
from pipeline.services.jobs import Submission, SubmittedFile, submit
from pipeline.services.line import Ledger
from pipeline.workflows import workflow_json


def a_workflow(slug: str = "auto") -> Workflow:
    return Workflow(
        slug=slug,
        title="For tests",
        version=1,
        description="White balance and tone.",
        steps=(StepChoice("orient"), StepChoice("white_balance"), StepChoice("exposure")),
        outputs=(OutputSpec("main"),),
    )


def an_account(ledger: Ledger, name: str | None = None, *, plan: str = "unlimited") -> Caller:
    """A caller with an account of its own."""
    account = create_account(ledger, name or f"account-{uuid4().hex[:8]}", plan=plan)
    return authenticate(ledger, create_token(ledger, account.name))


def a_job(
    ledger: Ledger,
    caller: Caller,
    urls: Sequence[str] = ("http://127.0.0.1:9/picture.jpg",),
    *,
    workflow: Workflow | None = None,
    webhook_url: str | None = None,
    webhook_secret: str | None = None,
) -> UUID:
    """An accepted job with these originals."""
    workflow = workflow or a_workflow()
    submission = Submission(
        kind=JobKind.ENHANCEMENT,
        workflow=workflow,
        workflow_snapshot=workflow_json(workflow),
        files=[SubmittedFile(url=url) for url in urls],
        webhook_url=webhook_url,
        webhook_secret=webhook_secret,
    )
    return submit(ledger, caller, submission)[0].id
