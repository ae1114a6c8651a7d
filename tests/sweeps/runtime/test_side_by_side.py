"""An encoder and a decoder side by side, by LoRA, through `xstilts run` to tables, report and MLflow; then the decoder
alone on the same store, asked by likelihood, which no encoder can be."""

from __future__ import annotations

import csv
import html
import re
import signal

import pytest
import yaml
from mlflow import MlflowClient
from typer.testing import CliRunner

from sweeps.cli.main import app
from sweeps.spec.reading import read_spec

SIZES = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64}
ENCODER, DECODER = (
    {
        "architecture": {**kind, **SIZES, "max_position_embeddings": 130},
        "tokenizer": {"corpora": ["gen-text"], "vocab_size": 500},
    }
    for kind in ({}, {"model_type": "llama"})
)
SETTINGS = {"steps": 4, "evaluate_every": 2, "batch_size": 8, "max_length": 64, "learning_rate": 1e-2}
SHARED = {
    "seeds": [1],
    "languages": ["one", "two", "zero"],
    "generated": {"size": 0.05},
    "training": {"all": {**SETTINGS, "adaptation": {"lora": {"rank": 4, "targets": "all-linear"}}}},
}
HEADS = {
    **SHARED,
    "sweep": "heads",
    "models": {"enc": ENCODER, "dec": DECODER},
    "intermediates": ["none", "gen-nli"],
    "targets": ["gen-tags", "gen-choice"],
}
LIKELIHOODS = {
    **SHARED,
    "sweep": "likelihoods",
    "models": {"dec": DECODER},
    "intermediates": ["none", "gen-nli", "gen-choice@tuned"],
    "likelihood": {"tuned": {"normalise": "characters"}},
    "targets": ["gen-choice@likelihood", {"task": "gen-choice@tuned", "train_on": "gen-choice@tuned"}],
}


@pytest.fixture(scope="module")
def run(local_ray, tmp_path_factory):
    """Carries out a sweep on the store of all of them: its file, and what the command says."""
    folder = tmp_path_factory.mktemp("side by side")
    handler = signal.getsignal(signal.SIGTERM)

    def do(fields, *options):
        file = folder / f"{fields['sweep']}.yaml"
        file.write_text(yaml.safe_dump({**fields, "storage": str(folder / "store")}))
        done = CliRunner().invoke(app, ["run", str(file), *options])
        CliRunner().invoke(app, ["track", str(file)])  # what MLflow was too slow to take
        return file, done, " ".join(done.output.split())

    yield do
    signal.signal(signal.SIGTERM, handler)


def page_of(file):
    """The report of a sweep, as text."""
    spec = read_spec(file)
    folder = file.parent / "store" / "results" / spec.sweep
    page = re.sub(r"<(script|style)\b.*?</\1>", "", (folder / "report.html").read_text(), flags=re.DOTALL)
    with (folder / "numbers.csv").open(newline="") as numbers:
        return spec, " ".join(html.unescape(re.sub(r"<[^>]+>", " ", page)).split()), list(csv.DictReader(numbers))


def trained(spec):
    """Of each training's run in MLflow: the parameters that it trains of its backbone, and its tags."""
    client = MlflowClient(spec.tracking_uri)
    runs = client.search_runs([client.get_experiment_by_name("xstilts").experiment_id], max_results=1000)
    return [run.data for run in runs if run.data.tags.get("adaptation")], runs


def test_both_kinds_of_model_have_their_tables_report_and_runs(run):
    file, done, said = run(HEADS)
    assert done.exit_code == 0, done.output
    for model in ("enc", "dec"):
        assert f"heads · {model}: zero-shot, mean over the languages that were not trained on" in said
    assert "gen-tags (dec): tags are on the last subwords, where a decoder has read the whole word" in said
    assert "gen-tags (dec): tags are on the first" not in said
    assert "LoRA rank 4, alpha 8, on all-linear" in said
    spec, page, numbers = page_of(file)
    cells = {(one["model"], one["intermediate"], one["target"]) for one in numbers}
    assert cells == {(m, i, t) for m in HEADS["models"] for i in HEADS["intermediates"] for t in HEADS["targets"]}
    assert "2 models, 2 intermediates, 2 targets, 1 seed; 8 of 8 cells done" in page
    assert "tags are on the last subwords, where a decoder has read the whole word" in page
    by_adapters, _ = trained(spec)
    assert len(by_adapters) == 10
    assert all(one.tags["adaptation"] == "LoRA rank 4, alpha 8, on all-linear" for one in by_adapters)


def test_the_decoder_is_asked_by_likelihood_from_the_same_checkpoints(run):
    file, done, _ = run({**LIKELIHOODS, "models": HEADS["models"]})
    assert done.exit_code == 2
    assert [len(line) <= 300 for line in done.stderr.splitlines()] == [True] * 3
    assert "targets[0]: choice-likelihood needs a causal decoder; the model enc is no decoder" in done.stderr
    file, done, said = run(LIKELIHOODS, "--no-preflight")
    assert done.exit_code == 0, done.output
    assert (
        "gen-choice@likelihood: log-likelihoods of answers, summed over subwords; no shots; not trained on it" in said
    )
    spec, page, numbers = page_of(file)
    assert "2 targets, 1 seed, starting from dec: 6 of 6 cells are done" in page
    assert "gen-choice@tuned: log-likelihoods of answers, over their characters; no shots; after training on" in page
    assert {(one["intermediate"], one["target"]) for one in numbers} == {
        (name, target)
        for name in LIKELIHOODS["intermediates"]
        for target in ("gen-choice@likelihood", "gen-choice@tuned")
    }
    _, runs = trained(spec)
    scores = {name for one in runs for name in one.data.metrics}
    assert {"gen-choice/two/accuracy", "gen-choice/zero-shot/accuracy_sum"} <= scores
