"""Workflow files: the built-in ones are sound, and every mistake in one's own is named where it stands."""

import json
from pathlib import Path

import pytest

from pipeline.domain.quality import STANDARD_POINTS
from pipeline.domain.workflows import StepChoice, Workflow
from pipeline.errors import InvalidWorkflow
from pipeline.stages.enhance.registry import STEP_OPTIONS
from pipeline.workflows import (
    WorkflowCatalog,
    builtin_workflows,
    parse_guidelines,
    parse_workflow,
    workflow_from_json,
    workflow_json,
)

MINIMAL = "slug: mine\ntitle: Mine\n"


def mistakes_in(text: str) -> tuple[str, ...]:
    with pytest.raises(InvalidWorkflow) as caught:
        parse_workflow(text, source="mine.yaml")
    return caught.value.mistakes


def the_mistake(text: str) -> str:
    (mistake,) = mistakes_in(text)
    return mistake


def test_the_built_in_workflows_are_five_and_named_after_their_files() -> None:
    assert list(builtin_workflows()) == ["auto", "food", "real-estate", "product", "portrait"]
    assert all(workflow.slug == slug for slug, workflow in builtin_workflows().items())


def test_auto_delivers_one_full_size_jpeg_and_names_only_steps_that_leave_good_pictures_alone() -> None:
    auto = builtin_workflows()["auto"]
    (output,) = auto.outputs
    assert (output.format, output.quality, output.max_width, output.max_height) == ("jpeg", 90, None, None)
    assert {step.name for step in auto.steps} == {
        "orient", "low_light", "white_balance", "exposure", "contrast", "saturation", "denoise", "straighten", "sharpen"
    }  # fmt: skip


@pytest.mark.parametrize("workflow", builtin_workflows().values(), ids=lambda workflow: workflow.slug)
def test_a_snapshot_gives_the_same_workflow_back(workflow: Workflow) -> None:
    assert workflow_from_json(json.loads(json.dumps(workflow_json(workflow)))) == workflow


@pytest.mark.parametrize("workflow", builtin_workflows().values(), ids=lambda workflow: workflow.slug)
def test_a_built_in_workflow_explains_itself_keeps_no_position_and_asks_for_what_photographs_have(
    workflow: Workflow,
) -> None:
    assert workflow.title and workflow.description.endswith(".")
    assert not workflow.metadata.gps
    assert workflow.guidelines.pass_mark == 60
    assert not any(rule.required for rule in workflow.guidelines.rules)


def test_a_file_of_two_lines_is_a_workflow_that_delivers_pictures_as_they_are() -> None:
    workflow = parse_workflow(MINIMAL, source="mine.yaml")
    assert workflow.steps == () and [output.name for output in workflow.outputs] == ["main"]


def test_a_step_is_named_alone_or_with_its_options() -> None:
    text = MINIMAL + "steps:\n  - orient\n  - sharpen: {strength: 1}\n  - denoise:\n"
    assert parse_workflow(text, source="mine.yaml").steps == (
        StepChoice("orient"),
        StepChoice("sharpen", {"strength": 1}),
        StepChoice("denoise"),
    )


