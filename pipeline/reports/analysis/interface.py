"""A format of analysis reports, and the table of those there are: a new one is a file beside this and a line below."""

from collections.abc import Mapping
from typing import Protocol

from pipeline.reports.analysis.csv import AnalysisCsv
from pipeline.reports.analysis.html import AnalysisHtml
from pipeline.reports.analysis.json import AnalysisJson
from pipeline.reports.analysis.jsonl import AnalysisJsonLines
from pipeline.reports.analysis.model import AnalysisReport


class AnalysisFormat(Protocol):
    """One way to write such a report down. Stateless and thread safe."""

    @property
    def name(self) -> str:
        """The key of this format in `ANALYSIS_FORMATS` and in the API's paths."""

    @property
    def media_type(self) -> str:
        """The `Content-Type` to serve it under."""

    @property
    def extension(self) -> str:
        """The ending of its object key, without a dot."""

    def render(self, report: AnalysisReport) -> bytes:
        """The whole report, whatever names, texts and messages contain."""


_ALL: tuple[AnalysisFormat, ...] = (AnalysisJson(), AnalysisJsonLines(), AnalysisCsv(), AnalysisHtml())

ANALYSIS_FORMATS: Mapping[str, AnalysisFormat] = {each.name: each for each in _ALL}
