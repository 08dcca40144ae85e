"""The documents: their links lead somewhere, and what they name exists."""

import inspect
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer
from pydantic.fields import FieldInfo
from typer.main import get_command

from pipeline.adapters.signatures import hex_hmac_sha256
from pipeline.cli.main import app
from pipeline.domain.quality import METRICS, RULE_FACTS, STANDARD_POINTS
from pipeline.services import alerts
from pipeline.services.checkpoints import VARIABLE
from pipeline.settings import SETTINGS
from pipeline.stages.enhance.registry import STEPS
from pipeline.stages.scoring import curves
from pipeline.workflows import builtin_workflows, parse_workflow

REPOSITORY = Path(__file__).resolve().parents[2]
PAGES = sorted([*REPOSITORY.glob("*.md"), *(REPOSITORY / "docs").glob("*.md")])
GENERATED = {"cli.md", "settings.md"}
OUTSIDE_SETTINGS = {VARIABLE: "pipeline", "DARKROOM_SHARED": "tests", "DARKROOM_PYTHON": "scripts"}
"""Variables that no setting reads, and the folder of what does."""
CURVES = {
    "sharpness": curves.SHARPNESS,
    "contrast": curves.CONTRAST,
    "noise": curves.NOISE,
    "color_cast": curves.COLOR_CAST,
    "compression": curves.COMPRESSION,
    "composition": curves.COMPOSITION,
}

every_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)


def text_of(name: str) -> str:
    return (REPOSITORY / name).read_text(encoding="utf-8")


def fenced(text: str, language: str) -> list[str]:
    """The contents of the page's code blocks in this language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.M | re.S)


def prose(text: str) -> str:
    return re.sub(r"^```.*?^```$", "", text, flags=re.M | re.S)


def anchors(text: str) -> set[str]:
    """As GitHub makes them of headings."""
    headings = re.findall(r"^#+ (.+)$", prose(text), re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def section(text: str, heading: str) -> str:
    return text.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]


def rows(text: str) -> list[list[str]]:
    """The cells of the tables' rows, heads and rules left out."""
    lines = [line for line in text.splitlines() if line.startswith("|")]
    tables = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    heads = {index - 1 for index, cells in enumerate(tables) if set(cells[0]) <= {"-"}}
    return [cells for index, cells in enumerate(tables) if index not in heads and not set(cells[0]) <= {"-"}]


