"""The web application: routes, errors and the door, around a ledger and an object store."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI

from pipeline.access.api_key import SCHEME
from pipeline.access.door import Door
from pipeline.api import files, health
from pipeline.api.analysis.options import AnalysisDoor
from pipeline.api.analysis.routes import analysis_router
from pipeline.api.analysis.submissions import install_submission_places
from pipeline.api.enhancement import routes as enhancement
from pipeline.api.enhancement import uploads
from pipeline.api.enhancement.examples import WEBHOOK
from pipeline.api.errors import install_error_handlers, plain_error
from pipeline.api.manage import people
from pipeline.api.manage import routes as manage
from pipeline.ports import Models, ObjectStore
from pipeline.services.line import Ledger
from pipeline.version import VERSION
from pipeline.workflows import WorkflowCatalog


def create_app(
    ledger: Ledger,
    store: ObjectStore,
    workflows: WorkflowCatalog,
    models: Callable[[], Models | None] = lambda: None,
    *,
    analysis: AnalysisDoor = AnalysisDoor(),  # noqa: B008  (frozen)
) -> FastAPI:
    """The application is ready to be served; its database connections are given back when it stops.

    `models` is asked only where a request needs one: loading them takes a second.
    """

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        ledger.database.dispose()

    app = FastAPI(
        title="Darkroom",
        summary="Pictures in; finished pictures, scores and a report out.",
        version=VERSION,
        docs_url=None,  # its pages load scripts from elsewhere; /openapi.json serves every tool
        redoc_url=None,
        lifespan=lifespan,
    )
    app.state.ledger, app.state.store, app.state.workflows, app.state.models = ledger, store, workflows, models
    app.state.analysis, app.state.api_key_header = analysis, analysis.api_key_header
    uploads.install_upload_places(app.state)
    install_submission_places(app.state)
    health.install_health(app.state)
    for router in (enhancement.router, uploads.router, manage.router, people.router, files.router, health.router):
        app.include_router(router)
    app.include_router(analysis_router(analysis))
    install_error_handlers(app)
    _describe_webhook(app)
    _gather_schemas(app)
    app.add_middleware(Door, render=plain_error)
    return app


def _describe_webhook(app: FastAPI) -> None:
    example = {"requestBody": {"content": {"application/json": {"example": WEBHOOK}}}}

    @app.webhooks.post("batch.completed", openapi_extra=example, tags=["enhancement"])
    def batch_completed() -> None:
        """Sent when a whole batch has ended; `batch.cancelled` has the same form. Answer with a 2xx status.

        `Signature` is the hex HMAC-SHA256 of the raw body under the webhook's secret.
        """


def _gather_schemas(app: FastAPI) -> None:
    """Schemas that a request body brought along stand with all others, where their references look for them."""
    described = app.openapi

    def openapi() -> dict[str, Any]:
        page = described()
        schemas = page["components"]["schemas"]
        for operations in page["paths"].values():
            for operation in operations.values():
                for content in operation.get("requestBody", {}).get("content", {}).values():
                    schemas.update(content.get("schema", {}).pop("$defs", {}))
        page["components"]["securitySchemes"][SCHEME]["name"] = app.state.api_key_header
        return page

    app.openapi = openapi  # type: ignore[method-assign]  # FastAPI's documented way to extend the page
