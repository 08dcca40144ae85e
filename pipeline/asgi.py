"""The web process: `uvicorn pipeline.asgi:app`."""

import logging

from pipeline.api.analysis.options import AnalysisDoor
from pipeline.api.app import create_app
from pipeline.bootstrap import connect_ledger, connect_models, connect_store
from pipeline.settings import Settings
from pipeline.workflows import WorkflowCatalog

_settings = Settings.from_environment()
logging.basicConfig(level=_settings.log_level.upper(), format="%(asctime)s %(levelname)s %(name)s %(message)s")

app = create_app(
    connect_ledger(_settings),
    connect_store(_settings),
    WorkflowCatalog(_settings.workflows),
    lambda: connect_models(_settings),
    analysis=AnalysisDoor(api_key_header=_settings.api_key_header),
)
