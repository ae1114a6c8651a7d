"""Image-text alignment: two towers, one vector for each side, a loss over all pairs of the global batch.

The text tower is the backbone, and what goes on to the next phase; the vision tower, both projections, the temperature
and (of the sigmoid loss) the bias are the head. Captions are mean-pooled over the last block, as M-CLIP's text tower is
(Carlsson et al. 2022): a vector that depends on every state that later heads read.

Rows of a batch may have the same image (captions in several languages) or the same caption. Such pairs are not each
other's wrong answers: they are left out of the loss.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from datasets import Dataset
from torch import Tensor, nn
from torch.nn import functional as F

from trainables.metrics.recall import rank_of_best
from trainables.models.backbones.modeling import Backbone, mean_pool
from trainables.models.inputs import InputEncoder
from trainables.models.vision.tower import Tower, load_shape, load_tower
from trainables.recipe.execution import Execution
from trainables.recipe.tasks import TaskSpec
from trainables.recipe.vision import Alignment
from trainables.task_types.image_text.losses import INFONCE, SIGMOID, clamped, infonce, sigmoid
from trainables.task_types.image_text.schema import AT, SIDES
from trainables.task_types.modeling import Feature, ModelOutputs, Prediction, TaskModeling

PIXELS = "pixels"


class AlignmentHead(nn.Module):
    """Projections of both sides, temperature and bias, and the vision tower, which is put there afterwards: the text
    side's weights are drawn first, so they are the same whatever the tower.

    Args:
        text, image: widths of what is projected.
    """

    tower: Tower

    def __init__(self, text: int, image: int, alignment: Alignment) -> None:
        super().__init__()
        self.text_projection = nn.Linear(text, alignment.width, bias=False)
        self.image_projection = nn.Linear(image, alignment.width, bias=False)
        scale, bias = SIGMOID if alignment.loss == "sigmoid" else (INFONCE, None)
        self.log_scale = nn.Parameter(torch.tensor([scale]))
        self.bias = None if bias is None else nn.Parameter(torch.tensor([bias]))

    def forward(self, hidden: Any, batch: Mapping[str, Tensor]) -> Tensor:
        """Of each row the unit vectors of caption and image and, so that the loss needs no parameter of its own, the
        logarithm of the scale and (of the sigmoid loss) the bias: (rows x (2 width + 1 or 2)), in fp32."""
        pooled = mean_pool(hidden.last_hidden_state, batch["attention_mask"])
        sides = self.text_projection(pooled), self.image_projection(self.tower(batch[PIXELS]))
        vectors = [F.normalize(side.float(), dim=-1) for side in sides]
        numbers = [clamped(self.log_scale.float())] + ([] if self.bias is None else [self.bias.float()])
        return torch.cat([*vectors, *(one.expand(len(pooled), 1) for one in numbers)], dim=1)


class ImageText(TaskModeling):
    def encode(self, examples: Dataset, encoder: InputEncoder, task: TaskSpec, max_length: int) -> list[Feature]:
        """The captions; which image each has is added by `trainables.data.images`."""
        sequences = encoder(examples["text"][:], truncation=True, max_length=max_length)
        return [{**inputs, "example": i} for i, inputs in enumerate(sequences)]

    def new_head(self, backbone: Backbone, task: TaskSpec, dropout: float, execution: Execution) -> nn.Module:
        assert task.alignment is not None
        alignment = task.alignment
        shape, _ = load_shape(alignment.tower, execution)
        head = AlignmentHead(backbone.shape.hidden, shape.hidden, alignment)
        head.tower = load_tower(alignment.tower, alignment.frozen, execution)
        return head

    def head(self, backbone: Backbone, task: TaskSpec, dropout: float) -> nn.Module:
        return self.new_head(backbone, task, dropout, Execution())

    def collate(self, features: Sequence[Feature], pad_id: int) -> dict[str, Tensor]:
        shapes = [(feature["height"], feature["width"], 3) for feature in features]
        pixels = [
            np.frombuffer(feature[PIXELS], np.uint8).reshape(shape)
            for feature, shape in zip(features, shapes, strict=True)
        ]
        return {**super().collate(features, pad_id), PIXELS: torch.from_numpy(np.stack(pixels))}

    def targets(self, features: Sequence[Feature]) -> dict[str, Tensor]:
        """Numbers of the images and captions of a whole batch: equal ones have equal numbers."""
        captions: dict[tuple[int, ...], int] = {}
        texts = [captions.setdefault(tuple(feature["input_ids"]), len(captions)) for feature in features]
        images = [feature["image"] for feature in features]
        return {"image": torch.tensor(images), "caption": torch.tensor(texts)}

    def loss(self, output: Tensor, batch: Mapping[str, Tensor]) -> Tensor:
        # An odd number of columns: two vectors and the scale; an even one: the bias, too.
        width = (output.shape[1] - 1) // 2
        text, image, numbers = output[:, :width], output[:, width : 2 * width], output[0, 2 * width :]
        logits = numbers[0].exp() * text @ image.T
        same = torch.zeros_like(logits, dtype=torch.bool)
        for name in ("image", "caption"):
            ids = batch[name].to(output.device)
            same |= ids.unsqueeze(0) == ids.unsqueeze(1)
        same.fill_diagonal_(False)
        return infonce(logits, same) if len(numbers) == 1 else sigmoid(logits + numbers[1], same)

    def postprocess(self, output: Tensor, batch: Mapping[str, Tensor]) -> list[Any]:
        """Both vectors of each row (2 x width)."""
        width = (output.shape[1] - 1) // 2
        return list(output[:, : 2 * width].unflatten(1, (2, width)).float().cpu().numpy())

    def predict(
        self, outputs: ModelOutputs, task: TaskSpec, context: Mapping[str, ModelOutputs]
    ) -> dict[str, Prediction]:
        """Of each row the rank of its image among all images and, of the first row of an image, the best rank that a
        caption of it has among all captions; from 1, and of equally near ones the right one is last."""
        ids, owner = outputs.examples["id"][:], outputs.features["example"][:]
        images = np.unique(np.array(outputs.features["image"][:]), return_inverse=True)[1]
        vectors = np.stack(list(outputs.values))
        _, first = np.unique(images, return_index=True)
        captions, pictures = vectors[:, 0], vectors[first, 1]
        by_caption = rank_of_best(captions, pictures, [[image] for image in images.tolist()])
        rows_of: list[list[int]] = [[] for _ in first]
        for row, image in enumerate(images.tolist()):
            rows_of[image].append(row)
        by_image = dict(zip(first.tolist(), rank_of_best(pictures, captions, rows_of), strict=True))
        return {
            ids[owner[row]]: {"image": rank, **({"caption": by_image[row]} if row in by_image else {})}
            for row, rank in enumerate(by_caption)
        }

    def score(
        self, predictions: Mapping[str, Prediction], examples: Dataset, task: TaskSpec, language: str
    ) -> dict[str, float]:
        """Recall at 1, 5 and 10 of both directions, in percent: captions that find their image, images that find a
        caption of theirs."""
        scores = {}
        for side in SIDES:
            ranks = [found[side] for found in predictions.values() if side in found]
            for k in AT:
                scores[f"{side}_recall@{k}"] = 100.0 * sum(rank <= k for rank in ranks) / len(ranks)
        return scores
