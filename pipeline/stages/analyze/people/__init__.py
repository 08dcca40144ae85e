"""People: whose faces a picture or a video shows, and when."""

from pipeline.stages.analyze.people.allowlist import KnownFace, allowlisted
from pipeline.stages.analyze.people.constellations import Sighting, constellations
from pipeline.stages.analyze.people.needs import missing
from pipeline.stages.analyze.people.pictures import embedding_of_picture, people_in_picture
from pipeline.stages.analyze.people.watcher import PeopleWatcher

__all__ = [
    "KnownFace",
    "PeopleWatcher",
    "Sighting",
    "allowlisted",
    "constellations",
    "embedding_of_picture",
    "missing",
    "people_in_picture",
]
