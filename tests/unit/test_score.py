"""The score adds up, explains itself, and follows a customer's guidelines."""

from collections.abc import Mapping
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.domain.media import Findings, MediaFacts
from pipeline.domain.quality import METRICS, STANDARD_POINTS, Criterion, QualityScore
from pipeline.domain.workflows import Guidelines, Rule
from pipeline.stages.score import improves, score

GOOD = {
    "sharpness": 0.85,
    "exposure": -0.2,
    "highlights": 245.0,
    "clipped_highlights": 0.002,
    "clipped_shadows": 0.01,
    "contrast": 0.65,
    "noise": 0.4,
    "color_cast": 0.04,
    "saturation": 0.3,
    "colourfulness": 40.0,
    "tilt": 0.1,
    "resolution": 12.2,
    "blockiness": 0.01,
    "compression": 95.0,
    "composition": 0.98,
    "subject_fill": 0.6,
    "background_luma": 120.0,
    "background_white": 0.0,
    "background_spread": 40.0,
    "nima_technical": 5.5,
    "nima_aesthetic": 5.2,
}
FACTS = MediaFacts("image/jpeg", 4032, 3024, bytes=4_000_000, sha256="0" * 64, jpeg_quality=95)
BAD: dict[str, float] = {
    "sharpness": 0.1,
    "exposure": -4.0,
    "contrast": 0.1,
    "noise": 15.0,
    "color_cast": 0.6,
    "saturation": 0.95,
    "resolution": 0.1,
    "compression": 8.0,
    "composition": 0.2,
    "nima_technical": 3.0,
    "nima_aesthetic": 3.2,
}


def found(metrics: Mapping[str, float] | None = None, *, confidence: float = 0.9, **others: float) -> Findings:
    """Findings of a good photograph, but for what is named."""
    values = {**GOOD, **(metrics or {}), **others}
    return Findings(values, values["tilt"], confidence, (), "0123456789abcdef")


def without(*names: str) -> Findings:
    """Findings in which these metrics could not be measured."""
    metrics = {name: value for name, value in GOOD.items() if name not in names}
    return replace(found(), metrics=metrics, unavailable=dict.fromkeys(names, "the model is not there"))


def line(result: QualityScore, name: str) -> Criterion:
    return next(criterion for criterion in result.criteria if criterion.name == name)


def adds_up(result: QualityScore) -> bool:
    tenths = [round(criterion.points_lost * 10) for criterion in result.criteria]
    whole = all(
        abs(criterion.points_lost * 10 - lost) < 1e-9 for criterion, lost in zip(result.criteria, tenths, strict=True)
    )
    return whole and round(result.score * 10) + sum(tenths) == 1000 and min(tenths, default=0) >= 0


def _value(name: str) -> st.SearchStrategy[float]:
    metric = METRICS[name]
    return st.floats(metric.minimum, min(metric.maximum, 200.0), allow_nan=False)


any_findings = st.builds(
    lambda values, confidence, missing: replace(
        found(values, confidence=confidence),
        metrics={name: value for name, value in values.items() if name not in missing},
    ),
    st.fixed_dictionaries({name: _value(name) for name in GOOD}),
    st.floats(0, 1),
    st.sets(st.sampled_from(["nima_technical", "nima_aesthetic"])),
)
any_guidelines = st.builds(
    Guidelines,
    weights=st.dictionaries(st.sampled_from(sorted(STANDARD_POINTS)), st.floats(0, 100)),
    rules=st.lists(
        st.builds(
            Rule,
            name=st.just("a_rule"),
            subject=st.sampled_from(["width", "megapixels", "sharpness", "aspect_ratio"]),
            minimum=st.floats(0, 10_000),
            weight=st.floats(0, 100),
            required=st.booleans(),
        ),
        max_size=3,
    ).map(tuple),
)


@settings(deadline=None)
@given(any_findings, any_guidelines)
def test_points_lost_and_the_score_add_up_to_exactly_a_hundred(findings: Findings, guidelines: Guidelines) -> None:
    result = score(findings, FACTS, guidelines)
    assert adds_up(result)
    assert 0 <= result.score <= 100


