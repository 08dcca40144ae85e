"""Which workflows there are: the built-in ones, and an operator's folder of YAML files."""

from importlib.resources import files
from pathlib import Path

from pipeline.domain.workflows import Workflow
from pipeline.errors import InvalidWorkflow
from pipeline.workflows.check import parse_workflow

BUILTIN = ("auto", "food", "real-estate", "product", "portrait")
GUIDELINES_SUFFIX = ".guidelines.yaml"
"""Files of this name hold guidelines that workflows beside them refer to."""


def builtin_workflows() -> dict[str, Workflow]:
    """The workflows that come with Darkroom, by slug."""
    folder = files("pipeline.workflows") / "builtin"
    texts = {slug: (folder / f"{slug}.yaml").read_text(encoding="utf-8") for slug in BUILTIN}
    return {slug: parse_workflow(text, source=f"{slug}.yaml") for slug, text in texts.items()}


class WorkflowCatalog:
    """The built-in workflows and those of a folder, read once; one of the folder replaces a built-in of its slug."""

    def __init__(self, folder: Path | None) -> None:
        """Raises `InvalidWorkflow` with the mistakes of all files together."""
        self._workflows = builtin_workflows()
        if folder is not None:
            self._workflows |= _own_workflows(folder)

    def all(self) -> dict[str, Workflow]:
        """Every workflow by slug."""
        return dict(self._workflows)

    def get(self, slug: str) -> Workflow:
        """The workflow of this slug; raises `KeyError`."""
        return self._workflows[slug]


def _own_workflows(folder: Path) -> dict[str, Workflow]:
    if not folder.is_dir():
        raise InvalidWorkflow([f"{folder}: there is no such folder of workflows"])
    found: dict[str, Workflow] = {}
    origin: dict[str, str] = {}
    mistakes: list[str] = []
    for path in sorted(folder.glob("*.yaml")):
        if path.name.endswith(GUIDELINES_SUFFIX):
            continue
        try:
            workflow = _read(path)
        except InvalidWorkflow as invalid:
            mistakes += invalid.mistakes
            continue
        if workflow.slug in found:
            mistakes.append(f"{path.name}: the slug {workflow.slug!r} is already used by {origin[workflow.slug]}")
        found[workflow.slug], origin[workflow.slug] = workflow, path.name
    if mistakes:
        raise InvalidWorkflow(mistakes)
    return found


def _read(path: Path) -> Workflow:
    def read_guidelines(name: str) -> str:
        if Path(name).name != name or not name.endswith(GUIDELINES_SUFFIX):
            raise InvalidWorkflow([f"{path.name}: guidelines: name a file beside it that ends in {GUIDELINES_SUFFIX}"])
        return _text(path.with_name(name))

    return parse_workflow(_text(path), source=path.name, read_guidelines=read_guidelines)


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as broken:
        raise InvalidWorkflow([f"{path.name}: the file is not UTF-8 text"]) from broken
