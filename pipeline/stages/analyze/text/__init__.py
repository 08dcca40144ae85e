"""Text: what stands written in pictures and videos, in which language and, in a video, from when to when."""

from pipeline.stages.analyze.text.languages import language_of
from pipeline.stages.analyze.text.picture import texts_in_picture
from pipeline.stages.analyze.text.watcher import TextWatcher

__all__ = ["TextWatcher", "language_of", "texts_in_picture"]
