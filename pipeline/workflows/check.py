"""From a YAML text to a workflow, or to one clear message for each of its mistakes."""

import re
from collections.abc import Callable, Mapping
from typing import Any

from pydantic import BaseModel, ValidationError

from pipeline.domain.quality import BACKGROUNDS, METRICS, RULE_FACTS, STANDARD_POINTS
from pipeline.domain.workflows import Guidelines, MetadataPolicy, OutputSpec, Rule, StepChoice, Workflow
from pipeline.errors import InvalidWorkflow
from pipeline.workflows.document import Document, Path, read_document
from pipeline.workflows.messages import suggestion, validated
from pipeline.workflows.schema import GuidelinesSection, Ratio, RuleSection, WorkflowFile

ReadGuidelines = Callable[[str], str]

NOTHING_COUNTS = (
    "every criterion weighs 0, and no rule costs points or is required: every picture would score 100; "
    "leave a criterion its weight, or add a rule"
)


def parse_workflow(text: str, *, source: str, read_guidelines: ReadGuidelines | None = None) -> Workflow:
    """The workflow that the text describes; raises `InvalidWorkflow` with one message per mistake.

    Every message names `source`, the line, the field, and what would be right. `guidelines:` may be a group of fields,
    or the name of a guidelines file, which `read_guidelines` then delivers.
    """
    document = read_document(text, source=source)
    mistakes: list[str] = []
    values = document.values
    guidelines: Guidelines | None = None
    if isinstance(values, dict) and isinstance(values.get("guidelines"), str):
        guidelines = _guidelines_file(document, values["guidelines"], read_guidelines, mistakes)
        values = {name: value for name, value in values.items() if name != "guidelines"}
    file = validated(WorkflowFile, values, document, (), mistakes)
    # Looked at even where the rest has mistakes: the author learns of all of them at once.
    steps = _steps(_field(values, "steps"), document, mistakes)
    _check_outputs(_field(values, "outputs"), document, mistakes)
    _check_kept(_field(_field(values, "metadata"), "keep"), document, mistakes)
    _check_guidelines(_field(values, "guidelines"), document, ("guidelines",), mistakes)
    if file is None or mistakes:
        raise InvalidWorkflow(mistakes)
    return _workflow(file, steps, guidelines or _guidelines(file.guidelines))


def parse_guidelines(text: str, *, source: str) -> Guidelines:
    """The guidelines of a file of their own; raises `InvalidWorkflow` like `parse_workflow`."""
    document = read_document(text, source=source)
    mistakes: list[str] = []
    section = validated(GuidelinesSection, document.values, document, (), mistakes)
    _check_guidelines(document.values, document, (), mistakes)
    if section is None or mistakes:
        raise InvalidWorkflow(mistakes)
    return _guidelines(section)


def _guidelines_file(
    document: Document, name: str, read: ReadGuidelines | None, mistakes: list[str]
) -> Guidelines | None:
    if read is None:
        mistakes.append(document.mistake(("guidelines",), "a file can only be named inside a folder of workflows"))
        return None
    try:
        return parse_guidelines(read(name), source=name)
    except OSError:
        mistakes.append(document.mistake(("guidelines",), f"the file {name!r} cannot be read"))
    except InvalidWorkflow as invalid:
        mistakes += invalid.mistakes
    return None


def _step_options() -> Mapping[str, type[BaseModel]]:
    # Imported when a workflow is read: the steps bring OpenCV with them.
    from pipeline.stages.enhance.registry import STEP_OPTIONS

    return STEP_OPTIONS


def _keepable() -> tuple[str, ...]:
    # Imported late for the same reason.
    from pipeline.media.metadata_write import KEEPABLE

    return KEEPABLE


def _steps(entries: Any, document: Document, mistakes: list[str]) -> tuple[StepChoice, ...]:
    if not isinstance(entries, list):
        return ()
    known = _step_options()
    steps: list[StepChoice] = []
    for index, entry in enumerate(entries):
        path: Path = ("steps", index)
        name, options = _named_step(entry)
        if name is None:
            mistakes.append(document.mistake(path, "must be a step's name, or its name with a group of options"))
        elif name not in known:
            mistakes.append(document.mistake(path, f"{name!r} is no step; {suggestion(name, known)}"))
        elif any(step.name == name for step in steps):
            mistakes.append(document.mistake(path, f"the step {name!r} is listed twice"))
        elif validated(known[name], options, document, (*path, name), mistakes) is not None:
            steps.append(StepChoice(name, options))
    return tuple(steps)


def _named_step(entry: Any) -> tuple[str | None, dict[str, Any]]:
    if isinstance(entry, str):
        return entry, {}
    if isinstance(entry, dict) and len(entry) == 1:
        name, options = next(iter(entry.items()))
        return str(name), {} if options is None else options
    return None, {}


def _field(values: Any, name: str) -> Any:
    """The field of a group as it was written, right or wrong; None where there is no such thing."""
    return values.get(name) if isinstance(values, dict) else None


def _list(values: Any) -> list[Any]:
    return values if isinstance(values, list) else []


def _check_outputs(outputs: Any, document: Document, mistakes: list[str]) -> None:
    names = [output.get("name", "main") if isinstance(output, dict) else None for output in _list(outputs)]
    for index, name in enumerate(names):
        if isinstance(name, str) and name in names[:index]:
            mistakes.append(document.mistake(("outputs", index, "name"), f"two outputs are named {name!r}"))


