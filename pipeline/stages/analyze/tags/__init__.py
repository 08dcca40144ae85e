"""What is seen in a picture or a video, in a customer's words."""

from pipeline.stages.analyze.tags.evidence import is_blind, missing
from pipeline.stages.analyze.tags.look import Look
from pipeline.stages.analyze.tags.picture import tags_of_picture
from pipeline.stages.analyze.tags.video import video_tags
from pipeline.stages.analyze.tags.watcher import TagWatcher

__all__ = ["Look", "TagWatcher", "is_blind", "missing", "tags_of_picture", "video_tags"]
