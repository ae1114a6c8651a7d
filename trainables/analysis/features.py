"""What analyses read: subwords and vectors of rows as text, and vectors of what a task labels.

Both go through the model as an evaluation does (`trainables.evaluation.inference`), in fp32 whatever trainings compute
in."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from trainables.data.prepare import drawn, load_split
from trainables.evaluation.inference import Batching, infer
from trainables.models.backbones.modeling import Backbone
from trainables.models.inputs import load_input_encoder
from trainables.models.loading import load_backbone, load_tokenizer
from trainables.models.pooling import LayerPooling
from trainables.models.task_model import TaskModel, load_task_model
from trainables.recipe.analyses import EmbedRecipe, TransferabilityRecipe
from trainables.recipe.execution import Execution
from trainables.recipe.recipes import DataRecipe
from trainables.recipe.tasks import PoolingConfig, TaskSpec
from trainables.store import Store
from trainables.task_types import get_task_type
from trainables.task_types.modeling import Feature, TaskModeling, pad_inputs

Floats = NDArray[np.floating[Any]]
HEAD = "features"
"""What the models here call their only head."""


@dataclass(frozen=True)
class Embedded:
    """Rows of text, as analyses read them."""

    vectors: Floats
    """(rows, hidden), float32."""
    texts: NDArray[np.uint64]
    """(rows,) a digest of each row's text."""
    subwords: dict[int, int]
    """How often each subword is in the rows, by its id; no special tokens."""
    layer: int
    """The block whose output was read."""


@dataclass(frozen=True)
class Labelled:
    """What a task labels in some rows (the rows themselves, their words or choices), as a model sees it."""

    features: Floats
    """(labelled, hidden): the states at the last block that heads read."""
    labels: NDArray[np.integer[Any]]
    """(labelled,) numbers of labels; of choices 1 for the right one, 0 for others."""
    source: Floats | None
    """(labelled, source labels): probabilities by the model's own head; None: it was not asked."""
    rows: int


class TextRows:
    """Batches of rows of text, one vector for each (`trainables.evaluation.inference.Batching`)."""

    def collate(self, features: Sequence[Feature], pad_id: int) -> dict[str, Tensor]:
        return pad_inputs(features, pad_id)

    def postprocess(self, output: Tensor, batch: Mapping[str, Tensor]) -> list[Any]:
        return list(output.cpu().numpy())


class LabelledUnits:
    """Batches of a task that labels rows, words or choices; of each feature the states of all that has a label, and the
    labels. Of choices each is one, labelled 1 where it is the right one and 0 elsewhere: a head scores each by its own
    state (Radford et al. 2018, Improving Language Understanding by Generative Pre-Training, section 3.3).

    Args:
        modeling: of the task.
    """

    def __init__(self, modeling: TaskModeling) -> None:
        self._modeling = modeling

    def collate(self, features: Sequence[Feature], pad_id: int) -> dict[str, Tensor]:
        return self._modeling.collate(features, pad_id)

    def postprocess(self, output: Tensor, batch: Mapping[str, Tensor]) -> list[Any]:
        labels = batch["labels"].cpu()
        if self._modeling.type.chooses:
            choices = zip(output.cpu().split(batch["choices"].tolist()), labels, strict=True)
            return [_chosen_or_not(states.numpy(), int(right)) for states, right in choices]
        if labels.dim() == 1:  # of sequences; else of each token
            labels, output = labels.unsqueeze(1), output.unsqueeze(1)
        rows = zip(output.cpu().numpy(), labels.numpy(), strict=True)
        return [(states[known >= 0], known[known >= 0]) for states, known in rows]


def _chosen_or_not(states: Floats, right: int) -> tuple[Floats, NDArray[np.integer[Any]]]:
    """The states of a row's choices, and which of them is the right one; nothing where that is not known."""
    known = len(states) if right >= 0 else 0
    return states[:known], (np.arange(known) == right).astype(int)


class StatesHead(nn.Module):
    """What heads read, as it is: of each sequence one vector, or with `words` one of each token. No parameters."""

    def __init__(self, words: bool) -> None:
        super().__init__()
        self._words = words

    def forward(self, hidden: Any, batch: Mapping[str, Tensor]) -> Tensor:
        states: Tensor = hidden.last_hidden_state if self._words else hidden.sentence
        return states


