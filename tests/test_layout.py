"""What holds of the source tree as a whole."""

from __future__ import annotations

import ast
import subprocess
from pathlib import Path

ROOT = Path(__file__).parent.parent


def test_mlflow_is_the_real_one():
    import mlflow

    assert Path(mlflow.__file__).parent.parent.name == "site-packages"
    assert not list((ROOT / "mlflow").glob("**/*.py"))


def test_modules_are_short():
    for package in ("sweeps", "trainables", "cluster"):
        for file in (ROOT / package).rglob("*.py"):
            assert len(file.read_text().splitlines()) <= 360, f"{file} holds more than one concept"


def test_every_package_says_what_it_is():
    for package in ("sweeps", "trainables", "cluster"):
        for folder in {file.parent for file in (ROOT / package).rglob("*.py")}:
            module = folder / "__init__.py"
            assert module.is_file(), f"{folder} has no __init__.py"
            assert ast.get_docstring(ast.parse(module.read_text())), f"{module} does not say what its package is"


def test_the_packages_are_listed_by_hand():
    text = (ROOT / "pyproject.toml").read_text()
    assert 'include = ["sweeps*", "trainables*", "cluster*"]' in text


def test_no_large_or_foreign_file_is_tracked():
    done = subprocess.run(("git", "ls-files"), cwd=ROOT, capture_output=True, text=True)
    sizes = {name: (ROOT / name).stat().st_size for name in done.stdout.splitlines()}
    mini = {name for name in sizes if name.startswith("trainables/models/mini/")}
    assert {name for name, size in sizes.items() if size >= 500_000} <= mini
    assert sum(sizes[name] for name in mini) <= 24_000_000
