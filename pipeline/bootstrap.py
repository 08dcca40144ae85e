"""The composition root: settings in, services' `Ledger` and `Line` out. One of each per process."""

import threading
from functools import lru_cache
from typing import TYPE_CHECKING

from pipeline.domain.media import MediaLimits, VideoLimits
from pipeline.ports import Models, ObjectStore, WebhookClient
from pipeline.services.accounts import install_plans
from pipeline.services.line import AnalysisOptions, Ledger, Line, LineOptions
from pipeline.services.sealing import SealingKey
from pipeline.settings import Settings
from pipeline.store import Database

if TYPE_CHECKING:
    from pipeline.adapters.address_guard import AddressGuard

CALLS_PER_HOST = 8
"""To one host name at a time, over all runs together (acceptance B 23): each run has its share."""
_LOCK = threading.Lock()


def migrate(database_url: str) -> None:
    """The ledger has the newest schema and the built-in plans."""
    from pipeline.store.migrations import upgrade

    upgrade(database_url)
    database = Database(database_url)
    try:
        with database.session() as session:
            install_plans(session)
    finally:
        database.dispose()


def line_options(settings: Settings) -> LineOptions:
    return LineOptions(
        threads=settings.threads,
        lease_s=settings.lease_s,
        heartbeat_s=settings.heartbeat_s,
        run_slots=settings.run_slots,
        spread=settings.fleet,
        max_shard_items=settings.shard_images,
        shard_s=settings.shard_s,
        shared_shard_s=settings.shard_busy_s,
        api_url=settings.api_url,
        cdn_url=settings.cdn_url or f"{settings.api_url}/cdn",
        dagster_url=settings.dagster_url,
        max_items=settings.max_items,
        sweep_after_s=settings.sweep_after_s,
        retention_days=settings.retention_days,
        token_days=settings.token_days,
        alert_after_s=settings.alert_after_s,
        limits=MediaLimits(max_bytes=settings.max_bytes, max_pixels=settings.max_pixels),
        workflows=settings.workflows,
        analysis=AnalysisOptions(
            max_images=settings.analysis_images,
            max_image_bytes=settings.max_bytes,
            video=VideoLimits(max_bytes=settings.video_max_bytes, max_duration_s=settings.video_max_s),
            memory_mb=settings.video_memory_mb,
            models=settings.models,
            models_mb=settings.models_mb,
            reader=settings.ocr,
            biometrics_days=settings.biometrics_days,
            signature_prefix=settings.webhook_signature.removesuffix("hex"),
        ),
    )


@lru_cache(maxsize=4)
def _ledger(settings: Settings) -> Ledger:
    return Ledger(
        Database(settings.required_database_url()), SealingKey(settings.required_secret_key()), line_options(settings)
    )


def connect_ledger(settings: Settings | None = None) -> Ledger:
    """The ledger of this process's environment; connections are made when they are first used."""
    with _LOCK:
        return _ledger(settings or Settings.from_environment())


@lru_cache(maxsize=4)
def _store(settings: Settings) -> ObjectStore:
    from pipeline.adapters.object_store import from_url

    return from_url(settings.store_url)


def connect_store(settings: Settings | None = None) -> ObjectStore:
    with _LOCK:
        return _store(settings or Settings.from_environment())


@lru_cache(maxsize=4)
def _line(settings: Settings) -> Line:
    """Imports of pictures, models and HTTP happen here and not before: a sensor or the API pays for none of them."""
    from pipeline.adapters.http_source import HttpSource
    from pipeline.inference.readers import reader_of

    ledger = _ledger(settings)
    return Line(
        database=ledger.database,
        key=ledger.key,
        options=ledger.options,
        store=_store(settings),
        source=HttpSource(_guard(settings), per_host=calls_per_host(settings.run_slots)),
        models=_models(settings),
        reader=reader_of(settings.ocr),
    )


def calls_per_host(run_slots: int) -> int:
    """How many calls to one host name a run may have open at a time."""
    return max(1, CALLS_PER_HOST // run_slots)


def connect_line(settings: Settings | None = None) -> Line:
    """All that a run needs; the same object for the same settings, so that pools and models are shared."""
    with _LOCK:
        return _line(settings or Settings.from_environment())


def connect_webhooks(settings: Settings | None = None) -> WebhookClient:
    from pipeline.adapters.webhook_client import HttpWebhookClient

    settings = settings or Settings.from_environment()
    return HttpWebhookClient(_guard(settings), deadline_s=settings.webhook_timeout_s)


def _guard(settings: Settings) -> "AddressGuard":
    from pipeline.adapters.address_guard import AddressGuard

    return AddressGuard(settings.source_allow, settings.own_ports)


def connect_models(settings: Settings | None = None) -> Models:
    """The models of this process; nothing is loaded before one is first run."""
    return _models(settings or Settings.from_environment())


def _models(settings: Settings) -> Models:
    from pipeline.inference import OnnxModels

    return OnnxModels(settings.models, budget_mb=settings.models_mb)
