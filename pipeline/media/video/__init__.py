"""Videos: what a customer sent becomes upright frames with their times, or an error of ours that says why not."""

from pipeline.media.video.container import Container, identify
from pipeline.media.video.decode import Video, Watcher, opened, watch
from pipeline.media.video.frame import PLANE_SIDE, Frame

__all__ = ["PLANE_SIDE", "Container", "Frame", "Video", "Watcher", "identify", "opened", "watch"]
