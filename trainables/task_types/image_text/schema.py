"""Image-text alignment: a caption shall be nearer to its image than to another one."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from trainables.task_types.base import ID, Column, HeadWork, Length, Measure, Row, TaskType

if TYPE_CHECKING:
    import datasets

    from trainables.metrics.by_example import Shares
    from trainables.recipe.tasks import TaskSpec

AT = (1, 5, 10)
SIDES = ("image", "caption")
"""What is looked for: the image of a caption, or a caption of an image."""
METRICS = tuple(f"{side}_recall@{k}" for side in SIDES for k in AT)


class ImageText(TaskType):
    """A row is an image and one caption of it; an image with several captions stands in several rows."""

    name = "image-text"
    modeling_class = "trainables.task_types.image_text.modeling:ImageText"
    columns = {"id": ID, "image": Column("image", identity=True), "text": Column(identity=True)}
    usual_length = Length(16.0)
    usual_metrics = METRICS
    loss_over_batch = True
    searches = True
    ranks_its_rows = True

    def key(self, row: Row) -> tuple[str, ...]:
        return hashlib.sha256(row["image"]["bytes"]).hexdigest(), row["text"]

    def forward_flops(self, blocks: float, head: HeadWork) -> float:
        return blocks + head.images

    def measure(self, task: TaskSpec, language: str, rows: datasets.Dataset) -> tuple[list[str], Measure]:
        import numpy as np

        from trainables.metrics.by_example import Shares

        ids: list[str] = rows["id"][:]

        def measure(predictions: Mapping[str, Any]) -> dict[str, Shares]:
            shares = {}
            for side in SIDES:
                ranks = [predictions[name].get(side) for name in ids]
                under = np.array([[float(rank is not None) for rank in ranks]])
                for k in AT:
                    over = np.array([[float(rank is not None and rank <= k) for rank in ranks]])
                    shares[f"{side}_recall@{k}"] = Shares(over, under)
            return shares

        return ids, measure