def embed(recipe: EmbedRecipe, store: Store, execution: Execution, check_stop: Callable[[], None]) -> Embedded:
    """Encode rows as plain texts, whatever their task makes of them, and run the model over them.

    The text of a row is that of its text columns, joined by spaces: so a pair, a question with its context and a
    sentence differ by what they say, not by how their tasks put them before a model. Subwords are counted in whole
    texts; the model reads `max_length` of them.
    """
    texts = texts_of(store, recipe.data, recipe.split, recipe.limit)
    encoder = load_input_encoder(recipe.model, store, execution)
    counts = Counter(subword for subwords in encoder.subwords(texts) for subword in subwords)
    backbone = load_backbone(recipe.model, store, execution)
    layer = backbone.shape.layers if recipe.layer is None else recipe.layer
    pooling = LayerPooling(backbone, PoolingConfig(layer=layer))
    features = encoder(texts, truncation=True, max_length=recipe.max_length)
    model = TaskModel(backbone, {HEAD: pooling}).eval()
    vectors = _run(model, features, TextRows(), recipe, store, execution, check_stop)
    digests = [int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "little") for text in texts]
    return Embedded(np.stack(vectors).astype(np.float32), np.array(digests, dtype=np.uint64), dict(counts), layer)


def texts_of(store: Store, steps: Sequence[str], split: str, limit: int) -> list[str]:
    """The texts of a split of some data steps, a text for each row, in all languages one after the other; of more rows
    than `limit` so many, drawn by position."""
    parts: list[tuple[Any, tuple[str, ...]]] = []
    for step in steps:
        data = DataRecipe.model_validate(store.record(step)["recipe"])
        columns = get_task_type(data.task.type).texts
        parts += [(load_split(store, step, rows.name)[1], columns) for rows in data.rows if rows.split == split]
    total = sum(len(examples) for examples, _ in parts)
    chosen = np.array(drawn(total, limit) if limit < total else range(total), dtype=int)
    found, first = [], 0
    for examples, columns in parts:  # what is not drawn is not read: train sets are large
        numbers = chosen[(chosen >= first) & (chosen < first + len(examples))] - first
        rows = examples.select(numbers.tolist())
        found += [" ".join(_words(side)) for side in zip(*(rows[name][:] for name in columns), strict=True)]
        first += len(examples)
    return found


def _words(values: Sequence[Any]) -> list[str]:
    return [text for value in values for text in (value if isinstance(value, list) else [value]) if text]


def labelled(
    recipe: TransferabilityRecipe, store: Store, execution: Execution, check_stop: Callable[[], None]
) -> Labelled:
    """Run a checkpoint over labelled rows of a task, encoded as that task is, under its own old head or none."""
    task_type = get_task_type(recipe.task.type)
    model = _model_of(recipe, task_type.labels_words, store, execution)
    features, examples = load_split(store, recipe.data, f"{recipe.split}-{recipe.language}")
    chosen = set(drawn(len(examples), recipe.limit)) if recipe.limit < len(examples) else set(range(len(examples)))
    kept = [number for number, example in enumerate(features["example"][:]) if example in chosen]
    units = LabelledUnits(task_type.modeling())
    found = _run(model, features.select(kept).to_list(), units, recipe, store, execution, check_stop)
    states = np.concatenate([states for states, _ in found])
    labels = np.concatenate([labels for _, labels in found])
    if recipe.source is None:
        return Labelled(states, labels, None, len(chosen))
    width = len(recipe.source.labels)
    return Labelled(states[:, :-width], labels, states[:, -width:], len(chosen))


def _model_of(recipe: TransferabilityRecipe, words: bool, store: Store, execution: Execution) -> TaskModel:
    """The checkpoint under a head that gives states, and behind them what its own head says, where it is asked."""
    if recipe.source is None:
        return load_task_model(recipe.model, HEAD, lambda _: StatesHead(words), "fp32", store, execution)
    source: TaskSpec = recipe.source
    modeling = get_task_type(source.type).modeling()

    def own_head(backbone: Backbone) -> nn.Module:
        return modeling.head(backbone, source, 0.0)

    model = load_task_model(recipe.model, HEAD, own_head, "fp32", store, execution)
    model.heads[HEAD].register_forward_hook(_beside_states(words))
    return model


def _beside_states(words: bool) -> Callable[[nn.Module, tuple[Any, ...], Tensor], Tensor]:
    """A hook of a head: the states that it has read, then its softmax."""
    head = StatesHead(words)

    def hook(module: nn.Module, read: tuple[Any, ...], output: Tensor) -> Tensor:
        return torch.cat([head(*read).float(), output.float().softmax(-1)], -1)

    return hook


def _run(
    model: TaskModel,
    features: Sequence[Feature],
    batching: Batching,
    recipe: EmbedRecipe | TransferabilityRecipe,
    store: Store,
    execution: Execution,
    check_stop: Callable[[], None],
) -> list[Any]:
    device = torch.device("cuda" if torch.cuda.is_available() and execution.gpus_per_worker else "cpu")
    model.to(device)

    def forward(batch: dict[str, Tensor]) -> Tensor:
        check_stop()
        output: Tensor = model(batch, HEAD)
        return output

    return infer(
        forward,
        features,
        batching,
        int(load_tokenizer(recipe.model, store, execution).pad_token_id),
        execution.micro_batch_tokens,
        place=lambda batch: {name: tensor.to(device) for name, tensor in batch.items()},
    )
