"""Loading a backbone and its tokenizer. Every weight of the architecture must be in the checkpoint."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from transformers import CONFIG_MAPPING, AutoConfig, PreTrainedConfig, PreTrainedTokenizerBase
from transformers.utils import cached_file

from trainables.models.backbones import (
    ADAPTER_CONFIG,
    CONFIG,
    BackboneType,
    UnsupportedModel,
    backbone_type_of,
    get_backbone_type,
    read_whole_config,
)
from trainables.models.backbones.modeling import Backbone
from trainables.models.backbones.text_towers import TOWERS, tower_config
from trainables.models.converted import converted
from trainables.models.gguf import gguf_of
from trainables.models.tokenizer_files import read_tokenizer
from trainables.models.unreadable import WrongWeights, in_one_line
from trainables.outside.text import bounded
from trainables.recipe.execution import Execution
from trainables.recipe.model_source import CheckpointRef, HubModel, LocalModel, RandomInit
from trainables.store import MODEL, Store

ModelSource = HubModel | LocalModel | RandomInit | CheckpointRef


def load_backbone(origin: ModelSource, store: Store, execution: Execution) -> Backbone:
    """The backbone of `origin` on the CPU in fp32.

    A checkpoint of adapters is loaded as the model that they lie on, with them merged into it.

    Raises WrongWeights when a weight of the architecture is not in the checkpoint, UnsupportedModel when it is an
    encoder of no kind that is known here, and WrongAdapters where adapters do not fit.
    """
    if isinstance(origin, CheckpointRef) and origin.over is not None:
        from trainables.models.lora import Adapters

        backbone = load_backbone(origin.over, store, execution)
        Adapters.read(backbone, checkpoint_dir(origin, store)).merge()
        return backbone
    backbone_type = load_backbone_type(origin, store, execution)
    if isinstance(origin, RandomInit):
        return _random_backbone(origin, backbone_type, load_tokenizer(origin, store, execution))
    name, revision = location(origin, store, execution)
    if (Path(name) / ADAPTER_CONFIG).is_file():
        raise WrongWeights(bounded(f"{name}: holds low-rank adapters alone; say what they lie on (CheckpointRef.over)"))
    modeling = backbone_type.modeling()
    whole = _whole_config(origin, store, execution) or {}
    options, tower = dict(modeling.load_options), TOWERS.get(whole["model_type"])
    if tower is not None and tower.weights:
        config = AutoConfig.for_model(**tower_config(whole))
        options |= {"config": config, "key_mapping": dict(tower.weights)}
    else:
        options |= _changed(whole, origin, backbone_type)
    with in_one_line(WrongWeights, f"{name}: its weights cannot be loaded", "give a sound copy", revision is not None):
        model, info = modeling.auto_class.from_pretrained(
            name,
            revision=revision,
            dtype=torch.float32,
            output_loading_info=True,
            trust_remote_code=False,
            use_safetensors=True,
            **options,
        )
    if "key_mapping" in options:  # transformers would write the weights under the names that it has read
        del model._weight_conversions
    elif conversions := getattr(model, "_weight_conversions", None):
        # Names by which weights are written again: where weights are divided, transformers (5.23) keeps all that there
        # ever were of the architecture, and not only those that this checkpoint has.
        model._weight_conversions = [one for one in conversions if one.was_used()]
    missing = sorted(info["missing_keys"]) + sorted(str(key) for key in info.get("mismatched_keys", ()))
    model, lost = modeling.kept(model, missing)
    if lost:
        raise WrongWeights(
            f"{name}: {len(lost)} weights of the backbone are not in the checkpoint or have another shape "
            f"({', '.join(lost[:5])}...): only a task's head may be new"
        )
    found = modeling(model, backbone_type)
    found.dropped = "" if tower is None else tower.dropped
    return found


def _random_backbone(origin: RandomInit, backbone_type: BackboneType, tokenizer: PreTrainedTokenizerBase) -> Backbone:
    """A backbone with random weights, drawn from `origin.seed` alone."""
    architecture = {key: value for key, value in origin.architecture.items() if key != "model_type"}
    modeling = backbone_type.modeling()
    what = f"the architecture is none that a {backbone_type.model_type} model can have"
    with in_one_line(UnsupportedModel, what, "change it in the sweep file"), seeded(origin.seed, "backbone"):
        config = AutoConfig.for_model(
            backbone_type.model_type,
            **{**architecture, **_seeing(origin, backbone_type), "vocab_size": len(tokenizer)},
            pad_token_id=None if tokenizer.pad_token_id == tokenizer.eos_token_id else tokenizer.pad_token_id,
            bos_token_id=tokenizer.bos_token_id,
            eos_token_id=tokenizer.eos_token_id,
        )
        made = modeling.auto_class.from_config(config, dtype=torch.float32, **modeling.load_options)
        model, _ = modeling.kept(made, ())
    return modeling(model, backbone_type)


def _seeing(origin: ModelSource, backbone_type: BackboneType) -> Mapping[str, Any]:
    """The fields of a configuration that give the attention that `origin` asks for; none where it does not. What a
    step leaves has them in its configuration."""
    attention = None if isinstance(origin, CheckpointRef) else origin.attention
    return {} if attention is None else backbone_type.seeing(attention)


def _changed(
    config: Mapping[str, Any], origin: ModelSource, backbone_type: BackboneType
) -> Mapping[str, PreTrainedConfig]:
    """A configuration in place of the one that lies beside the weights, as an option of transformers' loaders."""
    wanted = {**backbone_type.of_text(config), **_seeing(origin, backbone_type)}
    if wanted == config:
        return {}
    return {"config": CONFIG_MAPPING[wanted["model_type"]].from_dict(wanted)}


