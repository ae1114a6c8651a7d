"""Nobody but a task type, a kind of step or a backbone itself knows its name: read off the sources."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from trainables.models.backbones import all_backbone_types
from trainables.steps.registry import _KINDS
from trainables.task_types import all_task_types

ROOT = Path(__file__).parent.parent


def comparisons(names, *allowed):
    """Where a module compares something with one of the names, or looks one up: `file:line`."""
    found = []
    for package in ("sweeps", "trainables", "cluster"):
        for file in (ROOT / package).rglob("*.py"):
            path = file.relative_to(ROOT).as_posix()
            if not path.startswith(allowed):
                found += [f"{path}:{line}" for line in _lines(ast.parse(file.read_text()), names)]
    return found


def _lines(tree, names):
    for node in ast.walk(tree):
        if isinstance(node, ast.Compare):
            sides = [node.left, *node.comparators]
            if any(isinstance(one, ast.Constant) and one.value in names for side in sides for one in ast.walk(side)):
                yield node.lineno


@pytest.mark.parametrize(
    ("names", "allowed"),
    [
        ({one.name for one in all_task_types()}, ("trainables/task_types/", "trainables/tasks/records/")),
        ({one.model_type for one in all_backbone_types()}, ("trainables/models/backbones/",)),
    ],
)
def test_no_module_tests_the_name_of_a_task_type_or_a_backbone(names, allowed):
    assert comparisons(names, *allowed) == []


def test_no_module_tests_the_kind_of_a_step():
    found = []
    for package in ("sweeps", "trainables", "cluster"):
        for file in (ROOT / package).rglob("*.py"):
            path = file.relative_to(ROOT).as_posix()
            for node in ast.walk(ast.parse(file.read_text())):
                if isinstance(node, ast.Compare):
                    text = ast.unparse(node)
                    if ("kind" in text or "part" in text) and any(f"'{name}'" in text for name in _KINDS):
                        found.append(f"{path}:{node.lineno}: {text}")
    assert found == []
