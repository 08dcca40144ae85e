"""The vocabulary: every label of the default models has words, and general words follow from special ones."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.domain.analysis import Label
from pipeline.stages.analyze.vocabulary import classifier, detector, moderation
from pipeline.stages.analyze.vocabulary.vocabulary import vocabulary_of

LABELS = sorted(classifier().words)


def test_the_names_of_all_thousand_classes_have_a_word() -> None:
    # "crane" is two of them.
    assert len(LABELS) == 999
    assert len(detector().words) == 80


@pytest.mark.parametrize(
    ("label", "says"),
    [
        ("Chihuahua", {"chihuahua", "dog", "animal"}),
        ("Siberian husky", {"siberian husky", "dog", "animal"}),
        ("tabby, tabby cat", {"tabby cat", "cat", "animal"}),
        ("minivan", {"minivan", "car", "vehicle"}),
        ("fire engine, fire truck", {"fire engine", "truck", "emergency vehicle", "vehicle"}),
        ("pizza, pizza pie", {"pizza", "fast food", "food"}),
        ("jean, blue jean, denim", {"jeans", "trousers", "clothing"}),
        ("cello, violoncello", {"cello", "string instrument", "musical instrument"}),
        ("rocking chair, rocker", {"rocking chair", "chair", "furniture"}),
        ("church, church building", {"church building", "church", "religious building", "building", "architecture"}),
        ("seashore, coast, seacoast, sea-coast", {"seashore", "beach", "coast", "landscape", "nature"}),
        ("rifle", {"rifle", "gun", "weapon"}),
        ("hog, pig, grunter, squealer, Sus scrofa", {"pig", "animal"}),
        ("studio couch, day bed", {"sofa", "furniture"}),
    ],
)
def test_a_label_says_its_own_word_and_all_more_general_ones(label: str, says: set[str]) -> None:
    assert classifier().says(label) == says


def test_what_shares_a_name_is_told_apart_or_says_nothing_more() -> None:
    words = classifier()
    assert words.says("Cardigan, Cardigan Welsh corgi") == {"cardigan corgi", "dog", "animal"}
    assert words.says("cardigan") == {"cardigan", "clothing"}
    assert words.says("maillot, tank suit") == words.says("maillot") == {"swimsuit", "swimwear", "clothing"}
    assert words.says("crane") == {"crane"}


def test_words_that_mislead_are_replaced() -> None:
    said = set(classifier().words.values())
    assert said.isdisjoint({"nipple", "maillot", "cock", "madagascar cat", "missile", "projectile", "wing", "groom"})


def test_the_same_thing_has_one_word_with_both_models() -> None:
    pairs = [
        ("cellular telephone", "cell phone"),
        ("remote control", "remote"),
        ("television", "tv"),
        ("hotdog", "hot dog"),
    ]
    pairs += [("studio couch", "couch"), ("teddy", "teddy bear"), ("mouse", "mouse"), ("washbasin", "sink")]
    assert [classifier().word(first) for first, _ in pairs] == [detector().word(second) for _, second in pairs]


@pytest.mark.parametrize("vocabulary", [classifier(), detector()])
def test_whatever_is_above_a_general_word_is_above_all_below_it(vocabulary) -> None:  # type: ignore[no-untyped-def]
    for word, above in vocabulary.general.items():
        assert word not in above
        for general in above:
            assert vocabulary.above(general) <= above, (word, general)


def test_a_label_of_an_operators_own_model_says_itself() -> None:
    assert classifier().says("Forklift Pallet, euro pallet") == {"forklift pallet"}


@given(
    st.lists(
        st.tuples(st.sampled_from(LABELS), st.floats(0, 0.2)), min_size=1, max_size=5, unique_by=lambda one: one[0]
    )
)
def test_a_general_word_never_scores_less_than_one_below_it(scores: list[tuple[str, float]]) -> None:
    labels = [Label(name, score) for name, score in scores]
    for found in (classifier().sums(labels), classifier().highest(labels)):
        for word, score in found.items():
            assert all(found[above] >= score for above in classifier().above(word))


def test_the_scores_of_breeds_add_up_to_the_dog() -> None:
    found = classifier().sums([Label("beagle", 0.3), Label("basset, basset hound", 0.4), Label("tench", 0.1)])
    assert found["dog"] == pytest.approx(0.7)
    assert found["animal"] == pytest.approx(0.8)


def test_the_class_for_nothing_says_nothing() -> None:
    assert classifier().sums([Label("background", 0.9)]) == {}


def test_a_vocabulary_with_a_mistake_names_it() -> None:
    with pytest.raises(ValueError, match=r"not in words.yaml: beast, thing"):
        vocabulary_of({"dog": ["beast"]}, {"thing": ["table"]})
    with pytest.raises(ValueError, match="a > b > a"):
        vocabulary_of({"a": ["b"], "b": ["a"]}, {})
    with pytest.raises(ValueError, match="pug is called both pug and little dog"):
        vocabulary_of({"dog": [], "animal": []}, {"dog": ["pug"], "animal": [{"pug": "little dog"}]})


def test_moderation_labels_add_up_to_flags_and_harmless_ones_are_none() -> None:
    scores = {"Porn": 0.5, "Hentai": 0.3, "Neutral": 0.1, "Drawing": 0.05, "Sexy": 0.05}
    assert moderation().of(scores) == {"nudity": pytest.approx(0.8), "suggestive": pytest.approx(0.05)}


def test_the_labels_of_an_operators_moderation_model_are_flags_of_their_own() -> None:
    assert moderation().of({"Violence": 0.7, "safe": 0.3}) == {"violence": 0.7}
