"""XLM-R Large at full size, random weights: it takes updates under ZeRO-2 in bounded memory."""

from __future__ import annotations

import resource

import pytest

from trainables.recipe.execution import Execution

LARGE = {
    "hidden_size": 1024,
    "num_hidden_layers": 24,
    "num_attention_heads": 16,
    "intermediate_size": 4096,
    "max_position_embeddings": 514,
}
PIECES = 250_002


@pytest.mark.slow
def test_xlm_r_large_takes_a_few_steps(fresh, monkeypatch):
    from transformers import PreTrainedTokenizerFast

    # The tokenizer has few pieces; the embedding gets as many rows as that of XLM-R.
    monkeypatch.setattr(PreTrainedTokenizerFast, "__len__", lambda self: PIECES)
    start = fresh.scratch(**LARGE)
    recipe = fresh.train("gen-nli", start=start, limit=16, steps=2, evaluate_every=2, batch_size=2, learning_rate=1e-5)
    fresh.do(recipe, Execution(zero_stage=2, log_every=1, micro_batch_tokens=128))
    result = fresh.store.record(recipe.id)["result"]
    assert result["steps"] == 2
    size = (fresh.store.path(recipe.id) / "model" / "model.safetensors").stat().st_size
    assert size / 4 > 550e6  # parameters, in fp32
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9
    print(f"\npeak memory {peak:.1f} GB, {size / 4e6:.1f} M parameters, {result['train_seconds']:.0f} s")
    assert peak < 20
