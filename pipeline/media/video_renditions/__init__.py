"""Files made from a video with the ffmpeg program: a preview, clips and stills. The original is never trusted."""

from pipeline.media.video_renditions.binary import Ffmpeg, find_ffmpeg
from pipeline.media.video_renditions.clips import copy_clips, cut_clip
from pipeline.media.video_renditions.made import MadeFile, made_jpeg, made_video
from pipeline.media.video_renditions.original import Original
from pipeline.media.video_renditions.plan import RenderOptions, RenderPlan, plan_renditions
from pipeline.media.video_renditions.preview import Preview, make_preview, read_preview
from pipeline.media.video_renditions.process import RenditionFailed, ShouldStop, never
from pipeline.media.video_renditions.stills import still, stills_of_preview

__all__ = [
    "Ffmpeg",
    "MadeFile",
    "Original",
    "Preview",
    "RenderOptions",
    "RenderPlan",
    "RenditionFailed",
    "ShouldStop",
    "copy_clips",
    "cut_clip",
    "find_ffmpeg",
    "made_jpeg",
    "made_video",
    "make_preview",
    "never",
    "plan_renditions",
    "read_preview",
    "still",
    "stills_of_preview",
]