@pytest.mark.parametrize("name", STEP_OPTIONS)
def test_no_step_takes_an_option_that_it_does_not_have(name: str) -> None:
    mistakes = mistakes_in(MINIMAL + f"steps:\n  - {name}: {{nonsense: 1}}\n")
    assert any(f"steps[0].{name}.nonsense: there is no such field" in mistake for mistake in mistakes)


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ("steps:\n  - white_balnce\n", "line 4: steps[0]: 'white_balnce' is no step; allowed are orient, "),
        ("steps:\n  - white_balnce\n", "; did you mean 'white_balance'?"),
        ("steps:\n  - orient\n  - orient\n", "line 5: steps[1]: the step 'orient' is listed twice"),
        ("steps:\n  - [orient]\n", "line 4: steps[0]: must be a step's name, or its name with a group of options"),
        ("steps:\n  - sharpen: 3\n", "line 4: steps[0].sharpen: must be a group of fields"),
        ("steps:\n  - sharpen:\n      strength: 9\n", "line 5: steps[0].sharpen.strength: must be at most 2"),
        ("steps:\n  - crop: {aspect: wide}\n", 'steps[0].crop.aspect: must be width to height, such as "4:3"'),
        ("steps: orient\n", "line 3: steps: must be a list: lines that start with a dash"),
        ("outputs:\n  - {format: jpg}\n", "outputs[0].format: 'jpg' is not allowed; allowed are jpeg, png, tiff"),
        ("outputs:\n  - {format: jpg}\n", "; did you mean 'jpeg'?"),
        ("outputs:\n  - {quality: 900}\n", "outputs[0].quality: must be at most 100"),
        ("outputs:\n  - {quality: high}\n", "outputs[0].quality: must be a whole number"),
        ("outputs: []\n", "outputs: must have at least 1 entry"),
        ("outputs:\n  - name: a\n  - name: a\n", "line 5: outputs[1].name: two outputs are named 'a'"),
        ("ouputs: []\n", "line 3: ouputs: there is no such field; allowed are slug, title, version"),
        ("ouputs: []\n", "; did you mean 'outputs'?"),
        ("metadata: {keep: [gps]}\n", "metadata.keep[0]: 'gps' cannot be kept; allowed are "),
        ("delivery: secret\n", "delivery: 'secret' is not allowed; allowed are public, private"),
        ("version: 0\n", "version: must be at least 1"),
        ("guidelines:\n  pass_mark: 101\n", "line 4: guidelines.pass_mark: must be at most 100"),
        ("guidelines:\n  pass_mark: .nan\n", "guidelines.pass_mark: must be a finite number"),
        ("guidelines:\n  weights: {sharpnes: 5}\n", "guidelines.weights.sharpnes: there is no such criterion; "),
        ("guidelines:\n  weights: {noise: -1}\n", "guidelines.weights.noise: must be at least 0"),
        ("guidelines: strict.yaml\n", "guidelines: a file can only be named inside a folder of workflows"),
        ("slug: again\n", "line 3: 'slug' is written twice"),
    ],
)
def test_a_mistake_is_named_with_its_line_its_field_and_what_is_allowed(lines: str, message: str) -> None:
    mistake = the_mistake(MINIMAL + lines)
    assert mistake.startswith("mine.yaml, line ")
    assert message in mistake


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ("subject: widht, minimum: 1", "rules[0].subject: 'widht' cannot be measured; "),
        ("subject: widht, minimum: 1", "; did you mean 'width'?"),
        ("subject: width", "rules[0].subject: give either a range (minimum, maximum) or one_of"),
        ("subject: width, minimum: 9, maximum: 3", "rules[0].minimum: is 9, more than the maximum 3"),
        ('subject: width, one_of: ["4:3"]', "rules[0].one_of: width is a number: use minimum and maximum"),
        ("subject: aspect_ratio, one_of: [square]", "rules[0].one_of: 'square' is no ratio; write width to height"),
        ('subject: aspect_ratio, minimum: 1, one_of: ["4:3"]', "give either a range (minimum, maximum) or one_of"),
        ("subject: background, minimum: 1", "rules[0].subject: background needs one_of: white or plain"),
        ("subject: background, one_of: [whit]", "rules[0].one_of: 'whit' is no background; allowed are white, plain"),
        ("subject: noise, maximum: .inf", "rules[0].maximum: must be a finite number"),
        ("subject: noise, maximum: 1, weight: 200", "rules[0].weight: must be at most 100"),
        ("subject: noise, maximum: 1, requird: true", "; did you mean 'required'?"),
    ],
)
def test_a_rule_that_cannot_be_judged_is_refused(rule: str, message: str) -> None:
    assert message in the_mistake(MINIMAL + f"guidelines:\n  rules:\n    - {{name: mine, {rule}}}\n")


def test_rules_have_names_of_their_own() -> None:
    rules = "guidelines:\n  rules:\n" + "    - {name: NAME, subject: width, minimum: 1}\n" * 2
    assert "guidelines.rules[1].name: the name 'a' is already taken" in the_mistake(
        MINIMAL + rules.replace("NAME", "a")
    )
    assert len(mistakes_in(MINIMAL + rules.replace("NAME", next(iter(STANDARD_POINTS))))) == 2


def test_all_mistakes_are_named_at_once() -> None:
    text = "slug: Mine\nsteps:\n  - blur\noutputs:\n  - {format: gif}\nguidelines:\n  weights: {beauty: 3}\n"
    fields = {mistake.split(": ")[1] for mistake in mistakes_in(text)}
    assert fields == {"slug", "title", "steps[0]", "outputs[0].format", "guidelines.weights.beauty"}


FULL_OF_MISTAKES = """
slug: mine
title: Mine
outputs:
  - {name: web, quality: 200}
  - {name: web}
metadata: {keep: [gps, 3]}
guidelines:
  pass_mark: 200
  weights: {noise: -1, sharpnes: 5}
  rules:
    - {name: wide, subject: widht, minimum: 1, weight: 200}
    - {name: wide, subject: width, minimum: 9, maximum: 3, required: 1}
    - {name: square, subject: aspect_ratio, minimum: .inf, one_of: [square]}
    - {name: 7, subject: height}
    - {name: paper, subject: background, minimum: 1, one_of: [whit], requird: true}
    - width
    - {name: none}
"""


def test_no_mistake_hides_behind_that_of_another_field() -> None:
    """Values of a wrong type or out of range, and what is looked at beyond them, in the same sections."""
    fields = sorted(mistake.split(": ")[1] for mistake in mistakes_in(FULL_OF_MISTAKES))
    assert fields == [
        "guidelines.pass_mark",
        "guidelines.rules[0].subject",
        "guidelines.rules[0].weight",
        "guidelines.rules[1].minimum",
        "guidelines.rules[1].name",
        "guidelines.rules[1].required",
        "guidelines.rules[2].minimum",
        "guidelines.rules[2].one_of",
        "guidelines.rules[3].name",
        "guidelines.rules[3].subject",
        "guidelines.rules[4].one_of",
        "guidelines.rules[4].requird",
        "guidelines.rules[4].subject",
        "guidelines.rules[5]",
        "guidelines.rules[6].subject",
        "guidelines.weights.noise",
        "guidelines.weights.sharpnes",
        "metadata.keep[0]",
        "metadata.keep[1]",
        "outputs[0].quality",
        "outputs[1].name",
    ]


