"""Backbone and head: how a model is made, what crosses from phase to phase, what is written.

The artifact of a training step is a directory `model/` (safetensors, configuration, tokenizer: the backbone, loadable
by `AutoModel.from_pretrained`) and, beside it, `head.safetensors`. Only the backbone crosses phases. It is loaded
before any engine wraps it, and the loader insists that every one of its weights was found: a tensor that is silently
re-initialised would give a plausible, wrong result.
"""

from __future__ import annotations

import logging
import os
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING

import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from trainables.models import dropout
from trainables.models.backbones.modeling import Backbone
from trainables.models.heads import held_elsewhere
from trainables.models.loading import ModelSource, checkpoint_dir, load_backbone, seeded
from trainables.models.recomputation import recompute
from trainables.models.unreadable import WrongWeights
from trainables.recipe.adaptation import Adaptation
from trainables.recipe.execution import Execution
from trainables.recipe.model_source import CheckpointRef
from trainables.recipe.optimisation import Optimisation
from trainables.store import HEAD, Store

if TYPE_CHECKING:  # peft takes seconds to import, and most trainings have no adapters
    from trainables.models.lora import Adapters

log = logging.getLogger(__name__)
NewHead = Callable[[Backbone], nn.Module]
"""Makes a head for a backbone, its weights drawn from torch's global generator."""


class TaskModel(nn.Module):
    """A backbone and the heads of its tasks, mostly of one."""

    def __init__(
        self,
        backbone: Backbone,
        heads: Mapping[str, nn.Module],
        precision: str = "fp32",
        adapters: Adapters | None = None,
    ) -> None:
        super().__init__()
        self.backbone, self.heads, self.precision = backbone.model, nn.ModuleDict(heads), precision
        self._encoder, self.adapters = backbone, adapters
        self.dropout_context: dropout.DropoutContext | None = None
        self._keeps_casts = True

    def kept_parameters(self) -> Iterator[tuple[str, nn.Parameter]]:
        """What it leaves behind: all parameters or, where it has adapters, those that are trained."""
        for name, parameter in self.named_parameters():
            if self.adapters is None or parameter.requires_grad:
                yield name, parameter

    @property
    def adaptation(self) -> dict[str, int] | None:
        """How many parameters the adapters have, and how many the backbone below them; None where there are none."""
        if self.adapters is None:
            return None
        trained = self.adapters.parameters
        every = sum(getattr(one, "ds_numel", one.numel()) for one in self.backbone.parameters())  # divided or not
        return {"trained": trained, "frozen": every - trained}

    @property
    def word_embeddings(self) -> nn.Embedding:
        """The backbone's table of subwords."""
        return self._encoder.word_embeddings

    @property
    def dropped(self) -> str:
        """What else the checkpoint holds that its backbone was read from."""
        return self._encoder.dropped

    def compile_blocks(self, device: str) -> None:
        """Have torch fuse the kernels of a block on `device` (a type): compiled once, for all blocks and all shapes.

        Where nothing is padded, and in evaluation, a block is another graph; each is compiled when it is first met.
        Without the compiler that torch needs, which is said, blocks stay as they are.
        """
        # Inductor's own choice for C++; on a GPU, Triton compiles what starts its kernels.
        cxx = os.environ.get("CXX", "clang++" if sys.platform == "darwin" else "g++")
        wanted = (cxx,) if device == "cpu" else (os.environ.get("CC", "gcc"), "gcc", "clang", "cc")
        if not any(map(shutil.which, wanted)):
            log.warning("compile: there is no compiler (%s), so nothing is compiled; install it", " or ".join(wanted))
            return
        # Two sizes that happen to be equal are not the same size: without this a chance equality compiles anew.
        torch.fx.experimental._config.use_duck_shape = False  # type: ignore[attr-defined]
        torch._dynamo.config.recompile_limit = 32
        for block in self._encoder.blocks:
            block.compile(dynamic=True)

    def halve_matrices(self) -> None:
        """Hold the blocks' matrices that are not trained in bf16, to which computing in bf16 casts them before every
        product: the same numbers from half the memory. What was dropped of their digits does not come back."""
        for module in (module for block in self._encoder.blocks for module in block.modules()):
            if isinstance(module, nn.Linear) and not (module.weight.requires_grad and self.training):
                weight = module.weight
                weight.data = weight.data.bfloat16()
                if (part := getattr(weight, "ds_tensor", None)) is not None:  # this worker's part of it
                    part.data = part.data.bfloat16()

    def recompute_blocks(self) -> None:
        """Keep no activations of blocks for the backward pass, and no weights in bf16 beyond their use."""
        self._keeps_casts = False
        for block in self._encoder.blocks:
            recompute(block)

    def at_update(self, step: int) -> None:
        """Say which update (from 0) is trained, for dropout."""
        if self.dropout_context is not None:
            self.dropout_context.step = step

    def forward(self, batch: Mapping[str, Tensor], head: str) -> Tensor:
        """What `head` makes of `batch` (the backbone's inputs and `attention_mask`: examples × tokens).

        While training with dropout, `batch` also says where it stands: `rows` (sequences) in the global batch.
        """
        if self.dropout_context is not None:
            self.dropout_context.see(batch.get("rows") if self.training else None)
        device = batch["input_ids"].device.type
        # bf16 here is autocast over fp32 weights: the same meaning under every ZeRO stage.
        with torch.autocast(device, torch.bfloat16, self.precision == "bf16", self._keeps_casts):
            if getattr(self.heads[head], "wants_embeddings_only", False):
                hidden = self._encoder.encode_embeddings(batch)
            else:
                hidden = self._encoder.encode(batch, getattr(self.heads[head], "wants_all_layers", False))
            output: Tensor = self.heads[head](hidden, batch)
        if self.training:
            for name, other in self.heads.items():
                if name != head:
                    output = output + _nothing_of(other)
        return output.float()


