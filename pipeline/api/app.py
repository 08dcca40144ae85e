"""The web application: routes, errors and the door, around a ledger and an object store."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI

from pipeline.access.door import Door
from pipeline.api import files, health
from pipeline.api.enhancement import routes as enhancement
from pipeline.api.enhancement import uploads
from pipeline.api.enhancement.examples import WEBHOOK
from pipeline.api.errors import install_error_handlers, plain_error
from pipeline.api.manage import routes as manage
from pipeline.ports import ObjectStore
from pipeline.services.line import Ledger
from pipeline.version import VERSION
from pipeline.workflows import WorkflowCatalog


def create_app(ledger: Ledger, store: ObjectStore, workflows: WorkflowCatalog) -> FastAPI:
    """The application is ready to be served; its database connections are given back when it stops."""

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
    app.state.ledger, app.state.store, app.state.workflows = ledger, store, workflows
    uploads.install_upload_places(app.state)
    health.install_health(app.state)
    for router in (enhancement.router, uploads.router, manage.router, files.router, health.router):
        app.include_router(router)
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
        return page

    app.openapi = openapi  # type: ignore[method-assign]  # FastAPI's documented way to extend the page
