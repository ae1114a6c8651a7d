"""Loading a backbone and its tokenizer. Every weight of the architecture must be in the checkpoint."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from transformers import (
    AutoModel,
    AutoTokenizer,
    PreTrainedModel,
    PreTrainedTokenizerBase,
    XLMRobertaConfig,
)

from trainables.failure import NonRetryable
from trainables.recipe.execution import Execution
from trainables.recipe.model_source import CheckpointRef, HubModel, LocalModel, RandomInit
from trainables.store import MODEL, Store

ModelSource = HubModel | LocalModel | RandomInit | CheckpointRef


class WrongWeights(NonRetryable, RuntimeError):
    """The weights of a checkpoint are not those of its architecture; the message lists them."""


def load_backbone(origin: ModelSource, store: Store, execution: Execution) -> PreTrainedModel:
    """The backbone of `origin` on the CPU in fp32.

    Raises WrongWeights when a weight of the architecture is not in the checkpoint.
    """
    if isinstance(origin, RandomInit):
        tokenizer = load_tokenizer(origin, store, execution)
        return scratch_backbone(origin, tokenizer)
    name, revision = _location(origin, store, execution)
    backbone, info = AutoModel.from_pretrained(
        name,
        revision=revision,
        dtype=torch.float32,
        add_pooling_layer=False,
        output_loading_info=True,
        use_safetensors=True,
        trust_remote_code=False,
    )
    lost = sorted(info["missing_keys"]) + sorted(str(key) for key in info.get("mismatched_keys", ()))
    if lost:
        raise WrongWeights(
            f"{name}: {len(lost)} weights of the backbone are not in the checkpoint or have another shape "
            f"({', '.join(lost[:5])}...): only a task's head may be new"
        )
    return backbone


def scratch_backbone(origin: RandomInit, tokenizer: PreTrainedTokenizerBase) -> PreTrainedModel:
    """A backbone with random weights, drawn from `origin.seed` alone."""
    config = XLMRobertaConfig(
        **{**origin.architecture, "vocab_size": len(tokenizer)},
        pad_token_id=tokenizer.pad_token_id,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
    )
    with seeded(origin.seed, "backbone"):
        return AutoModel.from_config(config, dtype=torch.float32, add_pooling_layer=False)


def load_tokenizer(origin: ModelSource, store: Store, execution: Execution) -> PreTrainedTokenizerBase:
    """The tokenizer that belongs to `origin`."""
    if isinstance(origin, RandomInit):
        origin = CheckpointRef(step=origin.tokenizer)
    name, revision = _location(origin, store, execution)
    return AutoTokenizer.from_pretrained(name, revision=revision, trust_remote_code=False)


@contextmanager
def seeded(seed: int, *names: str) -> Iterator[None]:
    """Draw from a generator that (seed, names) alone decide, and leave the global one as it was."""
    words = hashlib.sha256("/".join((str(seed), *names)).encode()).digest()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(int.from_bytes(words[:8], "little", signed=True))
        yield


def _location(origin: HubModel | LocalModel | CheckpointRef, store: Store, execution: Execution) -> tuple[str, Any]:
    if isinstance(origin, HubModel):
        return origin.hub, origin.revision
    if isinstance(origin, LocalModel):
        try:
            return execution.model_paths[origin.sha256], None
        except KeyError:
            raise WrongWeights(
                f"no place is known for the local model {origin.sha256[:16]}: add it to execution.places"
            ) from None
    if store.weights_dropped(origin.step):
        raise WrongWeights(
            f"{store.locate(origin.step)}: its weights were let go (`keep` in the sweep file); delete this directory "
            "and run its sweep again to have them made anew"
        )
    return str(store.path(origin.step) / MODEL), None
