"""The wheel, installed outside the checkout: what is in it, what it finds by name, and what it says of itself."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


def run(*command: str | Path, cwd: Path, code: int = 0) -> str:
    """Run a command; what it printed."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("GIT_", "PYTHON"))}
    done = subprocess.run(command, cwd=cwd, env=environ, capture_output=True, text=True)
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout + done.stderr


def git(*words: str, cwd: Path) -> str:
    who = ("-c", "user.name=somebody", "-c", "user.email=somebody@example.org")
    return run("git", *who, *words, cwd=cwd).strip()


@pytest.fixture(scope="module")
def source(tmp_path_factory) -> Path:
    """The files of this checkout, without what git ignores."""
    folder = tmp_path_factory.mktemp("source")
    listed = subprocess.run(
        ("git", "ls-files", "--cached", "--others", "--exclude-standard"), cwd=ROOT, capture_output=True, text=True
    )
    if listed.returncode:
        pytest.skip("not a git checkout")
    for name in listed.stdout.splitlines():
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / name, folder / name)
    return folder


@pytest.fixture(scope="module")
def wheel(source, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    build = ("--quiet", "--no-deps", "--no-build-isolation", "--wheel-dir", folder)
    copy = shutil.copytree(source, tmp_path_factory.mktemp("build") / "source")  # pip builds in it
    run(sys.executable, "-m", "pip", "wheel", *build, copy, cwd=folder)
    return next(folder.glob("*.whl"))


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory) -> Path:
    """An environment with the wheel in it, inside a repository of some other project."""
    repository = tmp_path_factory.mktemp("other")
    git("init", "--quiet", cwd=repository)
    (repository / "notes.txt").write_text("of another project")
    git("add", "notes.txt", cwd=repository)
    git("commit", "--quiet", "--message", "notes", cwd=repository)
    environment = repository / "environment"
    run(sys.executable, "-m", "venv", "--without-pip", environment, cwd=repository)
    install = ("install", "--quiet", "--no-deps", "--disable-pip-version-check", wheel)
    run(sys.executable, "-m", "pip", "--python", environment / "bin/python", *install, cwd=repository)
    # What the wheel depends on is borrowed from here: after the wheel on the path, and without this checkout.
    borrowed = {sysconfig.get_path("purelib"), str(Path(pytest.__file__).parent.parent)}
    (site_packages(environment) / "borrowed.pth").write_text("\n".join(sorted(borrowed)))
    return environment


def site_packages(environment: Path) -> Path:
    return next(environment.glob("lib/python*/site-packages"))


def test_what_is_in_the_wheel(source, wheel):
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    packages = ("sweeps", "trainables", "cluster")
    assert {name.split("/")[0] for name in names if ".dist-info/" not in name} == set(packages)
    wanted = {
        str(file.relative_to(source)) for name in packages for file in (source / name).rglob("*") if file.is_file()
    }
    assert {name for name in names if ".dist-info/" not in name} == wanted
    assert {f"{name}/py.typed" for name in packages} <= names
    assert any(name.endswith(".dist-info/licenses/LICENSE") for name in names)


def test_studies_are_found_by_name(installed, tmp_path):
    xstilts = installed / "bin/xstilts"
    before = {file for file in site_packages(installed).rglob("*") if file.suffix != ".pyc"}
    assert "Cells (model x intermediate x target x seed)" in run(xstilts, "plan", "demo", cwd=tmp_path)
    unknown = run(xstilts, "plan", "dmeo", cwd=tmp_path, code=2)
    assert unknown.startswith("dmeo: no such file, and no study of that name; studies: demo, dev, emoji, image-")
    assert len(unknown.splitlines()) == 1
    assert run(xstilts, "plan", "demo.yaml", cwd=tmp_path, code=2) == "demo.yaml: there is no such file\n"
    (tmp_path / "demo").write_text("sweep: mine\n")  # a file goes before a study
    assert run(xstilts, "plan", "demo", cwd=tmp_path, code=2).startswith("demo: models: this field is missing")
    assert before == {file for file in site_packages(installed).rglob("*") if file.suffix != ".pyc"}


def test_a_step_of_the_installed_wheel_says_which_version_made_it(installed, wheel, tmp_path):
    plan = json.loads(run(installed / "bin/xstilts", "plan", "demo", "--recipes", "recipes", "--json", cwd=tmp_path))
    first = next(step["key"] for step in plan["steps"] if not step["needs"])
    command = ("-m", "trainables", f"recipes/{first}.json", "--store", "runs")
    run(installed / "bin/python", *command, cwd=tmp_path)
    record = json.loads(next((tmp_path / "runs").rglob("record.json")).read_text())
    made_by = record["environment"]["code"]
    assert made_by == {"version": "0.1.0", "commit": None, "dirty": None, "url": wheel.as_uri()}


ASK = "from trainables.steps.environment import code; c = code(); print(c.model_dump_json()); print(c)"


def asked(python: Path | str, cwd: Path) -> tuple[dict, str]:
    """What the code that `python` finds from `cwd` says of itself."""
    said = run(python, "-c", ASK, cwd=cwd).splitlines()
    return json.loads(said[0]), said[1]


def test_a_checkout_says_its_commit(source, installed, tmp_path):
    checkout = tmp_path / "checkout"
    shutil.copytree(source, checkout)
    said, _ = asked(installed / "bin/python", checkout)
    assert set(said.values()) == {None}  # an unpacked archive; what is installed is another copy
    git("init", "--quiet", cwd=checkout)
    git("add", "pyproject.toml", "README.md", cwd=checkout)
    git("commit", "--quiet", "--message", "without sources", cwd=checkout)
    assert asked(installed / "bin/python", checkout)[0]["commit"] is None
    git("add", ".", cwd=checkout)
    git("commit", "--quiet", "--message", "all", cwd=checkout)
    head = git("rev-parse", "HEAD", cwd=checkout)
    said, text = asked(installed / "bin/python", checkout)
    assert said == {"version": "0.1.0", "commit": head, "dirty": False, "url": None}
    assert text == f"commit {head[:12]}"
    (checkout / "sweeps/mine.yaml").write_text("sweep: mine\n")  # no source
    assert asked(installed / "bin/python", checkout)[0]["dirty"] is False
    with (checkout / "trainables/failure.py").open("a") as file:
        file.write("# changed\n")
    said, text = asked(installed / "bin/python", checkout)
    assert said["dirty"] is True
    assert text == f"commit {head[:12]} with uncommitted changes"


def test_a_repository_around_an_installed_copy_says_nothing(installed, wheel):
    for around in (installed.parent, site_packages(installed)):
        if not (around / ".git").exists():
            git("init", "--quiet", cwd=around)
        git("add", "--force", "--all", "trainables" if around != installed.parent else "notes.txt", cwd=around)
        git("commit", "--quiet", "--allow-empty", "--message", "copy", cwd=around)
        said, text = asked(installed / "bin/python", installed)
        assert said == {"version": "0.1.0", "commit": None, "dirty": None, "url": wheel.as_uri()}
        assert text == f"version 0.1.0 from {wheel.as_uri()}"