def load_backbone_type(origin: ModelSource, store: Store, execution: Execution) -> BackboneType:
    """The kind of encoder that `origin` is or, where it is a tokenizer that a step has trained, is made for.

    Raises UnsupportedModel.
    """
    if isinstance(origin, RandomInit):
        return backbone_type_of(origin.architecture, "the architecture")
    config = load_config(origin, store, execution)
    if config is None:
        assert isinstance(origin, CheckpointRef)
        return get_backbone_type(store.record(origin.step)["recipe"].get("model_type"))
    return backbone_type_of(config, location(origin, store, execution)[0])


def load_config(origin: ModelSource, store: Store, execution: Execution) -> dict[str, Any] | None:
    """The configuration of `origin`, of several towers that of the text tower; None where it has none: a model from
    nothing, or a tokenizer alone.

    Raises UnsupportedModel when it cannot be read.
    """
    whole = _whole_config(origin, store, execution)
    return None if whole is None else dict(tower_config(whole))


def _whole_config(origin: ModelSource, store: Store, execution: Execution) -> dict[str, Any] | None:
    if isinstance(origin, RandomInit):
        return None
    name, revision = location(origin, store, execution)
    file = Path(cached_file(name, CONFIG, revision=revision) if isinstance(origin, HubModel) else Path(name) / CONFIG)
    if isinstance(origin, CheckpointRef) and not file.exists():  # a tokenizer alone
        return None
    return read_whole_config(file, name)


def load_tokenizer(origin: ModelSource, store: Store, execution: Execution) -> PreTrainedTokenizerBase:
    """The tokenizer that belongs to `origin`. Raises WrongTokenizer where it cannot be read."""
    if isinstance(origin, RandomInit):
        origin = CheckpointRef(step=origin.tokenizer)
    name, revision = location(origin, store, execution)
    return read_tokenizer(name, revision)


@contextmanager
def seeded(seed: int, *names: str) -> Iterator[None]:
    """Draw from a generator that (seed, names) alone decide, and leave the global one as it was."""
    words = hashlib.sha256("/".join((str(seed), *names)).encode()).digest()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(int.from_bytes(words[:8], "little", signed=True))
        yield


def location(origin: HubModel | LocalModel | CheckpointRef, store: Store, execution: Execution) -> tuple[str, Any]:
    """Where the files of `origin` are: a hub id and a revision, or a directory of this machine and None; they are
    brought there, from a remote store or out of a GGUF file, where they are not. Raises WrongWeights and StoreError."""
    if isinstance(origin, HubModel):
        return origin.hub, origin.revision
    if isinstance(origin, LocalModel):
        try:
            path = execution.model_paths[origin.sha256]
        except KeyError:
            raise WrongWeights(
                f"no place is known for the local model {origin.sha256[:16]}: add it to execution.places"
            ) from None
        gguf = gguf_of(Path(path))
        return (path if gguf is None else str(converted(gguf, origin.sha256))), None
    return str(checkpoint_dir(origin, store)), None


def checkpoint_dir(origin: CheckpointRef, store: Store) -> Path:
    """The local directory of what a step has under `model/`. Raises WrongWeights where it was dropped."""
    if store.weights_dropped(origin.step):
        raise WrongWeights(
            f"{store.locate(origin.step)}: its weights were dropped (`keep` in the sweep file); delete this directory "
            "and run its sweep again to make them again"
        )
    return store.path(origin.step) / MODEL