def _check_kept(keep: Any, document: Document, mistakes: list[str]) -> None:
    keepable = _keepable()
    for index, kept in enumerate(_list(keep)):
        if isinstance(kept, str) and kept not in keepable:
            words = f"{kept!r} cannot be kept; {suggestion(kept, keepable)}"
            mistakes.append(document.mistake(("metadata", "keep", index), words))


def _check_guidelines(section: Any, document: Document, at: Path, mistakes: list[str]) -> None:
    """What a schema cannot say, looked at in the values as they were written: none hides behind another's mistake."""
    rules = _list(_field(section, "rules"))
    _check_weights(_field(section, "weights"), rules, document, (*at, "weights"), mistakes)
    names = [_field(rule, "name") for rule in rules]
    for index, rule in enumerate(rules):
        path: Path = (*at, "rules", index)
        if isinstance(names[index], str) and (names[index] in names[:index] or names[index] in STANDARD_POINTS):
            mistakes.append(document.mistake((*path, "name"), f"the name {names[index]!r} is already taken"))
        mistakes += [document.mistake((*path, field), words) for field, words in _rule_mistakes(rule)]


def _check_weights(weights: Any, rules: list[Any], document: Document, at: Path, mistakes: list[str]) -> None:
    if not isinstance(weights, dict):
        return
    for name in weights:
        if isinstance(name, str) and name not in STANDARD_POINTS:
            words = f"there is no such criterion; {suggestion(name, STANDARD_POINTS)}"
            mistakes.append(document.mistake((*at, name), words))
    if not any(weights.get(name, 1) for name in STANDARD_POINTS) and not any(_counts(rule) for rule in rules):
        mistakes.append(document.mistake(at, NOTHING_COUNTS))


def _counts(rule: Any) -> bool:
    """Whether some picture could fail by this rule."""
    return isinstance(rule, dict) and bool(rule.get("weight", 1) or rule.get("required"))


def _rule_mistakes(values: Any) -> list[tuple[str, str]]:
    """What is wrong with a rule besides the types and ranges of its fields."""
    rule, wrong = _readable(values)
    if "subject" in wrong:
        return []
    subjects = (*METRICS, *RULE_FACTS)
    if rule.subject not in subjects:
        return [("subject", f"{rule.subject!r} cannot be measured; {suggestion(rule.subject, subjects)}")]
    mistakes = []
    has_range = rule.minimum is not None or rule.maximum is not None
    if rule.one_of and rule.subject not in ("aspect_ratio", "background"):
        mistakes.append(("one_of", f"{rule.subject} is a number: use minimum and maximum"))
    elif rule.subject == "background" and not rule.one_of and "one_of" not in wrong:
        mistakes.append(("subject", f"background needs one_of: {' or '.join(BACKGROUNDS)}"))
    elif has_range == bool(rule.one_of) and not wrong & {"minimum", "maximum", "one_of"}:
        mistakes.append(("subject", "give either a range (minimum, maximum) or one_of"))
    if rule.minimum is not None and rule.maximum is not None and rule.minimum > rule.maximum:
        mistakes.append(("minimum", f"is {rule.minimum:g}, more than the maximum {rule.maximum:g}"))
    return mistakes + _one_of_mistakes(rule)


def _readable(values: Any) -> tuple[RuleSection, set[str]]:
    """The rule with those fields that can be read, the others at their defaults; and the names of the others."""
    try:
        return RuleSection.model_validate(values), set()
    except ValidationError as invalid:
        wrong = {str(error["loc"][0]) if error["loc"] else "subject" for error in invalid.errors(include_url=False)}
    fields = RuleSection.model_fields
    written = values.items() if isinstance(values, dict) else ()
    right = {name: value for name, value in written if name in fields and name not in wrong}
    return RuleSection.model_construct(**right), wrong


def _one_of_mistakes(rule: RuleSection) -> list[tuple[str, str]]:
    if rule.subject == "background":
        wrong = [value for value in rule.one_of if value not in BACKGROUNDS]
        return [("one_of", f"{value!r} is no background; {suggestion(value, BACKGROUNDS)}") for value in wrong]
    if rule.subject != "aspect_ratio":
        return []
    wrong = [value for value in rule.one_of if not re.fullmatch(Ratio, value)]
    return [("one_of", f'{value!r} is no ratio; write width to height, such as "4:3"') for value in wrong]


def _guidelines(section: GuidelinesSection) -> Guidelines:
    rules = (Rule(**{**rule.model_dump(), "one_of": tuple(rule.one_of)}) for rule in section.rules)
    return Guidelines(section.version, section.pass_mark, dict(section.weights), tuple(rules))


def _workflow(file: WorkflowFile, steps: tuple[StepChoice, ...], guidelines: Guidelines) -> Workflow:
    return Workflow(
        slug=file.slug,
        title=file.title,
        version=file.version,
        description=file.description.strip(),
        steps=steps,
        outputs=tuple(OutputSpec(**output.model_dump()) for output in file.outputs),
        metadata=MetadataPolicy(keep=tuple(file.metadata.keep), gps=file.metadata.gps),
        guidelines=guidelines,
        delivery=file.delivery,
    )
