"""An analysis job in the terminal: what came of each file, and where to look at it."""

from collections import Counter
from collections.abc import Sequence

from pipeline.cli.output import console, print_json, print_table, say, seconds_in_words, status_text
from pipeline.dialects.analysis import analysis_status, public_id, result_bytes
from pipeline.domain.analysis import ImageFindings, VideoFindings
from pipeline.domain.jobs import JobKind
from pipeline.domain.views import ItemView, JobView

SHOWN_TAGS = 5


def show_analysis(view: JobView, runs: Sequence[str], api_url: str, *, json: bool) -> None:
    """The job's files with their findings in short, and the links; with `json` the body that its customer gets."""
    path = "video" if view.kind is JobKind.VIDEO_ANALYSIS else "images"
    links = {**view.reports, "api": f"{api_url}/{path}/{public_id(view)}"}
    for item in view.items:
        links |= {rendition.name: rendition.url or "" for rendition in item.renditions}
    if json:
        print_json({"job": json_of(view), "links": links, "runs": list(runs)})
        return
    console().print(f"Job {view.id}  {view.kind.value.replace('_', ' ')} ", status_text(analysis_status(view).upper()))
    if view.failure is not None:
        say(view.failure.message)
    if view.eta_seconds is not None:
        say(f"Left: {seconds_in_words(view.eta_seconds)}")
    print_table(("File", "Outcome", "Found"), (_row(item) for item in view.items), empty="No files.")
    for name, url in [*links.items(), *(("dagster run", url) for url in runs)]:
        say(f"{name:16} {url}")


def json_of(view: JobView) -> object:
    import json

    return json.loads(result_bytes(view))


def _row(item: ItemView) -> tuple[object, ...]:
    outcome = (item.outcome or item.state).value
    return item.reference or f"file {item.position + 1}", status_text(outcome.upper()), found_in_words(item)


def found_in_words(item: ItemView) -> str:
    """One line: the reason for trouble, or how much was found of what."""
    if item.error is not None:
        return item.error.message
    found = item.analysis
    if isinstance(found, ImageFindings):
        tags = ", ".join(tag.name for tag in found.tags[:SHOWN_TAGS])
        return "; ".join(part for part in (tags, _counted(people=len(found.people), texts=len(found.texts))) if part)
    if isinstance(found, VideoFindings):
        return f"{found.duration_s:.1f} s; " + _counted(
            shots=len(found.shots), sections=len(found.sections), people=len(found.people), texts=len(found.texts)
        )
    return ""


def _counted(**numbers: int) -> str:
    return ", ".join(f"{count} {word}" for word, count in Counter(numbers).items())