NO_WEIGHT = ", ".join(f"{name}: 0" for name in STANDARD_POINTS)


@pytest.mark.parametrize("rules", ["[]", "[{name: mine, subject: width, minimum: 1, weight: 0}]"])
def test_guidelines_by_which_every_picture_would_score_a_hundred_are_refused(rules: str) -> None:
    text = f"weights: {{{NO_WEIGHT}}}\nrules: {rules}\n"
    with pytest.raises(InvalidWorkflow, match=r"g.yaml, line 1: weights: every criterion weighs 0, and no rule"):
        parse_guidelines(text, source="g.yaml")


@pytest.mark.parametrize("more", ["weight: 1", "weight: 0, required: true"])
def test_guidelines_may_judge_by_rules_alone(more: str) -> None:
    rule = f"{{name: mine, subject: width, minimum: 1, {more}}}"
    guidelines = parse_guidelines(f"weights: {{{NO_WEIGHT}}}\nrules: [{rule}]\n", source="g.yaml")
    assert len(guidelines.rules) == 1


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "must be a group of fields"),
        ("- orient\n", "must be a group of fields"),
        ("slug: [\n", "line 2: this is not YAML"),
        ("slug: mine\n\ttitle: x\n", "line 2: this is not YAML"),
        ("a: &x [1]\nb: *x\n", "line 2: aliases (*name) are not allowed: write the value out"),
        ("slug: !!python/object:os.system {}\n", "this is not YAML"),
        ("slug: \x07\n", "this is not YAML"),
        ("[" * 30_000, "nested too deeply"),
        ("slug: " + "x" * 70_000, "longer than 64 kB"),
        ("? [a]\n: b\n", "a field's name must be plain text"),
        (MINIMAL + "1: 2\n", "a field's name must be text"),
        (MINIMAL + "steps:\n  - 2024-13-77\n", "is no step"),
        (MINIMAL + "version: 9999-99-99\n", "version: must be a whole number"),
    ],
)
def test_what_is_no_workflow_at_all_is_refused_in_words(text: str, message: str) -> None:
    assert any(message in mistake for mistake in mistakes_in(text))


def test_a_guidelines_file_is_checked_like_a_workflow() -> None:
    guidelines = parse_guidelines("version: 3\npass_mark: 75\nweights: {noise: 0}\n", source="g.yaml")
    assert (guidelines.version, guidelines.pass_mark, guidelines.weights) == (3, 75, {"noise": 0})
    with pytest.raises(InvalidWorkflow, match=r"g.yaml, line 1: pass_mrk: .*did you mean 'pass_mark'"):
        parse_guidelines("pass_mrk: 75\n", source="g.yaml")


def test_an_operator_s_workflow_joins_the_built_in_ones_and_may_replace_one(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text(MINIMAL)
    (tmp_path / "other.yaml").write_text("slug: auto\ntitle: Our own\n")
    catalog = WorkflowCatalog(tmp_path)
    assert set(catalog.all()) == {*builtin_workflows(), "mine"}
    assert catalog.get("auto").title == "Our own"
    with pytest.raises(KeyError):
        catalog.get("no-such")


def test_a_workflow_may_name_a_guidelines_file_beside_it(tmp_path: Path) -> None:
    (tmp_path / "strict.guidelines.yaml").write_text("pass_mark: 88\n")
    (tmp_path / "mine.yaml").write_text(MINIMAL + "guidelines: strict.guidelines.yaml\n")
    assert WorkflowCatalog(tmp_path).get("mine").guidelines.pass_mark == 88


@pytest.mark.parametrize("name", ["../secret.guidelines.yaml", "/etc/passwd", "absent.guidelines.yaml"])
def test_a_workflow_reads_no_other_file(tmp_path: Path, name: str) -> None:
    (tmp_path / "mine.yaml").write_text(MINIMAL + f"guidelines: {name}\n")
    with pytest.raises(InvalidWorkflow, match=r"mine.yaml.*guidelines: "):
        WorkflowCatalog(tmp_path)


def test_the_mistakes_of_all_files_of_a_folder_are_named_together(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(MINIMAL)
    (tmp_path / "b.yaml").write_text(MINIMAL)
    (tmp_path / "c.yaml").write_bytes(b"slug: \xff\n")
    (tmp_path / "d.yaml").write_text("slug: d\n")
    with pytest.raises(InvalidWorkflow) as caught:
        WorkflowCatalog(tmp_path)
    assert caught.value.mistakes == (
        "b.yaml: the slug 'mine' is already used by a.yaml",
        "c.yaml: the file is not UTF-8 text",
        "d.yaml, line 1: title: this field is missing",
    )


def test_a_folder_that_is_absent_is_a_mistake(tmp_path: Path) -> None:
    with pytest.raises(InvalidWorkflow, match="there is no such folder of workflows"):
        WorkflowCatalog(tmp_path / "absent")
