"""Training speed against HF Trainer with its best options: same model, data, batch, precision and hardware, in turn.

    python tests/benchmarks/trainer.py [--model DIR | --shape large] [--work pairs] [--precision bf16] [--rounds 2]

Rows have random subwords and the lengths of a real task's (`WORKS`), so nothing needs a download; `--model` takes a
local model, without it one with random weights is made. Each round measures the variants one after the other: so many
updates of each, after a few to warm up. HF Trainer pads dynamically, groups rows by length and uses the fused AdamW; on
a GPU it is also measured with `torch_compile`. Ours is the loop of `trainables.training`, in this process, without Ray.
Prints one Markdown table, of the best round of each, with machine, versions and command. Needs `accelerate`.
"""

from __future__ import annotations

import argparse
import gc
import json
import multiprocessing
import platform
import shlex
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import datasets
import numpy as np
import torch
from tokenizers import Tokenizer, models
from transformers import (
    AutoConfig,
    AutoModel,
    AutoModelForQuestionAnswering,
    AutoModelForSequenceClassification,
    AutoModelForTokenClassification,
    DataCollatorForTokenClassification,
    DataCollatorWithPadding,
    PreTrainedTokenizerFast,
    Trainer,
    TrainerCallback,
    TrainingArguments,
)

from trainables.host import TrainReport
from trainables.models.backbones.xlm_roberta import XLMR_BASE, XLMR_LARGE
from trainables.recipe.execution import Execution
from trainables.recipe.model_source import LocalModel
from trainables.recipe.recipes import Optimisation, Selection, TaskSpec, TrainRecipe, TrainTask
from trainables.store import Store
from trainables.training.loop import Finetuning

datasets.disable_progress_bars()
WARM_UP = 6
SUBWORDS = 30_000
"""How many different subwords the rows have: about what English MNLI has of XLM-R's."""
SPECIAL = {"bos_token": "<s>", "pad_token": "<pad>", "eos_token": "</s>", "unk_token": "<unk>", "mask_token": "<mask>"}


@dataclass(frozen=True)
class Kind:
    """A kind of work: a task type, and how long its rows are."""

    type: str
    mean: float
    longest: int
    labels: tuple[str, ...]
    auto: Any