@settings(deadline=None)
@given(any_findings, any_guidelines)
def test_no_criterion_costs_more_than_its_weight(findings: Findings, guidelines: Guidelines) -> None:
    for criterion in score(findings, FACTS, guidelines).criteria:
        assert criterion.points_lost <= criterion.weight * 100 + 0.06
        assert criterion.sentence.endswith(".") and criterion.target


def test_a_good_photograph_scores_well_and_passes() -> None:
    result = score(found(), FACTS, Guidelines())
    assert result.score > 90 and result.passed and result.reasons == ()


def test_the_worst_picture_scores_nothing_and_still_adds_up() -> None:
    result = score(found(BAD, tilt=12.0, clipped_shadows=0.9, highlights=20.0), FACTS, Guidelines())
    assert result.score == 0 and adds_up(result) and not result.passed


@pytest.mark.parametrize(("name", "value"), BAD.items())
def test_each_fault_is_found_by_its_own_criterion(name: str, value: float) -> None:
    before, after = (score(found(metrics), FACTS, Guidelines()) for metrics in ({}, {name: value}))
    changed = [new for old, new in zip(before.criteria, after.criteria, strict=True) if new != old]
    assert [criterion.name for criterion in changed] == [name]
    assert after.score < before.score


@pytest.mark.parametrize("name", ["sharpness", "exposure"])
def test_a_picture_that_is_only_blurred_or_only_dark_does_not_pass(name: str) -> None:
    fault = {"sharpness": 0.03} if name == "sharpness" else {"exposure": -5.0, "highlights": 40.0}
    assert not score(found(fault), FACTS, Guidelines()).passed


@pytest.mark.parametrize(
    ("name", "better_to_worse"),
    [
        ("sharpness", (0.95, 0.8, 0.65, 0.5, 0.3, 0.1)),
        ("exposure", (0.0, -1.0, -1.8, -3.0, -5.0)),
        ("exposure", (0.3, 1.2, 1.7, 2.0, 2.3)),
        ("clipped_highlights", (0.0, 0.02, 0.1, 0.3, 0.6, 0.9)),
        ("contrast", (0.7, 0.5, 0.35, 0.2, 0.05)),
        ("noise", (0.1, 0.6, 1.5, 3.0, 7.0, 14.0)),
        ("color_cast", (0.02, 0.08, 0.15, 0.3, 0.5)),
        ("resolution", (20.0, 9.0, 4.0, 1.5, 0.5, 0.1)),
        ("compression", (100, 92, 75, 50, 30, 10)),
        ("nima_aesthetic", (6.0, 5.3, 4.5, 3.5)),
    ],
)
def test_worse_never_scores_better(name: str, better_to_worse: tuple[float, ...]) -> None:
    scores = [score(found({name: value}), FACTS, Guidelines()).score for value in better_to_worse]
    assert scores == sorted(scores, reverse=True) and len(set(scores)) == len(scores)


def test_a_lean_counts_on_either_side_and_only_where_it_is_sure() -> None:
    clockwise, counter = (score(found(tilt=degrees), FACTS, Guidelines()) for degrees in (3.0, -3.0))
    unsure = score(found(tilt=3.0, confidence=0.3), FACTS, Guidelines())
    assert clockwise.score == counter.score < unsure.score
    assert line(clockwise, "tilt").sentence == "The picture leans 3.0 degrees clockwise."
    assert line(unsure, "tilt").points_lost == 0


def test_black_and_white_is_no_fault_but_faded_is() -> None:
    gray, faded = (line(score(found(saturation=value), FACTS, Guidelines()), "saturation") for value in (0.0, 0.04))
    assert gray.points_lost == 0 and gray.sentence == "The picture is black and white."
    assert faded.points_lost > 1


def test_a_dark_picture_whose_lights_are_bright_is_meant_to_be_dark() -> None:
    night, underexposed = (found(exposure=-2.5, highlights=tone) for tone in (250.0, 140.0))
    assert score(night, FACTS, Guidelines()).score > score(underexposed, FACTS, Guidelines()).score + 8