def named(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


def test_the_pages_are_found() -> None:
    assert {"README.md", "CHANGELOG.md", "CONTRIBUTING.md", "architecture.md"} <= {page.name for page in PAGES}


@every_page
def test_every_link_leads_to_a_file_and_a_heading_of_it(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    broken = []
    for link in re.findall(r"\]\(([^)\s]+)\)", prose(text)):
        if link.startswith(("https://", "http://")):
            continue
        path, _, anchor = link.partition("#")
        target = page.parent / path if path else page
        if not target.is_file() or (anchor and anchor not in anchors(target.read_text(encoding="utf-8"))):
            broken.append(link)
    assert broken == []


def commands(text: str) -> Iterator[list[str]]:
    """The words after `darkroom` in shell blocks and in code inside sentences."""
    blocks = [line for block in fenced(text, "sh") for line in block.splitlines() if not line.startswith("#")]
    for code in [*blocks, *re.findall(r"`([^`\n]+)`", prose(text))]:
        for words in re.findall(r"(?:^|[/( ])darkroom ([^|)>;]+)", code):
            if not code.startswith(("sudo", "typer")):
                yield shlex.split(words)


def wrong_with(words: list[str]) -> str | None:
    """None when the application has this command with these options."""
    command, path = get_command(app), ["darkroom"]
    for word in words:
        known: dict[str, object] = getattr(command, "commands", {})
        if known and not word.startswith("-"):
            if word not in known:
                return f"{' '.join(path)} has no command {word}"
            command, path = known[word], [*path, word]  # type: ignore[assignment]
        elif word.startswith("-"):
            options = {name for parameter in command.params for name in (*parameter.opts, *parameter.secondary_opts)}
            if word.partition("=")[0] not in options | {"--help"}:
                return f"{' '.join(path)} has no option {word}"
    return None


@pytest.mark.parametrize("page", [page for page in PAGES if page.name not in GENERATED], ids=lambda page: page.name)
def test_every_command_that_is_named_exists_with_its_options(page: Path) -> None:
    found = list(commands(page.read_text(encoding="utf-8")))
    assert [wrong for words in found if (wrong := wrong_with(words)) is not None] == []


def test_every_alert_that_is_raised_stands_in_the_operators_table() -> None:
    raised = re.findall(r'^        "(\w+)": ', inspect.getsource(alerts), re.M)
    listed = [named(cells[0]) for cells in rows(section(text_of("docs/operations.md"), "Alerts"))]
    assert len(raised) == 4
    assert listed == [[kind] for kind in raised]


def test_the_page_on_several_machines_names_the_setting_that_spreads_a_batch() -> None:
    assert "`DARKROOM_FLEET=yes`" in section(text_of("docs/operations.md"), "Several machines")


def test_the_readme_names_the_commands_that_a_photographer_and_an_operator_need() -> None:
    first_words = {words[0] for words in commands(text_of("README.md"))}
    assert {"up", "enhance", "accounts", "tokens", "jobs", "status"} <= first_words


def test_a_command_that_does_not_exist_is_noticed() -> None:
    assert isinstance(get_command(app), typer.core.TyperGroup)
    assert wrong_with(["jobs", "mend", "ID"]) == "darkroom jobs has no command mend"
    assert wrong_with(["jobs", "retry", "ID", "--all"]) == "darkroom jobs retry has no option --all"
    assert wrong_with(["jobs", "retry", "ID", "--failed", "--from", "enhance"]) is None


@every_page
def test_every_variable_that_is_named_is_a_setting(page: Path) -> None:
    known = {setting.name for setting in SETTINGS} | set(OUTSIDE_SETTINGS)
    assert set(re.findall(r"DARKROOM_[A-Z_]*[A-Z]", page.read_text(encoding="utf-8"))) <= known


@pytest.mark.parametrize(("name", "folder"), OUTSIDE_SETTINGS.items())
def test_a_variable_outside_the_settings_is_read_by_somebody(name: str, folder: str) -> None:
    files = [path for path in (REPOSITORY / folder).rglob("*") if path.is_file() and path != Path(__file__)]
    texts = (path.read_bytes() for path in files if path.suffix in ("", ".py"))
    assert any(name.encode() in text for text in texts)


@every_page
def test_every_file_of_ours_that_is_named_exists(page: Path) -> None:
    roots = "pipeline|assets|resources|sensors|tests|scripts|docs"
    paths = re.findall(rf"`((?:{roots})/[\w./-]*[\w/])`", prose(page.read_text(encoding="utf-8")))
    assert [path for path in paths if not (REPOSITORY / path).exists()] == []


def test_the_changelog_has_the_version_that_is_installed_from_here() -> None:
    (version,) = re.findall(r'^    version="([^"]+)",$', text_of("setup.py"), re.M)
    assert re.search(rf"^## \[{re.escape(version)}\] - (Unreleased|\d{{4}}-\d\d-\d\d)$", text_of("CHANGELOG.md"), re.M)


def test_the_readme_checks_a_webhooks_signature_as_it_is_made() -> None:
    (code,) = fenced(text_of("README.md"), "python")
    names: dict[str, object] = {}
    exec(code, names)  # noqa: S102 - the example itself is under test
    is_from_darkroom = names["is_from_darkroom"]
    assert callable(is_from_darkroom)
    signature = hex_hmac_sha256(b'{"id":1}', "a passphrase of yours")
    assert is_from_darkroom(b'{"id":1}', signature, "a passphrase of yours")
    assert not is_from_darkroom(b'{"id":2}', signature, "a passphrase of yours")


def test_the_readme_lists_the_workflows_that_there_are() -> None:
    listed = [name for cells in rows(section(text_of("README.md"), "Two commands")) for name in named(cells[0])]
    assert sorted(listed) == sorted(builtin_workflows())


def test_the_example_of_a_workflow_is_one() -> None:
    (example,) = fenced(text_of("docs/workflows.md"), "yaml")
    assert parse_workflow(example, source="docs/workflows.md").slug == "menu"


def test_the_table_of_steps_has_every_step_in_order_with_its_options_and_defaults() -> None:
    table = {named(cells[0])[0]: cells[2] for cells in rows(section(text_of("docs/workflows.md"), "Steps"))}
    assert list(table) == [step.name for step in STEPS]
    for step in STEPS:
        shown = re.findall(r'`(\w+)` \("?([^)"]+)"?\)', table[step.name])
        assert shown == [(name, default_in_words(field)) for name, field in step.options.model_fields.items()]


def default_in_words(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    if field.default is None:
        return "none"
    return str(field.default).lower() if isinstance(field.default, bool) else str(field.default)


def test_the_tables_of_subjects_have_every_metric_and_fact() -> None:
    table = rows(section(text_of("docs/workflows.md"), "Guidelines"))
    listed = [name for cells in table for name in named(cells[0])]
    assert [subject for subject in (*METRICS, *RULE_FACTS) if subject not in listed] == []


def test_the_table_of_criteria_has_the_points_that_count() -> None:
    table = rows(section(text_of("docs/score.md"), "Standard criteria"))
    assert {named(cells[0])[0]: float(cells[1]) for cells in table} == STANDARD_POINTS


def test_the_points_lost_in_the_table_are_those_of_the_curves() -> None:
    """Where a curve was changed on purpose, the table in docs/score.md follows it."""
    for cells in rows(section(text_of("docs/score.md"), "How points are lost")):
        name = named(cells[0])[0]
        for value, lost in (pair.split(": ") for pair in cells[1].split("; ")):
            assert f"{STANDARD_POINTS[name] * curves.share(CURVES[name], float(value)):.1f}" == lost, (name, value)


def test_the_layers_in_the_documents_are_those_that_are_kept() -> None:
    kept = text_of(".importlinter").partition("layers =\n")[2].partition("\n\n")[0]
    layers = [line.strip().replace("(", "").replace(")", "") for line in kept.splitlines()]
    (shown,) = fenced(section(text_of("docs/architecture.md"), "Layers"), "")
    assert shown.splitlines() == layers
