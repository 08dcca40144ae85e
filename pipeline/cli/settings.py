"""`darkroom settings`: what an operator can set, and what is set."""

import os
from typing import Annotated

import typer

from pipeline.cli.output import Json, print_json, print_table
from pipeline.settings import SETTINGS, as_markdown


def settings(
    markdown: Annotated[bool, typer.Option("--markdown", help="Print the page docs/settings.md instead.")] = False,
    json: Json = False,
) -> None:
    """Show every setting, its default, and whether the environment sets it. Values are not shown: some are secrets."""
    if markdown:
        print(as_markdown(), end="")
        return
    known = [
        {
            "name": setting.name,
            "set": bool(os.environ.get(setting.name)),
            "default": setting.shown or setting.default,
            "decides": setting.sentence,
        }
        for setting in SETTINGS
    ]
    if json:
        print_json(known)
        return
    rows = [(each["name"], "yes" if each["set"] else "", each["default"], each["decides"]) for each in known]
    print_table(("Variable", "Set", "Default", "Decides"), rows, empty="")
