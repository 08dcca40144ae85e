"""/video, /images and /latency: jobs taken in, their results, and how long they take."""

from dataclasses import asdict
from typing import Annotated

from fastapi import APIRouter, Header, Path, Request
from fastapi.responses import JSONResponse, Response
from starlette.concurrency import run_in_threadpool

from pipeline.access.api_key import KeyCreator, KeyReader
from pipeline.access.credentials import TheLedger, TheStore
from pipeline.access.idempotency import IdempotencyKey
from pipeline.api.analysis import described
from pipeline.api.analysis.options import AnalysisDoor
from pipeline.api.analysis.submissions import Desk, Received, receive_images, receive_video
from pipeline.dialects import analysis as dialect
from pipeline.dialects.analysis_schema import MediaLatency
from pipeline.domain.jobs import JobKind
from pipeline.errors import NotFound
from pipeline.services import analysis
from pipeline.services.accounts import Caller
from pipeline.services.line import Ledger

MAX_PROCESSING_S = 366 * 24 * 3600
"""More than a year is a mistake, and more than the database can add to a time."""

MaxProcessingTime = Annotated[
    int,
    Header(
        alias="Max-Processing-Time",
        ge=0,
        le=MAX_PROCESSING_S,
        description="Seconds from acceptance within which the job must be done, else it is ended and has failed. "
        "0 is no limit, and so is leaving it out.",
    ),
]
_MEDIA_TYPES = ("video", "image")


def door_of(request: Request) -> AnalysisDoor:
    door: AnalysisDoor = request.app.state.analysis
    return door


async def submit_video(
    request: Request,
    caller: KeyCreator,
    ledger: TheLedger,
    store: TheStore,
    idempotency_key: IdempotencyKey,
    max_processing_time: MaxProcessingTime = 0,
) -> JSONResponse:
    """Submit a video for analysis: the file as the body, or in a form together with its webhook."""
    received = await receive_video(request, Desk(ledger, store, caller.account_id))
    job = _job(JobKind.VIDEO_ANALYSIS, received, max_processing_time)
    return await run_in_threadpool(_accepted, request, ledger, caller, job, idempotency_key)


async def submit_images(
    request: Request,
    caller: KeyCreator,
    ledger: TheLedger,
    store: TheStore,
    idempotency_key: IdempotencyKey,
    max_processing_time: MaxProcessingTime = 0,
) -> JSONResponse:
    """Submit a batch of images for analysis, in base64. An image that cannot be used fails alone."""
    desk = Desk(ledger, store, caller.account_id)
    received = await receive_images(request, desk, max_body_bytes=door_of(request).max_body_bytes)
    job = _job(JobKind.IMAGE_ANALYSIS, received, max_processing_time)
    return await run_in_threadpool(_accepted, request, ledger, caller, job, idempotency_key)


def show_video(request: Request, job_id: str, caller: KeyReader, ledger: TheLedger) -> Response:
    """The video's status, and its result once it is finished."""
    return _shown(request, ledger, caller, job_id, JobKind.VIDEO_ANALYSIS)


def show_images(request: Request, job_id: str, caller: KeyReader, ledger: TheLedger) -> Response:
    """The batch's status, and the results of its images once it is finished."""
    return _shown(request, ledger, caller, job_id, JobKind.IMAGE_ANALYSIS)


def show_latency(
    media_type: Annotated[str, Path(json_schema_extra={"enum": list(_MEDIA_TYPES)})],
    caller: KeyReader,
    ledger: TheLedger,
) -> JSONResponse:
    """How long analysis has taken of late: per second of video, or per image."""
    if media_type not in _MEDIA_TYPES:
        raise NotFound("There is no such media type: ask for video or image.")
    found = analysis.latency(ledger, media_type)
    if found is None:
        raise NotFound(f"No {media_type} has been analyzed here yet, so its latency has not been measured.")
    return JSONResponse(MediaLatency.model_validate(asdict(found)).model_dump(exclude_none=True))


def analysis_router(door: AnalysisDoor) -> APIRouter:
    """The interface under the paths of this door."""
    router = APIRouter(tags=["analysis"])
    for path, submit, show, about in (
        (door.video_path, submit_video, show_video, described.VIDEO),
        (door.images_path, submit_images, show_images, described.IMAGES),
    ):
        router.add_api_route(
            path,
            submit,
            methods=["POST"],
            status_code=202,
            operation_id=submit.__name__,
            responses=about.accepted,
            openapi_extra=about.request,
            callbacks=about.callbacks.routes,
        )
        one = f"{path}/{{job_id}}"
        router.add_api_route(one, show, methods=["GET"], operation_id=show.__name__, responses=about.shown)
    measured = f"{door.latency_path}/{{media_type}}"
    router.add_api_route(
        measured, show_latency, methods=["GET"], operation_id="show_latency", responses=described.LATENCY
    )
    return router


def _job(kind: JobKind, received: Received, max_processing_s: int) -> analysis.AnalysisRequest:
    webhook = received.webhook
    return analysis.AnalysisRequest(
        kind=kind,
        images=received.images,
        webhook_url=None if webhook is None else webhook.url,
        webhook_secret=None if webhook is None else webhook.secret,
        max_processing_s=max_processing_s,
    )


def _accepted(
    request: Request, ledger: Ledger, caller: Caller, job: analysis.AnalysisRequest, idempotency_key: str | None
) -> JSONResponse:
    view, is_new = analysis.submit_analysis(ledger, caller, job, idempotency_key=idempotency_key)
    door = door_of(request)
    path = door.video_path if job.kind is JobKind.VIDEO_ANALYSIS else door.images_path
    job_id = dialect.public_id(view)
    headers = {"location": f"{path}/{job_id}", "retry-after": str(door.poll_s)}
    if not is_new:
        headers["idempotency-replayed"] = "true"
    return JSONResponse({"job_id": job_id}, 202, headers)


def _shown(request: Request, ledger: Ledger, caller: Caller, job_id: str, kind: JobKind) -> Response:
    view = analysis.show_analysis(ledger, job_id, kind=kind, account_id=caller.account_id)
    headers = {} if view.status.is_final else {"retry-after": str(door_of(request).poll_s)}
    return Response(dialect.result_bytes(view), media_type="application/json", headers=headers)