def _nothing_of(head: nn.Module) -> Tensor:
    """Zero, as a function of all weights of a head that has no turn, and of those that it alone has trained
    (`borrowed`, a tuple of modules).

    So its gradients are zeros. Left alone they would be none, of which each ZeRO stage makes something else: stage 3
    takes those of the step before (DeepSpeed 0.19.8).
    """
    # By attribute, which is where ZeRO-3 brings the weights together.
    modules = (*head.modules(), *getattr(head, "borrowed", ()))
    weights = [getattr(module, name) for module in modules for name, _ in module.named_parameters(recurse=False)]
    return 0.0 * sum((weight.sum() for weight in weights), torch.zeros(()))


def new_task_model(
    backbone: Backbone,
    heads: Mapping[str, NewHead],
    optimisation: Optimisation,
    seed: int,
    adapters: Adapters | None = None,
) -> TaskModel:
    """`backbone`, with `adapters` or without, under new heads, each drawn from `seed` and its name alone, with counter
    dropout in place."""
    modules: dict[str, nn.Module] = {}
    for name, new_head in heads.items():
        with seeded(seed, "head", name):
            modules[name] = new_head(backbone)
    if adapters is not None:
        adapters.freeze_rest()
    model = TaskModel(backbone, modules, optimisation.precision, adapters)
    model.dropout_context = dropout.install(model, backbone, optimisation.dropout, optimisation.attention_dropout)
    model.dropout_context.seed = seed
    return model


def new_adapters(backbone: Backbone, adaptation: Adaptation, start: ModelSource, seed: int, store: Store) -> Adapters:
    """Adapters on `backbone`, drawn from `seed` alone or, where they are carried on, those of the checkpoint `start`.

    Raises WrongTargets, WrongAdapters.
    """
    from trainables.models.lora import Adapters

    with seeded(seed, "adapters"):
        adapters = Adapters.new(backbone, adaptation.lora)
    if adaptation.carried:
        assert isinstance(start, CheckpointRef)
        adapters.load(checkpoint_dir(start, store))
    return adapters


def load_task_model(
    origin: ModelSource, name: str, new_head: NewHead, precision: str, store: Store, execution: Execution
) -> TaskModel:
    """A trained model for evaluation: backbone and head, which is called `name`.

    Raises WrongWeights where the head has weights and `origin` is no training step with a single head.
    """
    backbone = load_backbone(origin, store, execution)
    head = new_head(backbone)
    if any(True for _ in head.parameters()):
        if not isinstance(origin, CheckpointRef):
            raise WrongWeights(f"{name} has a head, which only a training step can have trained")
        weights = load_file(store.path(origin.step) / HEAD)
        names = {key.partition(".")[0] for key in weights}
        if len(names) != 1:
            raise WrongWeights(f"{origin.step} has heads for {', '.join(sorted(names))}: {name} needs just one")
        elsewhere = held_elsewhere(head)
        there = {key: weight for key, weight in head.state_dict().items() if key in elsewhere}
        head.load_state_dict(there | {key.partition(".")[2]: weight for key, weight in weights.items()})
    model = TaskModel(backbone, {name: head}, precision).eval()
    if precision == "bf16":
        model.halve_matrices()
    return model
