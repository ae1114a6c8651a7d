"""What the documents name is there: files, modules and what is in them, commands, headings."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest
from typer.main import get_command

from sweeps.cli.main import app

ROOT = Path(__file__).parent.parent
FOLDERS = ("sweeps", "trainables", "cluster", "tools", "tests", "mlflow")
DOCUMENTS = sorted(ROOT.glob("*.md")) + sorted(file for folder in FOLDERS for file in (ROOT / folder).rglob("*.md"))
HISTORY = ROOT / "CHANGELOG.md"
"""Names what is no longer there."""

LINK = re.compile(r"\]\(([^)\s]+)\)")
CODE = re.compile(r"`([^`\n]+)`")
PATH = re.compile(rf"\b((?:{'|'.join(FOLDERS)})/[\w./-]*\w/?)")
DOTTED = re.compile(r"\b((?:sweeps|trainables|cluster|tools|tests)(?:\.\w+)+)\b")


def documents(*without: Path):
    return pytest.mark.parametrize(
        "document", [file for file in DOCUMENTS if file not in without], ids=lambda file: str(file.relative_to(ROOT))
    )


@cache
def names_in(tree_of: Path, within: tuple[str, ...]) -> frozenset[str]:
    """Names that a module defines or imports; `within`: those of a class there."""
    body = ast.parse(tree_of.read_text(encoding="utf-8")).body
    for name in within:
        body = next((node.body for node in body if isinstance(node, ast.ClassDef) and node.name == name), [])
    found = set()
    for node in body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            found.add(node.name)
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            found |= {target.id for target in targets if isinstance(target, ast.Name)}
        elif isinstance(node, ast.ImportFrom):
            found |= {alias.asname or alias.name for alias in node.names}
    return frozenset(found)


def is_there(dotted: str) -> bool:
    """Whether `package.module.Class.name` names something."""
    parts = dotted.split(".")
    for many in range(len(parts), 0, -1):
        place = ROOT.joinpath(*parts[:many])
        module = place / "__init__.py" if place.is_dir() else place.with_suffix(".py")
        if module.is_file():
            rest = parts[many:]
            return all(name in names_in(module, tuple(rest[:at])) for at, name in enumerate(rest))
        if place.is_dir():
            return not parts[many:]
    return False


def heading_anchors(document: Path) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", document.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_a_name_that_is_not_there_is_found():
    assert is_there("trainables.recipe.canonical.fingerprint")
    assert is_there("trainables.models.backbones.modeling.Backbone.sentence")
    assert not is_there("trainables.recipe.canonical.footprint")
    assert not is_there("trainables.models.backbones.modeling.Backbone.word")
    assert not is_there("trainables.recipes")


@documents()
def test_links_lead_somewhere(document):
    for target in LINK.findall(document.read_text(encoding="utf-8")):
        if "://" in target:
            continue
        path, _, anchor = target.partition("#")
        place = (document.parent / path).resolve() if path else document
        assert place.exists(), target
        assert not anchor or anchor in heading_anchors(place), target


@documents(HISTORY)
def test_paths_and_modules_exist(document):
    text = document.read_text(encoding="utf-8")
    for span in CODE.findall(text):
        for path in PATH.findall(span):
            assert (ROOT / path).exists(), path
        for dotted in DOTTED.findall(span):
            assert is_there(dotted) or (ROOT / dotted).exists(), dotted


@documents(HISTORY)
def test_commands_exist(document):
    text = document.read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert set(re.findall(r"(?:`|    )make ([a-z]+)", text)) <= targets
    commands = set(get_command(app).commands)
    assert set(re.findall(r"(?:`|    )xstilts ([a-z]+)", text)) <= commands


def test_every_target_of_make_is_described():
    text = (ROOT / "Makefile").read_text()
    targets = re.search(r"^\.PHONY: (.+)$", text, re.MULTILINE)
    assert targets is not None
    for target in targets[1].split():
        assert re.search(rf"^{target}:.*## \w", text, re.MULTILINE), target


def test_the_readme_is_short():
    assert 150 <= len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= 200