def test_points_of_a_missing_model_are_shared_out_and_that_is_said() -> None:
    full, partial = (score(each, FACTS, Guidelines()) for each in (found(), without("nima_technical")))
    assert "nima_technical" not in {criterion.name for criterion in partial.criteria}
    assert partial.unavailable["nima_technical"] == (
        "the model is not there; its 5 points are shared out over the other criteria"
    )
    assert line(partial, "sharpness").weight > line(full, "sharpness").weight
    for result in (full, partial):
        assert sum(criterion.weight for criterion in result.criteria) == pytest.approx(
            sum(STANDARD_POINTS.values()) / 100, abs=0.001
        )


def test_a_criterion_of_no_weight_is_switched_off() -> None:
    result = score(found(noise=20.0), FACTS, Guidelines(weights={"noise": 0}))
    assert "noise" not in {criterion.name for criterion in result.criteria} and result.passed


def ruled(rule: Rule, findings: Findings | None = None, facts: MediaFacts = FACTS) -> Criterion:
    return line(score(findings or found(), facts, Guidelines(rules=(rule,))), rule.name)


@pytest.mark.parametrize(
    ("rule", "is_met"),
    [
        (Rule("size", "width", minimum=4000), True),
        (Rule("size", "short_side", minimum=4000), False),
        (Rule("size", "long_side", maximum=5000), True),
        (Rule("size", "height", minimum=3024, maximum=3024), True),
        (Rule("size", "megapixels", minimum=20), False),
        (Rule("shape", "aspect_ratio", one_of=("1:1", "4:3")), True),
        (Rule("shape", "aspect_ratio", one_of=("1:1", "16:9")), False),
        (Rule("shape", "aspect_ratio", minimum=1.5), False),
        (Rule("back", "background", one_of=("white",)), False),
        (Rule("back", "background", one_of=("plain", "white")), False),
        (Rule("framing", "subject_fill", minimum=0.5, maximum=0.8), True),
        (Rule("framing", "subject_fill", maximum=0.5), False),
        (Rule("colour", "color_cast", maximum=0.1), True),
    ],
)
def test_a_rule_is_met_or_costs_points(rule: Rule, is_met: bool) -> None:
    criterion = ruled(rule)
    assert criterion.origin == "guideline"
    assert (criterion.points_lost == 0) is is_met
    assert criterion.met is is_met and not criterion.required


def test_four_to_three_allows_two_per_cent() -> None:
    rule = Rule("shape", "aspect_ratio", one_of=("4:3",))
    shapes = {(2832, 2128): True, (1350, 1000): True, (1370, 1000): False, (3024, 4032): False}
    for (width, height), is_met in shapes.items():
        assert (ruled(rule, facts=replace(FACTS, width=width, height=height)).points_lost == 0) is is_met


def test_a_white_background_meets_the_rule_for_one() -> None:
    white = found(background_white=0.99, background_spread=1.0)
    assert ruled(Rule("back", "background", one_of=("white",)), white).points_lost == 0


def test_an_unmet_rule_costs_half_at_once_and_the_rest_by_distance() -> None:
    lost = [ruled(Rule("size", "width", minimum=limit, weight=20)).points_lost for limit in (4033, 5000, 9000)]
    assert lost[0] == pytest.approx(10, abs=0.1) and lost == sorted(lost) and lost[-1] == 20


def test_an_unmet_required_rule_rejects_with_the_customer_s_words() -> None:
    rule = Rule("size", "width", minimum=6000, required=True, weight=0, message="Too small for our posters.")
    result = score(found(), FACTS, Guidelines(rules=(rule,)))
    assert result.score > 90 and not result.passed
    assert result.reasons == ("Too small for our posters.",)
    assert result.unmet == (line(result, "size"),)


def test_a_rule_that_is_not_required_can_be_missed_by_a_picture_that_passes() -> None:
    result = score(found(), FACTS, Guidelines(rules=(Rule("size", "width", minimum=6000, weight=1),)))
    assert not line(result, "size").met and result.passed and result.unmet == ()


