"""Low-rank adapters on a backbone, by peft: how they are put there, what of them is written, and how they are merged.

peft changes the encoder in place: each targeted linear module becomes one that holds the old as `base_layer` beside the
two narrow matrices. So a backbone stays what it is to whatever runs it, packs its tokens or compiles its blocks.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from peft import LoraConfig, LoraModel
from peft.tuners.lora import LoraLayer
from peft.utils import set_peft_model_state_dict
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from trainables.failure import NonRetryable
from trainables.models.backbones.modeling import Backbone
from trainables.models.divided import whole
from trainables.models.lora_shape import mend, without_match
from trainables.outside.text import bounded, shown
from trainables.recipe.adaptation import ATTENTION, Lora

WEIGHTS = "adapter_model.safetensors"
"""What peft calls the file of an adapter's weights."""
BASE = "base.json"
"""Beside them: what the adapter lies on."""
NAME = "default"
"""What peft calls the one adapter that there is, in the names of modules alone."""
PREFIX = "base_model.model."
"""What the names of an adapter's weights begin with."""


class WrongTargets(NonRetryable, ValueError):
    """Targets that are no linear modules of the model."""


class WrongAdapters(NonRetryable, RuntimeError):
    """Adapters that cannot be read, or that do not fit the model that they are to lie on."""


class Adapters:
    """The adapters of one backbone."""

    def __init__(self, backbone: Backbone, config: LoraConfig) -> None:
        self._backbone, self._config = backbone, config
        self._trainable = [parameter for parameter in backbone.model.parameters() if parameter.requires_grad]
        self._tuner = LoraModel(backbone.model, config, NAME)
        if config.lora_dropout:
            for path, layer in self._layers():
                layer.lora_dropout[NAME] = backbone.adapter_dropout(path, config.lora_dropout)

    @classmethod
    def new(cls, backbone: Backbone, lora: Lora) -> Adapters:
        """New ones, drawn from torch's global generator; all other weights of the backbone are frozen from then on.

        Raises WrongTargets.
        """
        config = LoraConfig(
            r=lora.rank,
            lora_alpha=int(lora.alpha) if lora.alpha == int(lora.alpha) else lora.alpha,  # type: ignore[arg-type]
            lora_dropout=lora.dropout,
            target_modules=_modules(backbone, lora),
            # As peft writes it: which class of transformers opens what they lie on.
            auto_mapping={
                "base_model_class": type(backbone.model).__name__,
                "parent_library": type(backbone.model).__module__,
            },
        )
        return cls(backbone, config)

    @classmethod
    def read(cls, backbone: Backbone, directory: Path) -> Adapters:
        """Those of a directory, put on a backbone of which they have been trained. Raises WrongAdapters."""
        try:
            adapters = cls(backbone, LoraConfig.from_pretrained(str(directory)))
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise WrongAdapters(
                bounded(f"{directory}: no adapters that fit the model ({error}); give a sound copy")
            ) from error
        adapters.load(directory)
        return adapters

    def load(self, directory: Path) -> None:
        """Take on the weights of adapters of the same shape. Raises WrongAdapters."""
        try:
            found = load_file(directory / WEIGHTS)
        except Exception as error:
            raise WrongAdapters(
                bounded(f"{directory / WEIGHTS}: cannot be read ({error}); give a sound copy")
            ) from error
        wanted = {_outer(name): weight.shape for name, weight in self._weights()}
        if {name: weight.shape for name, weight in found.items()} != wanted:
            odd = sorted(wanted.keys() ^ found.keys()) or ["other shapes"]
            raise WrongAdapters(
                bounded(f"{directory / WEIGHTS}: not the adapters of this model ({', '.join(odd[:3])}); give those")
            )
        set_peft_model_state_dict(self._backbone.model, found, NAME)

    def merge(self) -> None:
        """Add what the adapters do to the weights below them, and take them away; what was trainable before they were
        there is so again."""
        for _, layer in self._layers():
            below = layer.get_base_layer()
            assert isinstance(below, nn.Linear)
            with whole(below.weight, changed=True):
                layer.merge()  # type: ignore[attr-defined]
        self._tuner.unload()
        vars(self._backbone.model).pop("peft_config", None)
        for parameter in self._trainable:
            parameter.requires_grad_(True)

    def freeze_rest(self) -> None:
        """Freeze what else of the backbone has become trainable: a head may have asked for it."""
        self._backbone.model.requires_grad_(False)
        for _, weight in self._weights():
            weight.requires_grad_(True)

    def save(self, directory: Path, weights: Mapping[str, Tensor], base: Mapping[str, Any]) -> None:
        """Write them as peft does, to be read by `PeftModel.from_pretrained`.

        Args:
            weights: of the backbone, by its own names: those of the adapters are written.
            base: what they lie on.
        """
        directory.mkdir(parents=True, exist_ok=True)
        found = {_outer(name): weights[name].contiguous() for name, _ in self._weights()}
        save_file(found, directory / WEIGHTS, metadata={"format": "pt"})
        _write_config(directory, self._config, base)

    def _layers(self) -> Iterator[tuple[str, LoraLayer]]:
        return ((path, one) for path, one in self._backbone.model.named_modules() if isinstance(one, LoraLayer))

    def _weights(self) -> Iterator[tuple[str, nn.Parameter]]:
        for path, layer in self._layers():
            for part in ("lora_A", "lora_B"):
                yield f"{path}.{part}.{NAME}.weight", getattr(layer, part)[NAME].weight

    @property
    def parameters(self) -> int:
        """How many numbers they are."""
        return sum(weight.numel() for _, weight in self._weights())


def readdressed(directory: Path, base: Mapping[str, Any]) -> None:
    """Have the adapters in a directory say that they lie on `base`."""
    _write_config(directory, LoraConfig.from_pretrained(str(directory)), base)


def _write_config(directory: Path, config: LoraConfig, base: Mapping[str, Any]) -> None:
    """Write what adapters are and lie on: `base` as JSON, and in peft's own field the name by which it is opened."""
    config.base_model_name_or_path, config.revision = base.get("name"), base.get("revision")
    config.inference_mode = True
    # A set has its order from the process.
    config.target_modules = sorted(config.target_modules or ())
    config.save_pretrained(str(directory))
    (directory / BASE).write_text(json.dumps(base, indent=1, sort_keys=True) + "\n")


def _modules(backbone: Backbone, lora: Lora) -> str | list[str]:
    """What peft is told to target. Raises WrongTargets."""
    paths = [path for path, module in backbone.model.named_modules() if isinstance(module, nn.Linear)]
    if lora.targets == ATTENTION:
        linears = backbone.type.linears(backbone.model.config.to_dict(), backbone.shape)
        names = [linear.short for linear in linears if linear.attention]
        if not names:
            raise WrongTargets(
                f"adaptation.lora.targets: {ATTENTION}, but the projections of a {backbone.type.model_type} model are "
                f"not known by name; {mend('', paths)}"
            )
        return names
    if isinstance(lora.targets, str):
        return lora.targets
    if lost := without_match(lora.targets, paths):
        raise WrongTargets(
            bounded(
                f"adaptation.lora.targets: {shown(lost[0])} matches no linear module of the {backbone.type.model_type} "
                f"model; {mend(lost[0], paths)}"
            )
        )
    return list(lora.targets)


def _outer(name: str) -> str:
    """What peft's files call a weight that the encoder calls `name`."""
    return PREFIX + name.replace(f".{NAME}.", ".")
