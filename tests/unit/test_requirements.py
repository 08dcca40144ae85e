"""What the product imports is what it requires: nothing of it comes with the tests only."""

import ast
from importlib.metadata import packages_distributions

from tests.conftest import REPOSITORY


def declared(name: str) -> set[str]:
    """The distributions that stand in this list of setup.py, without versions and extras."""
    tree = ast.parse((REPOSITORY / "setup.py").read_text(encoding="utf-8"))
    (found,) = (
        node.value
        for node in tree.body
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and node.targets[0].id == name
    )
    assert isinstance(found, ast.List)
    words = [entry.value for entry in found.elts if isinstance(entry, ast.Constant)]
    return {str(word).partition("[")[0].partition(">")[0].lower() for word in words}


def imported() -> set[str]:
    """Top-level names that the product's modules import."""
    found = set()
    for folder in ("assets", "pipeline", "resources", "sensors"):
        for path in (REPOSITORY / folder).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Import):
                    found.update(alias.name.partition(".")[0] for alias in node.names)
                elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
                    found.add(node.module.partition(".")[0])
    return found


def test_no_module_of_the_product_needs_what_only_development_requires() -> None:
    sources = packages_distributions()
    needed = {each.lower() for name in imported() for each in sources.get(name, [])}
    assert "psutil" in needed
    assert needed & (declared("DEVELOPMENT") - declared("REQUIREMENTS")) == set()
