"""A report format, and the table of those there are: a new one is a file beside this and a line below."""

from collections.abc import Mapping
from typing import Protocol

from pipeline.reports.csv import CsvFormat
from pipeline.reports.html import HtmlFormat
from pipeline.reports.json import JsonFormat
from pipeline.reports.model import JobReport


class Format(Protocol):
    """One way to write a report down. Stateless and thread safe."""

    @property
    def name(self) -> str:
        """The key of this format in `FORMATS` and in the API's paths."""

    @property
    def media_type(self) -> str:
        """The `Content-Type` to serve it under."""

    @property
    def extension(self) -> str:
        """The ending of its object key, without a dot."""

    def render(self, report: JobReport) -> bytes:
        """The whole report, whatever the customer's names, references and messages contain."""


_ALL: tuple[Format, ...] = (JsonFormat(), CsvFormat(), HtmlFormat())

FORMATS: Mapping[str, Format] = {each.name: each for each in _ALL}