WORKS = {
    "pairs": Kind("pair-classification", 43, 128, ("a", "b", "c"), AutoModelForSequenceClassification),
    "tags": Kind("tagging", 26, 128, tuple("abcdefghijklmnopq"), AutoModelForTokenClassification),
    "spans": Kind("span-qa", 195, 384, (), AutoModelForQuestionAnswering),
}
"""Lengths as measured on MNLI, UD-POS and SQuAD (`lengths` in their records)."""


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, help="a local model; without it, --shape with random weights")
    parser.add_argument("--shape", choices=("base", "large", "tiny"), default="base")
    parser.add_argument("--work", choices=WORKS, nargs="+", default=["pairs"])
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--updates", type=int, default=10)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--dropout", type=float, default=0.1)
    parser.add_argument("--precision", choices=("fp32", "bf16"), default="fp32")
    parser.add_argument("--only", nargs="+", help="variants to measure, by name")
    parser.add_argument("--profile", type=Path, help="write the costliest kernels of an update of ours to this file")
    parser.add_argument("--out", type=Path, help="write the table to this file too, as JSON")
    given = parser.parse_args()
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        model = given.model or made(given.shape, Path(folder) / "model")
        # In a process of its own: in one that has a process group, as ours has, it would train for several.
        with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as apart:
            for work in given.work:
                rows += measured(model, work, given, Path(folder), apart)
    told = {"command": shlex.join(sys.argv), "machine": machine(), "rows": rows}
    if given.out is not None:
        given.out.write_text(json.dumps(told, indent=1))
    print(f"\n{told['machine']}; `python {told['command']}`\n")
    print("| work | variant | ms an update | tokens/s | of matmul peak | peak memory GiB | against Trainer |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for row in rows:
        print("| " + " | ".join(str(row[name]) for name in row if name != "times") + " |")


def measured(
    model: Path, work: str, given: argparse.Namespace, folder: Path, apart: ProcessPoolExecutor
) -> list[dict[str, Any]]:
    """All variants on one kind of work, in turn: a row of the table for each."""
    kind = WORKS[work]
    features = rows_of(kind, given.batch * (WARM_UP + given.updates), AutoConfig.from_pretrained(model))
    store = Store(str(folder / f"store-{work}"))
    recipe = prepared(store, kind, features, model, given)
    gpu = torch.cuda.is_available()
    where = {"gpus_per_worker": 1} if gpu else {}

    def ours(**execution: Any) -> Callable[[], tuple[float, float | None]]:
        return lambda: ours_once(recipe, Execution(**{**where, **execution}), store, model, given)

    def theirs(compiled: bool) -> Callable[[], tuple[float, float | None]]:
        return lambda: apart.submit(theirs_once, kind, features, model, folder, compiled, given).result()

    variants = {
        "HF Trainer": theirs(False),
        "ours": ours(),
        "ours, compiled": ours(compile=True),
        "ours, untrimmed": ours(trim_vocabulary=False),
        "ours, stage 2": ours(zero_stage=2),
    }
    if gpu:
        variants["HF Trainer, compiled"] = theirs(True)
    else:
        del variants["ours, compiled"]  # minutes of C++, and no faster
    variants = {name: run for name, run in variants.items() if not given.only or name in given.only}
    times: dict[str, list[float]] = {name: [] for name in variants}
    memory: dict[str, float | None] = {}
    for _ in range(given.rounds):
        for name, run in variants.items():
            seconds, memory[name] = run()
            times[name].append(seconds)
            held = "" if memory[name] is None else f", {memory[name]:.1f} GiB"
            print(f"{work}: {name}: {1000 * seconds:.1f} ms an update{held}", flush=True)
            gc.collect()
            if gpu:
                torch.cuda.empty_cache()
    tokens = sum(len(feature["input_ids"]) for feature in features) / len(features) * given.batch
    flops = 3 * XLMR_LARGE.forward(kind.mean) if given.shape == "large" and not given.model else None
    best = min((min(times[name]) for name in times if name.startswith("HF")), default=None)
    peak = matmul_peak(given.precision) if flops else None
    table = []
    for name, seconds in ((name, min(values)) for name, values in times.items()):
        share = f"{100 * tokens * flops / seconds / peak:.0f} %" if flops and peak else "-"
        row = {
            "work": work,
            "variant": name,
            "ms": f"{1000 * seconds:.1f}",
            "tokens_per_second": f"{tokens / seconds:.0f}",
            "of_peak": share,
            "memory": "-" if memory[name] is None else f"{memory[name]:.1f}",
            "ratio": "-" if best is None else f"{best / seconds:.2f}",
            "times": times[name],
        }
        table.append(row)
    return table


# --- ours ----------------------------------------------------------------------------------------------------


class Silent:
    """A host that nobody listens to."""

    def report(self, report: TrainReport) -> None:
        pass

    def should_stop(self) -> str | None:
        return None


def ours_once(
    recipe: TrainRecipe, execution: Execution, store: Store, model: Path, given: argparse.Namespace
) -> tuple[float, float | None]:
    """(seconds an update, peak memory in GiB) of our loop."""
    paths = {recipe.start.sha256: str(model)}  # type: ignore[union-attr]
    execution = execution.model_copy(update={"model_paths": paths, "micro_batch_tokens": 32_768})
    training = Finetuning(recipe, execution, store, Silent())
    for step in range(WARM_UP):
        training.attempt.update(step)
    began = moment()
    for step in range(WARM_UP, WARM_UP + given.updates):
        training.attempt.update(step)
    seconds = (moment() - began) / given.updates
    memory = training.attempt.engine.peak_memory()
    if given.profile is not None:
        profiled(training, given)
    training.close()
    if training.artifact_dir is not None:
        store.free(training.artifact_dir)
    return seconds, memory


def profiled(training: Finetuning, given: argparse.Namespace) -> None:
    """Write what the last update spends its time on."""
    activities = [torch.profiler.ProfilerActivity.CPU]
    if torch.cuda.is_available():
        activities.append(torch.profiler.ProfilerActivity.CUDA)
    with torch.profiler.profile(activities=activities) as profile:
        training.attempt.update(WARM_UP + given.updates - 1)
        moment()
    by = "cuda_time_total" if torch.cuda.is_available() else "self_cpu_time_total"
    given.profile.write_text(profile.key_averages().table(sort_by=by, row_limit=40, max_name_column_width=60))


def prepared(
    store: Store, kind: Kind, features: list[dict[str, Any]], model: Path, given: argparse.Namespace
) -> TrainRecipe:
    """A recipe whose features are in the store."""
    task = TaskSpec(name="bench", version=1, type=kind.type, source="files", labels=kind.labels)
    made = store.begin("bench-data")
    for split, count in (("train", len(features)), ("dev", 1)):
        part = datasets.Dataset.from_list([{**row, "example": i} for i, row in enumerate(features[:count])])
        part.save_to_disk(made / f"{split}-en" / "features")
        examples = datasets.Dataset.from_list([{"id": str(i)} for i in range(count)])
        examples.save_to_disk(made / f"{split}-en" / "examples")
    rows = [{"split": split, "language": "en", "revision": "bench"} for split in ("train", "dev")]
    store.commit("bench-data", made, {"recipe": {"rows": rows}, "result": {}})
    part = TrainTask(task=task, data=("bench-data",), head="bench", select=Selection(metrics=("accuracy",)))
    settings = Optimisation(
        batch_size=given.batch,
        steps=1000,
        dropout=given.dropout,
        attention_dropout=given.dropout,
        precision=given.precision,
        weight_decay=0.01,
    )
    return TrainRecipe(tasks=(part,), start=LocalModel(sha256="0" * 64), optimisation=settings, seed=1)


# --- HF Trainer ----------------------------------------------------------------------------------------------


class Clock(TrainerCallback):
    """Times the updates after the warm-up."""

    def __init__(self) -> None:
        self.began = self.ended = 0.0

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        if state.global_step == WARM_UP:
            self.began = moment()
        if state.global_step == state.max_steps:
            self.ended = moment()


class Spans(DataCollatorWithPadding):
    """Padding, with the ends of spans as transformers' question answering calls them."""

    def __call__(self, features: list[dict[str, Any]]) -> dict[str, Any]:
        spans = torch.tensor([row["span"] for row in features])
        inputs = [{name: values for name, values in row.items() if name != "span"} for row in features]
        return {**super().__call__(inputs), "start_positions": spans[:, 0], "end_positions": spans[:, 1]}


def theirs_once(
    kind: Kind, features: list[dict[str, Any]], path: Path, folder: Path, compiled: bool, given: argparse.Namespace
) -> tuple[float, float | None]:
    """(seconds an update, peak memory in GiB) of HF Trainer."""
    labels = {"num_labels": len(kind.labels)} if kind.labels else {}
    drop = {"hidden_dropout_prob": given.dropout, "attention_probs_dropout_prob": given.dropout}
    model = kind.auto.from_pretrained(path, dtype=torch.float32, **labels, **drop)
    tokenizer = PreTrainedTokenizerFast.from_pretrained(path)
    rows = [{**row, "attention_mask": [1] * len(row["input_ids"])} for row in features]
    if kind.type == "tagging":
        for row in rows:
            tags = dict(zip(row.pop("words"), row.pop("tags"), strict=True))
            row["labels"] = [tags.get(place, -100) for place in range(len(row["input_ids"]))]
    collators = {"span-qa": Spans(tokenizer), "tagging": DataCollatorForTokenClassification(tokenizer)}
    gpu = torch.cuda.is_available()
    if gpu:
        torch.cuda.reset_peak_memory_stats()
    clock = Clock()
    arguments = TrainingArguments(
        output_dir=str(folder / "trainer"),
        per_device_train_batch_size=given.batch,
        max_steps=WARM_UP + given.updates,
        optim="adamw_torch_fused",
        train_sampling_strategy="group_by_length",
        bf16=given.precision == "bf16",
        use_cpu=not gpu,
        torch_compile=compiled,
        dataloader_num_workers=2 if gpu else 0,
        remove_unused_columns=False,
        logging_strategy="no",
        save_strategy="no",
        report_to="none",
        disable_tqdm=True,
    )
    trainer = Trainer(
        model=model,
        args=arguments,
        train_dataset=datasets.Dataset.from_list(rows),
        data_collator=collators.get(kind.type, DataCollatorWithPadding(tokenizer)),
        callbacks=[clock],
    )
    trainer.train()
    memory = torch.cuda.max_memory_allocated() / 2**30 if gpu else None
    trainer.model = trainer.model_wrapped = trainer.optimizer = None
    del model, trainer
    gc.collect()
    if gpu:
        torch.cuda.empty_cache()
    return (clock.ended - clock.began) / given.updates, memory


# --- both ----------------------------------------------------------------------------------------------------


def moment() -> float:
    """Now, when the device has done what it was given."""
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return time.perf_counter()


def rows_of(kind: Kind, count: int, config: Any) -> list[dict[str, Any]]:
    """Features with random subwords; lengths have the kind's mean, and spread as those of sentences."""
    rng = np.random.default_rng(1)
    lengths = np.clip(rng.gamma(5.0, kind.mean / 5.0, count), 6, kind.longest).astype(int)
    # Frequent subwords are frequent (Zipf), and ids below 5 are special.
    ranks = 1 / np.arange(1, min(SUBWORDS, config.vocab_size - 6) + 1)
    rows = []
    for length in lengths:
        ids = [0, *(5 + rng.choice(len(ranks), size=length - 2, p=ranks / ranks.sum())).tolist(), 2]
        row: dict[str, Any] = {"input_ids": ids}
        if config.type_vocab_size > 1:
            row["token_type_ids"] = [int(place > length // 2) for place in range(length)]
        if kind.type == "tagging":
            row["words"] = list(range(1, length - 1))
            row["tags"] = rng.integers(len(kind.labels), size=length - 2).tolist()
        elif kind.type == "span-qa":
            row["span"] = sorted(rng.integers(1, length - 1, size=2).tolist())
        else:
            row["label"] = int(rng.integers(len(kind.labels)))
        rows.append(row)
    return rows


def made(shape: str, path: Path) -> Path:
    """A directory with a model of random weights and a tokenizer that knows next to nothing."""
    known = {"base": XLMR_BASE, "large": XLMR_LARGE}.get(shape)
    config = AutoConfig.for_model(
        "xlm-roberta",
        vocab_size=known.vocabulary if known else 40_000,
        hidden_size=known.hidden if known else 64,
        num_hidden_layers=known.layers if known else 2,
        num_attention_heads=known.heads if known else 2,
        intermediate_size=known.inner if known else 128,
        max_position_embeddings=514,
        type_vocab_size=1,
        pad_token_id=1,
        bos_token_id=0,
        eos_token_id=2,
    )
    AutoModel.from_config(config, add_pooling_layer=False).save_pretrained(path)
    words = {
        word: i for i, word in enumerate(["<s>", "<pad>", "</s>", "<unk>", "<mask>", *"abcdefghijklmnopqrstuvwxyz"])
    }
    tokenizer = Tokenizer(models.WordLevel(words, unk_token="<unk>"))
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, **SPECIAL, cls_token="<s>", sep_token="</s>").save_pretrained(
        path
    )
    return path


def matmul_peak(precision: str) -> float:
    """FLOP/s of a large square product, the best of five."""
    device = "cuda" if torch.cuda.is_available() else "cpu"
    size, dtype = (8192 if device == "cuda" else 2048), torch.bfloat16 if precision == "bf16" else torch.float32
    a, b = (torch.randn(size, size, device=device, dtype=dtype) for _ in range(2))
    times = []
    for _ in range(6):
        began = moment()
        a @ b
        times.append(moment() - began)
    return 2 * size**3 / min(times[1:])


def machine() -> str:
    """What this ran on."""
    device = torch.cuda.get_device_name() if torch.cuda.is_available() else f"{torch.get_num_threads()} threads"
    name = next(
        (line.split(":")[1].strip() for line in cpuinfo() if line.startswith("model name")), platform.processor()
    )
    return f"{name}, {device}, torch {torch.__version__}, Python {platform.python_version()}"


def cpuinfo() -> list[str]:
    """Lines of Linux's description of the processors."""
    file = Path("/proc/cpuinfo")
    return file.read_text().splitlines() if file.exists() else []


if __name__ == "__main__":
    main()