BORDERS: dict[str, tuple[tuple[float, ...], tuple[float, ...]]] = {
    "sharpness": ((0.7, 0.9), (0.69, 0.1)),
    "exposure": ((-0.9, 0.0, 1.1), (-0.91, 1.11)),
    "contrast": ((0.55, 0.9), (0.54,)),
    "noise": ((0.0, 1.2), (1.21, 9.0)),
    "color_cast": ((0.0, 0.1), (0.11,)),
    "saturation": ((0.0, 0.02, 0.16, 0.55), (0.03, 0.15, 0.56)),
    "tilt": ((-0.5, 0.0, 0.5), (-0.51, 3.0)),
    "resolution": ((8.0, 24.0), (7.9,)),
    "compression": ((85.0, 100.0), (84.0, 73.0)),
    "composition": ((0.9, 1.0), (0.89,)),
    "nima_technical": ((5.8,), (5.7,)),
    "nima_aesthetic": ((5.6,), (5.5,)),
}


@pytest.mark.parametrize("name", STANDARD_POINTS)
def test_a_standard_criterion_is_met_up_to_its_target_and_not_beyond(name: str) -> None:
    meeting, missing = BORDERS[name]
    for value in (*meeting, *missing):
        criterion = line(score(found({name: value}), FACTS, Guidelines()), name)
        assert criterion.met is (value in meeting), (value, criterion.target)
        assert not criterion.required


@pytest.mark.parametrize(
    "fault", [{"highlights": 190.0}, {"clipped_highlights": 0.01}, {"clipped_shadows": 0.15}], ids=str
)
def test_an_exposure_with_lost_lights_or_shadows_misses_its_target_whatever_its_mean(fault: dict[str, float]) -> None:
    assert not line(score(found(fault), FACTS, Guidelines()), "exposure").met


def test_a_tilt_that_nothing_tells_misses_no_target() -> None:
    assert line(score(found(tilt=3.0, confidence=0.3), FACTS, Guidelines()), "tilt").met


def test_a_criterion_judges_the_value_that_it_shows() -> None:
    criterion = line(score(found(sharpness=0.69996), FACTS, Guidelines()), "sharpness")
    assert (criterion.value, criterion.met) == (0.7, True)


def test_a_missed_target_of_a_standard_criterion_rejects_nothing() -> None:
    result = score(found(compression=73.0), FACTS, Guidelines())
    assert not line(result, "compression").met and result.passed and result.unmet == ()


def test_a_rule_s_sentence_has_the_number_and_what_was_asked_for() -> None:
    criterion = ruled(Rule("size", "width", minimum=6000))
    assert criterion.sentence == "Width is 4032 px, the guideline asks for at least 6000 px."


def test_a_rule_on_a_missing_metric_is_not_judged_and_that_is_said() -> None:
    rule = Rule("pleasing", "nima_aesthetic", minimum=5, required=True)
    result = score(without("nima_aesthetic"), FACTS, Guidelines(rules=(rule,)))
    assert result.passed and result.unavailable["pleasing"] == "the model is not there"


def test_a_better_picture_improves_and_the_same_does_not() -> None:
    dark, good = (score(found(exposure=stops), FACTS, Guidelines()) for stops in (-3.0, 0.0))
    assert improves(dark, good)
    assert not improves(good, dark)
    assert not improves(good, good)


def test_size_and_compression_of_a_rendition_are_neither_merit_nor_fault() -> None:
    before = score(found(), FACTS, Guidelines())
    smaller = score(found(resolution=1.0, compression=60.0), FACTS, Guidelines())
    sharper = score(found(resolution=1.0, compression=60.0, sharpness=0.95), FACTS, Guidelines())
    assert not improves(before, smaller) and not improves(smaller, before)
    assert improves(before, sharper)


def test_meeting_a_required_rule_is_worth_more_than_points_and_breaking_one_is_never_an_improvement() -> None:
    guidelines = Guidelines(rules=(Rule("shape", "aspect_ratio", one_of=("1:1",), required=True, weight=0),))
    wide = score(found(), FACTS, guidelines)
    square = score(found(composition=0.7), replace(FACTS, width=3024), guidelines)
    assert improves(wide, square)
    assert not improves(square, wide)
