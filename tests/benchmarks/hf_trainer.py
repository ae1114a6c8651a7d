"""HF Trainer with its best options: the fused AdamW, rows grouped by length, dynamic padding."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import datasets
import torch
from common import forget_peak, moment, peak_memory
from rows import WORKS, Job
from transformers import (
    DataCollatorForTokenClassification,
    DataCollatorWithPadding,
    PreTrainedTokenizerFast,
    Trainer,
    TrainerCallback,
    TrainingArguments,
)
from transformers.utils import logging as transformers_logging


class Clock(TrainerCallback):
    """Times the updates after the warm-up."""

    def __init__(self, warm_up: int) -> None:
        self.warm_up = warm_up
        self.wall = self.cpu = 0.0

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        if state.global_step == self.warm_up:
            self.wall, self.cpu = moment(), time.process_time()
            forget_peak()
        if state.global_step == state.max_steps:
            self.wall, self.cpu = moment() - self.wall, time.process_time() - self.cpu


class Spans(DataCollatorWithPadding):
    """Padding, with the ends of spans as transformers' question answering calls them."""

    def __call__(self, features: list[dict[str, Any]]) -> dict[str, Any]:
        spans = torch.tensor([row["span"] for row in features])
        inputs = [{name: values for name, values in row.items() if name != "span"} for row in features]
        return {**super().__call__(inputs), "start_positions": spans[:, 0], "end_positions": spans[:, 1]}


def theirs(job: Job, features: list[dict[str, Any]], model: Path, compiled: bool) -> dict[str, float]:
    """Seconds of an update by the wall's clock and the processor's, and peak memory in GiB."""
    datasets.disable_progress_bars()
    transformers_logging.disable_progress_bar()
    transformers_logging.set_verbosity_error()
    kind = WORKS[job.work]
    labels = {"num_labels": len(kind.labels)} if kind.labels else {}
    drop = {"hidden_dropout_prob": job.dropout, "attention_probs_dropout_prob": job.dropout}
    loaded = kind.auto.from_pretrained(model, dtype=torch.float32, **labels, **drop)
    tokenizer = PreTrainedTokenizerFast.from_pretrained(model)
    rows = [{**row, "attention_mask": [1] * len(row["input_ids"])} for row in features]
    if kind.type == "tagging":
        for row in rows:
            tags = dict(zip(row.pop("words"), row.pop("tags"), strict=True))
            row["labels"] = [tags.get(place, -100) for place in range(len(row["input_ids"]))]
    collators = {"span-qa": Spans(tokenizer), "tagging": DataCollatorForTokenClassification(tokenizer)}
    gpu = torch.cuda.is_available()
    clock = Clock(job.warm_up)
    arguments = TrainingArguments(
        output_dir=str(model.parent / "trainer"),
        per_device_train_batch_size=job.batch,
        max_steps=job.warm_up + job.updates,
        optim="adamw_torch_fused",
        train_sampling_strategy="group_by_length",
        bf16=job.precision == "bf16",
        use_cpu=not gpu,
        torch_compile=compiled,
        dataloader_num_workers=2 if gpu else 0,
        remove_unused_columns=False,
        logging_strategy="no",
        save_strategy="no",
        report_to="none",
        disable_tqdm=True,
    )
    Trainer(
        model=loaded,
        args=arguments,
        train_dataset=datasets.Dataset.from_list(rows),
        data_collator=collators.get(kind.type, DataCollatorWithPadding(tokenizer)),
        callbacks=[clock],
    ).train()
    return {"seconds": clock.wall / job.updates, "cpu": clock.cpu / job.updates, "memory": peak_memory()}
