"""Facts of languages against what their sources are known to say."""

from __future__ import annotations

import pytest

from trainables.tasks.benchmarks import BENCHMARKS
from trainables.tasks.language_facts import GROUPINGS, LANGUAGES, pretraining_of


def test_they_are_there_for_both_suites():
    named = {language for suite in BENCHMARKS.values() for entry in suite for language in entry.languages}
    assert named <= LANGUAGES.keys()
    assert {code for code in named if LANGUAGES[code].gib is None} == {"ht", "qu", "wo", "yo"}
    assert all(LANGUAGES[code].resource is not None for code in named)


def test_groups_by_size_have_the_bounds_that_the_report_states():
    groups = [LANGUAGES[code].group for code in ("sw", "ta", "yo", "ru")]
    assert groups == ["low-resource", "middle", "low-resource", "high-resource"]


@pytest.mark.parametrize(
    ("code", "resource"),
    # Joshi et al. 2020, section 3 and table 1: examples of their six classes.
    [("en", 5), ("de", 5), ("ja", 5), ("ru", 4), ("vi", 4), ("id", 3), ("uk", 3), ("sw", 2), ("zu", 2), ("qu", 1)],
)
def test_resource_classes_are_those_of_the_paper(code, resource):
    assert LANGUAGES[code].resource == resource
    assert LANGUAGES[code].group_of("resource") == f"class {resource}"


def test_what_models_have_seen():
    seen = {
        name: {one.code for one in LANGUAGES.values() if name in one.seen} for name in ("xlm-r", "mbert", "llama-1")
    }
    # LLaMA 1 names 20 languages; the 100 of CC-100 are here but for eleven that no task of this project has.
    assert len(seen["llama-1"]) == 20
    assert {"sw", "th", "ur", "zh"}.isdisjoint(seen["llama-1"])
    assert "yo" in seen["mbert"] - seen["xlm-r"]
    assert {"am", "xh"} <= seen["xlm-r"] - seen["mbert"]
    assert LANGUAGES["yo"].group_of("seen", "xlm-r") == "not seen"
    assert LANGUAGES["yo"].group_of("seen") is None
    assert pretraining_of("intfloat/multilingual-e5-small") == "xlm-r"
    assert pretraining_of("huggyllama/llama-7b") == "llama-1"
    assert pretraining_of(None) is None


def test_every_language_has_a_group_of_each_kind():
    for one in LANGUAGES.values():
        found = {grouping: one.group_of(grouping, "xlm-r") for grouping in GROUPINGS}
        assert all(found[key] for key in found if key != "resource")
