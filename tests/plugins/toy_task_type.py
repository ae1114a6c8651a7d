"""A plug-in: a task type that this project does not have (one number for a sentence), and a task of that type."""

from __future__ import annotations

import torch
from torch import nn

from trainables.metrics.by_example import right_answers
from trainables.models.pooling import mean_pool
from trainables.task_types import ID, Column, HeadWork, Length, TaskType, register
from trainables.task_types.modeling import TaskModeling
from trainables.tasks import register_task
from trainables.tasks.hyperparameters import Defaults
from trainables.tasks.task import Task


class Counting(TaskType):
    """How many words a sentence has; right is what is nearest to the number."""

    name = "toy-counting"
    modeling_class = f"{__name__}:CountingModeling"
    columns = {"id": ID, "sentence": Column(identity=True), "count": Column(label=True)}
    usual_length = Length(9.0)

    def is_labelled(self, row):
        return bool(row["count"])

    def misplaced(self, row):
        return bool(row["count"]) and int(row["count"]) != len(row["sentence"].split())

    def forward_flops(self, blocks, head: HeadWork):
        return blocks + head.per_sequence(1)

    def measure(self, task, language, rows):
        ids, gold = rows["id"][:], [int(count) for count in rows["count"][:]]
        return ids, lambda predictions: {"accuracy": right_answers([predictions[name] for name in ids], gold)}


class NumberHead(nn.Module):
    """One number from the mean of a sentence's states."""

    def __init__(self, hidden):
        super().__init__()
        self.out = nn.Linear(hidden, 1)

    def forward(self, hidden, batch):
        return self.out(mean_pool(hidden.last_hidden_state, batch["attention_mask"])).squeeze(-1)


class CountingModeling(TaskModeling):
    def encode(self, examples, encoder, task, max_length):
        texts = encoder(examples["sentence"][:], truncation=True, max_length=max_length)
        counts = [float(count or -1) for count in examples["count"][:]]
        return [{**text, "example": i, "count": counts[i]} for i, text in enumerate(texts)]

    def head(self, backbone, task, dropout):
        return NumberHead(backbone.shape.hidden)

    def collate(self, features, pad_id):
        return {**super().collate(features, pad_id), "counts": torch.tensor([one["count"] for one in features])}

    def loss(self, output, batch):
        return (output - batch["counts"]).square().sum()

    def postprocess(self, output, batch):
        return output.round().int().tolist()

    def predict(self, outputs, task, context):
        return dict(zip(outputs.examples["id"][:], outputs.values, strict=True))

    def score(self, predictions, examples, task, language):
        gold = examples["count"][:]
        if not all(gold):
            return {}
        right = [predictions[name] == int(count) for name, count in zip(examples["id"][:], gold, strict=True)]
        return {"accuracy": 100 * sum(right) / len(right)}


register(Counting())
register_task(
    Task(
        name="toy-words",
        type=Counting.name,
        languages=("en", "de"),
        trains_on=("toy-words",),
        has_train=True,
        main_metrics=("accuracy",),
        settings={"own": Defaults(max_length=32, batch_size=8, learning_rate=1e-2, epochs=2)},
    )
)
