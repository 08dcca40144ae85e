"""`darkroom workflows`: which there are, what they do, and whether one of your own has mistakes."""

from pathlib import Path
from typing import Annotated, Any

import typer

from pipeline.cli.output import Json, print_json, print_table, say
from pipeline.dialects.enhancement import workflow_body
from pipeline.domain.workflows import Rule, Workflow
from pipeline.errors import InvalidWorkflow, NotFound
from pipeline.settings import Settings
from pipeline.workflows import WorkflowCatalog, parse_guidelines, parse_workflow, workflow_json
from pipeline.workflows.catalog import GUIDELINES_SUFFIX

app = typer.Typer(
    help="What is done with a picture and how it is judged: YAML files, built-in ones and those in DARKROOM_WORKFLOWS.",
    no_args_is_help=True,
)


def _all() -> dict[str, Workflow]:
    return dict(sorted(WorkflowCatalog(Settings.from_environment().workflows).all().items()))


def _body(workflow: Workflow) -> dict[str, Any]:
    return workflow_body(workflow, workflow_json(workflow))


@app.command("list")
def show_all(json: Json = False) -> None:
    """Show every workflow that a batch can name."""
    workflows = _all().values()
    if json:
        print_json([_body(workflow) for workflow in workflows])
        return
    print_table(
        ("Slug", "Title", "Version", "Description"),
        ((each.slug, each.title, each.version, each.description) for each in workflows),
        empty="No workflows.",
    )


@app.command("show")
def show(
    slug: Annotated[str, typer.Argument(help="As `darkroom workflows list` shows it.")], json: Json = False
) -> None:
    """Show one workflow: its steps, what it delivers, and the guidelines that it judges by."""
    workflows = _all()
    if slug not in workflows:
        raise NotFound(f"There is no workflow {slug!r}; there are: {', '.join(workflows)}.")
    workflow = workflows[slug]
    if json:
        print_json(_body(workflow))
        return
    say(f"{workflow.title} ({workflow.slug}, version {workflow.version}): {workflow.description}")
    steps = ((each.name.replace("_", " "), _options(each.options)) for each in workflow.steps)
    print_table(("Step", "Options"), steps, empty="No steps: the pictures are judged as they are.")
    outputs = ((each.name, each.format, each.quality, each.max_width, each.max_height) for each in workflow.outputs)
    print_table(("Output", "Format", "Quality", "Width at most", "Height at most"), outputs, empty="")
    _print_guidelines(workflow)
    metadata = ", ".join(workflow.metadata.keep) or "nothing"
    place = "the place is kept as well" if workflow.metadata.gps else "the place is taken out"
    say(f"Metadata kept: {metadata}; {place}. Delivery: {workflow.delivery}.")


@app.command("check")
def check(
    file: Annotated[
        Path, typer.Argument(help="A workflow, or guidelines (NAME.guidelines.yaml).", exists=True, dir_okay=False)
    ],
    json: Json = False,
) -> None:
    """Look for mistakes in a file of your own: each on a line with its place. Exit code 1 when there is one."""
    mistakes = _mistakes(file)
    if json:
        print_json({"file": file, "mistakes": mistakes})
    elif mistakes:
        for mistake in mistakes:
            say(mistake, stderr=True)
    else:
        say(f"{file}: no mistakes.")
    if mistakes:
        raise typer.Exit(1)


def _mistakes(file: Path) -> tuple[str, ...]:
    def beside(name: str) -> str:
        if Path(name).name != name:
            raise FileNotFoundError(name)
        return file.with_name(name).read_text(encoding="utf-8")

    try:
        text = file.read_text(encoding="utf-8")
        if file.name.endswith(GUIDELINES_SUFFIX):
            parse_guidelines(text, source=file.name)
        else:
            parse_workflow(text, source=file.name, read_guidelines=beside)
    except InvalidWorkflow as invalid:
        return invalid.mistakes
    except UnicodeDecodeError:
        return (f"{file.name}: the file is not UTF-8 text",)
    except OSError as error:
        return (f"{file.name}: it cannot be read: {error.strerror}",)
    return ()


def _print_guidelines(workflow: Workflow) -> None:
    guidelines = workflow.guidelines
    say(f"Pass mark: {guidelines.pass_mark:g} (guidelines version {guidelines.version}).")
    if guidelines.weights:
        say(f"Weights: {_options(guidelines.weights)}.")
    if guidelines.rules:
        rules = ((rule.name, rule.subject, _range(rule), "yes" if rule.required else "") for rule in guidelines.rules)
        print_table(("Rule", "On", "Must be", "Required"), rules, empty="")


def _range(rule: Rule) -> str:
    if rule.one_of:
        return "one of " + ", ".join(rule.one_of)
    bounds = (("at least", rule.minimum), ("at most", rule.maximum))
    return " and ".join(f"{words} {bound:g}" for words, bound in bounds if bound is not None)


def _options(options: Any) -> str:
    return ", ".join(f"{name} {value}" for name, value in options.items())
