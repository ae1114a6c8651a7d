"""What a Python lacks of this project's needs, said before anything of the project is imported."""

from __future__ import annotations

import json
import platform
import subprocess
import sys

from cluster.requirements import here, name_of, needs, unmet


def test_this_environment_has_what_the_project_needs():
    assert {"ray", "torch", "deepspeed"} <= set(map(name_of, needs()))
    assert unmet(needs()) == []


def test_what_is_missing_or_does_not_fit_is_one_line_and_other_versions_are_said(tmp_path):
    assert unmet(["numpy>=1", "no-such-package>=2"]) == ["no-such-package is missing"]
    assert unmet(["numpy>=999", "PyYAML"]) == [f"numpy is {here(['numpy'])['numpy']}, needed >=999"]
    file = tmp_path / "needs.json"
    said = {"python": platform.python_version(), "versions": {"numpy": "0.1", "torch": here(["torch"])["torch"]}}

    def answer(*requirements):
        file.write_text(json.dumps({**said, "requirements": requirements}))
        return subprocess.run(
            (sys.executable, "-m", "cluster.requirements", file), capture_output=True, text=True, timeout=60
        )

    lacking = answer(*(f"no-such-package-{i}" for i in range(30)))
    assert lacking.returncode == 2
    (line,) = lacking.stdout.splitlines()
    assert "start Ray in an environment with the packages of this project" in line
    assert "no-such-package-0 is missing" in line
    assert len(line) == 300
    fits = answer("numpy")
    assert fits.returncode == 0
    assert fits.stdout.endswith(f"where it was submitted: numpy {here(['numpy'])['numpy']} (0.1)\n")
