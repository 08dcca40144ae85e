"""The words a customer uses, and what each label of a model says in them."""

from pipeline.stages.analyze.vocabulary.moderation import Moderation, moderation
from pipeline.stages.analyze.vocabulary.vocabulary import Vocabulary, classifier, detector

__all__ = ["Moderation", "Vocabulary", "classifier", "detector", "moderation"]
