"""Shots and activity: where a video changes, and how much it moves in between."""

from pipeline.stages.analyze.shots.activity import ACTIVITY_RATE, ActivityWatcher
from pipeline.stages.analyze.shots.watcher import ShotWatcher

__all__ = ["ACTIVITY_RATE", "ActivityWatcher", "ShotWatcher"]
