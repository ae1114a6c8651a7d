"""What a look at every node of a cluster finds."""

from __future__ import annotations

from dataclasses import replace

import pytest

from cluster.inspect import Node, differences, inspect_cluster, inspect_node, state_api

pytestmark = pytest.mark.ray

PACKAGES = ("cluster", "trainables")
HERE = Node("here", "3.11.9", {"torch": "2.13.0", "ray": "2.60.0"}, "abc", (), 2**36, (True, True), (), None)


def test_differing_software_is_named():
    other = replace(HERE, name="b", packages={"torch": "2.12.0", "ray": "2.60.0", "extra": "1"})
    source = replace(HERE, name="c", source="abd")
    assert differences(HERE, [HERE]) == []
    (line,) = differences(HERE, [other])
    assert line == "b: extra 1, here missing; torch 2.12.0, here 2.13.0: install the same on every node"
    (line,) = differences(HERE, [source])
    assert "c: its source of this program differs" in line
    assert len(differences(HERE, [replace(other, python="3.12.1", packages=HERE.packages)])) == 1


def test_a_node_says_what_it_has_and_lacks(tmp_path):
    node = inspect_node([str(tmp_path), str(tmp_path / "no")], PACKAGES, lambda: None, lambda: True, gpus=False)
    assert node.missing == (str(tmp_path / "no"),)
    assert node.packages["torch"]
    assert node.source == inspect_node([], PACKAGES, lambda: None, lambda: True, gpus=False).source
    assert node.source != inspect_node([], PACKAGES[:1], lambda: None, lambda: True, gpus=False).source


def test_a_node_that_cannot_look_is_a_line(local_ray):
    def fails():
        raise OSError("no such device")

    nodes, silent = inspect_cluster([], PACKAGES, fails, lambda: True)
    assert nodes == []
    assert "no such device" in silent[0]


def test_the_state_api_answers(local_ray):
    assert state_api() is None
