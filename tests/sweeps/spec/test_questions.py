"""Which questions a sweep asks, and what is read of the names of its models."""

from __future__ import annotations

from pathlib import Path

import pytest

import sweeps
from sweeps.spec.model import ModelSpec
from sweeps.spec.questions import controls, families, family_of, parameters_of, questions_of
from sweeps.spec.reading import read_spec


def start(hub_id: str, **fields: object) -> ModelSpec:
    return ModelSpec(start=hub_id, **fields)


@pytest.mark.parametrize(
    ("name", "model", "family"),
    [
        ("a", start("google/gemma-3-270m"), "gemma-3"),
        ("a", start("google/gemma-3-27b-pt"), "gemma-3-pt"),
        ("a", start("Qwen/Qwen3-0.6B-Base"), "qwen3"),
        ("a", start("huggyllama/llama-7b"), "llama"),
        ("a", start("FacebookAI/xlm-roberta-large"), "xlm-roberta"),
        ("llama-13b", start("./weights"), "llama"),
        ("7b", start("./weights"), "models"),
        ("a", start("google/gemma-3-270m", family="mine"), "mine"),
    ],
)
def test_a_family_is_the_name_without_its_size(name, model, family):
    assert family_of(name, model) == family


def test_a_size_comes_from_the_shape_or_else_from_the_name():
    assert parameters_of("a", start("someone/unheard-of-13b")) == 13_000_000_000
    assert parameters_of("a", start("someone/unheard-of-270m")) == 270_000_000
    assert parameters_of("a", start("someone/unheard-of")) is None
    assert 5.5e8 < parameters_of("a", start("FacebookAI/xlm-roberta-large")) < 5.7e8


def test_axes_tell_the_question_and_the_file_goes_before_them(sweep_file):
    two = ["none", "gen-nli"]
    assert questions_of(read_spec(sweep_file(intermediates=two))) == ("intermediates",)
    assert questions_of(read_spec(sweep_file(intermediates=["none"]))) == ()
    assert questions_of(read_spec(sweep_file(intermediates=two, question="intermediates"))) == ("intermediates",)


def test_an_image_text_intermediate_has_its_controls():
    spec = read_spec(Path(sweeps.__file__).parent / "multimodal-xtreme-r.yaml")
    assert controls(spec) == {"images": {"captions": "caption-only", "nli": "text", "qa": "text", "none": "none"}}


def test_sizes_of_one_family_ask_about_scale(sweep_file, tiny):
    small = tiny["models"]["small"]
    models = {
        name: {**small, "architecture": {**small["architecture"], "hidden_size": size}, "family": "tiny"}
        for name, size in (("large", 64), ("small", 32))
    }
    spec = read_spec(sweep_file(models=models, intermediates=["none", "gen-nli"]))
    assert questions_of(spec) == ("scale",)
    assert list(families(spec)["tiny"]) == ["small", "large"]
