"""When an instance answers: the API, Dagster with our code loaded, and Dagster's daemon."""

import time
from collections.abc import Callable
from dataclasses import dataclass

import requests

from pipeline.errors import OperatorError
from pipeline.instance.programs import CODE_LOCATION

START_WAIT_S = 180.0
"""A cold start took 15 s on two cores; a slow disk or a busy machine may take ten times as long."""
LOOK_EVERY_S = 0.25
ANSWER_WAIT_S = 5.0
DAGSTER_QUESTION = """
{
  workspaceOrError {
    ... on Workspace {
      locationEntries { name loadStatus locationOrLoadError { __typename ... on PythonError { message } } }
    }
    ... on PythonError { message }
  }
  instance { daemonHealth { allDaemonStatuses { daemonType required healthy } } }
}
"""


@dataclass(frozen=True, slots=True)
class Readiness:
    """A question about readiness: `why_not` answers None when it is reached, else what is still missing, in words."""

    name: str
    why_not: Callable[[], str | None]


def wait_until(ready: Readiness, *, gave_up: Callable[[], str | None], timeout_s: float = START_WAIT_S) -> None:
    """It is ready when this returns; raises `OperatorError` with the reason when it will not be.

    `gave_up` says why waiting on is useless, as soon as it knows.
    """
    deadline = time.monotonic() + timeout_s
    while (missing := ready.why_not()) is not None:
        useless = gave_up()
        if useless is None and time.monotonic() > deadline:
            useless = f"it was not ready within {timeout_s:g} s"
        if useless is not None:
            raise OperatorError(f"{ready.name} did not start: {useless}. Last seen: {missing}")
        time.sleep(LOOK_EVERY_S)


def api_readiness(api_url: str) -> Readiness:
    """Until the API says at /readyz that it can take work."""

    def why_not() -> str | None:
        try:
            answer = requests.get(f"{api_url}/readyz", timeout=ANSWER_WAIT_S)
        except requests.RequestException as error:
            return f"no answer from {api_url}: {type(error).__name__}"
        return None if answer.status_code == 200 else f"{api_url}/readyz answers {answer.status_code}"

    return Readiness("The API", why_not)


def dagster_readiness(dagster_url: str) -> Readiness:
    """Until Dagster has loaded our code and each daemon that it requires has given a sign of life."""

    def why_not() -> str | None:
        try:
            answer = requests.post(f"{dagster_url}/graphql", json={"query": DAGSTER_QUESTION}, timeout=ANSWER_WAIT_S)
            answer.raise_for_status()
            return _dagster_lacks(answer.json()["data"])
        except requests.RequestException as error:
            return f"no answer from {dagster_url}: {type(error).__name__}"

    return Readiness("Dagster", why_not)


def _dagster_lacks(data: dict[str, dict[str, object]]) -> str | None:
    workspace = data["workspaceOrError"]
    entries = workspace.get("locationEntries")
    if not isinstance(entries, list):
        return str(workspace.get("message", "no workspace"))
    ours = next((entry for entry in entries if entry["name"] == CODE_LOCATION), None)
    if ours is None or ours["loadStatus"] != "LOADED":
        return f"the code location {CODE_LOCATION} is still loading"
    loaded = ours["locationOrLoadError"] or {}
    if loaded.get("__typename") != "RepositoryLocation":
        return f"the code location {CODE_LOCATION} does not load: {loaded.get('message', 'no reason given')}"
    health = data["instance"]["daemonHealth"]
    statuses = health["allDaemonStatuses"] if isinstance(health, dict) else []
    waiting = [status["daemonType"] for status in statuses if status["required"] and not status["healthy"]]
    return f"Dagster's daemon gives no sign of life yet for {', '.join(waiting)}" if waiting else None
