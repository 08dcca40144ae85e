"""The frame of every HTML report: one file that loads nothing, runs only its own script and sends nothing anywhere."""

from base64 import b64encode
from collections.abc import Sequence
from hashlib import sha256
from importlib.resources import files
from typing import Any

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined

_HOME = "pipeline.reports"


class Page:
    """A template with its style and script inside, and a policy that names both by their hash.

    `styles` and `scripts` are (package, file) in that package's `templates`; templates of `pipeline.reports` itself
    (`page.html.j2`, `parts.html.j2`) can be used from every package.
    """

    def __init__(
        self, package: str, template: str, *, styles: Sequence[tuple[str, str]], scripts: Sequence[tuple[str, str]]
    ) -> None:
        self._style = "\n".join(_part(*each) for each in styles)
        self._script = "\n".join(_part(*each) for each in scripts)
        self._template = _environment(package).get_template(template)
        self._policy = (
            f"default-src 'none'; img-src data:; style-src {_hash(self._style)}; script-src {_hash(self._script)}; "
            "base-uri 'none'; form-action 'none'"
        )

    def render(self, **values: Any) -> bytes:
        """The page as UTF-8; every value is escaped."""
        page = self._template.render(policy=self._policy, style=self._style, script=self._script, **values)
        return page.encode("utf-8", errors="replace")


def is_web(url: str | None) -> bool:
    """A link that a page may carry: nothing that runs when it is clicked."""
    return url is not None and url.startswith(("http://", "https://"))


def _environment(package: str) -> Environment:
    return Environment(
        loader=ChoiceLoader([PackageLoader(name) for name in dict.fromkeys((package, _HOME))]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _part(package: str, name: str) -> str:
    return (files(package) / "templates" / name).read_text(encoding="utf-8").replace("\r\n", "\n")


def _hash(text: str) -> str:
    return f"'sha256-{b64encode(sha256(text.encode()).digest()).decode('ascii')}'"
