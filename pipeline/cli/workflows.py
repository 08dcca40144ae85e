"""`darkroom workflows`: which there are, what they do, and whether one of your own has mistakes."""

from typing import Annotated, Any

import typer

from pipeline.cli.output import Json, print_json, print_table, say
from pipeline.dialects.enhancement import workflow_body
from pipeline.domain.workflows import Rule, Workflow
from pipeline.errors import NotFound
from pipeline.settings import Settings
from pipeline.workflows import WorkflowCatalog, workflow_json

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
