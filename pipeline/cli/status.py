"""`darkroom status`: whether everything answers, and what an operator must know of."""

import typer

from pipeline.cli.instances import found_settings, open_ledger_of
from pipeline.cli.output import Data, Json, fields, print_json, print_table, say
from pipeline.errors import OperatorError
from pipeline.instance.databases import database_readiness
from pipeline.instance.readiness import Readiness, api_readiness, dagster_readiness
from pipeline.services.alerts import list_alerts
from pipeline.settings import Settings


def status(data: Data = None, json: Json = False) -> None:
    """Show whether the instance's parts answer, and the alerts that last. Exit code 1 when a part does not answer."""
    settings = found_settings(data)
    parts = [{"name": part.name, "missing": part.why_not()} for part in _parts(settings)]
    try:
        with open_ledger_of(settings) as ledger:
            alerts = list_alerts(ledger)
    except OperatorError:
        alerts = []
    if json:
        shown = [{**part, "ready": part["missing"] is None} for part in parts]
        urls = {"api_url": settings.api_url, "dagster_url": settings.dagster_url}
        print_json({**urls, "data": settings.data, "parts": shown, "alerts": [fields(alert) for alert in alerts]})
    else:
        print_table(("Part", "State"), ((part["name"], part["missing"] or "answers") for part in parts), empty="")
        say(f"API {settings.api_url}, Dagster {settings.dagster_url}, data {settings.data}")
        for alert in alerts:
            say(f"Alert since {alert.since:%Y-%m-%d %H:%M} UTC: {alert.message}")
    if any(part["missing"] for part in parts):
        raise typer.Exit(1)


def _parts(settings: Settings) -> tuple[Readiness, ...]:
    return (
        database_readiness(settings.required_database_url()),
        api_readiness(settings.api_url),
        dagster_readiness(settings.dagster_url),
    )
