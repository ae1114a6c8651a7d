"""The memory that training really takes: the loop itself, on random rows, with every tensor's bytes counted.

    python -m tests.sweeps.cost.measured_memory '{"layers": 2, ...}'     (a `Case`; the answer is JSON, in bytes)

What is counted are allocations of torch, from the making of the model on: on a CPU as torch's profiler has them, on a
GPU `torch.cuda.max_memory_allocated`, which counts the same. Unlike what a process holds resident, that is the same
each time: it knows no memory that an allocator keeps, and none of libraries.
"""

from __future__ import annotations

import gc
import json
import os
import socket
import subprocess
import sys
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

MiB = 2**20
UPDATES = 3
MODULE = "tests.sweeps.cost.measured_memory"


@dataclass(frozen=True)
class Case:
    """A training whose memory is measured."""

    model_type: str = "xlm-roberta"
    layers: int = 2
    hidden: int = 64
    inner: int = 256
    heads: int = 2
    vocabulary: int = 4000
    type: str = "pair-classification"
    labels: int = 3
    rows: int = 16
    """Of a global batch."""
    longest: int = 64
    """Subwords of the longest row."""
    shortest: float = 1.0
    """Of the shortest row, as a share; lengths lie evenly between them."""
    subwords: int = 1000
    """Different ones that the rows have."""
    dropout: float = 0.1
    attention_dropout: float = 0.1
    precision: str = "fp32"
    workers: int = 1
    stage: int | None = None
    micro_batch_tokens: int = 8192
    trim: bool = True
    compile: bool = False


def measured(case: Case) -> dict[str, Any]:
    """What the first worker of `case` holds at most: `train`, bytes; and what it holds between updates: `state`."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with tempfile.TemporaryDirectory() as folder:
        where = {"WORLD_SIZE": case.workers, "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port, "CASE_FOLDER": folder}
        workers = []
        for rank in range(case.workers):
            environment = os.environ | {name: str(value) for name, value in where.items()}
            environment |= {"RANK": str(rank), "LOCAL_RANK": str(rank)}
            out = subprocess.PIPE if rank == 0 else subprocess.DEVNULL
            command = [sys.executable, "-m", MODULE, json.dumps(asdict(case))]
            workers.append(subprocess.Popen(command, env=environment, stdout=out, text=True))
        told, _ = workers[0].communicate(timeout=600)
        for worker in workers:
            worker.wait(60)
    found: dict[str, Any] = json.loads(told.splitlines()[-1])
    return found


def _here(case: Case) -> dict[str, Any]:
    """The same in this process, which is one of the workers."""
    import torch

    from trainables.recipe.execution import Execution
    from trainables.store import Store
    from trainables.training.loop import Finetuning

    gpu = torch.cuda.is_available()
    folder = Path(os.environ["CASE_FOLDER"]) / os.environ["RANK"]
    store = Store(str(folder))
    recipe = _recipe(case, store)
    execution = Execution(
        workers=case.workers,
        gpus_per_worker=1 if gpu else 0,
        zero_stage=case.stage,
        micro_batch_tokens=case.micro_batch_tokens,
        trim_vocabulary=case.trim,
        compile=case.compile,
    )
    activities = [torch.profiler.ProfilerActivity.CPU]
    with torch.profiler.profile(activities=activities, profile_memory=not gpu) as profile:
        training = Finetuning(recipe, execution, store, _Silent())
        with torch.profiler.record_function("case: training"):
            for step in range(UPDATES):
                gc.collect()
                with torch.profiler.record_function(f"case: update {step}"):
                    training._update(step)
        with torch.profiler.record_function("case: evaluation"):
            training._raw(training.tasks[0])
        with torch.profiler.record_function("case: saving"):
            training.engine.weights()
        with torch.profiler.record_function("case: end"):
            pass
        if gpu:
            return {"train": torch.cuda.max_memory_allocated()}
    found = _peaks(profile)
    table = training.vocabulary
    found["trained"] = sum(p.numel() for p in training.engine.model.parameters())
    found["kept_table"] = 0 if table is None else table._table.nbytes
    training.close()
    return found


def _peaks(profile: Any) -> dict[str, Any]:
    """The most bytes allocated at once within each "case: ..." of a profile, and those at its end."""
    allocations, parts = [], []

    def walk(nodes: Any) -> None:
        for node in nodes:
            if node.tag.name == "Allocation":
                allocations.append((node.start_time_ns, node.extra_fields.total_allocated))
            elif node.name.startswith("case: "):
                parts.append((node.name[6:], node.start_time_ns, node.end_time_ns))
            walk(node.children)

    walk(profile.profiler.kineto_results.experimental_event_tree())
    allocations.sort()
    found: dict[str, Any] = {}
    for name, began, ended in parts:
        within = [held for at, held in allocations if began <= at <= ended]
        before = [held for at, held in allocations if at < began]
        if within:
            found[name] = {"before": before[-1], "peak": max(within), "after": within[-1]}
    return found


class _Silent:
    def report(self, report: Any) -> None:
        pass

    def should_stop(self) -> None:
        return None


def _recipe(case: Case, store: Any) -> Any:
    """A training whose rows and tokenizer are in `store`."""
    import datasets
    import numpy as np
    from tokenizers import Tokenizer, models
    from transformers import PreTrainedTokenizerFast

    from trainables.recipe.model_source import RandomInit
    from trainables.recipe.recipes import Optimisation, Selection, TaskSpec, TrainRecipe, TrainTask

    bert = case.model_type == "bert"
    names = {"cls_token": "<s>", "pad_token": "<pad>", "sep_token": "</s>", "unk_token": "<unk>", "mask_token": "<mask>"}
    if not bert:
        names |= {"bos_token": "<s>", "eos_token": "</s>"}
    words = {"<s>": 0, "<pad>": 1, "</s>": 2, "<unk>": 3, "<mask>": 4} | {f"w{i}": i for i in range(5, case.vocabulary)}
    made = store.begin("tokenizer")
    tokenizer = Tokenizer(models.WordLevel(words, unk_token="<unk>"))
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, **names).save_pretrained(made / "model")
    store.commit("tokenizer", made, {"recipe": {"kind": "tokenizer", "model_type": case.model_type}, "result": {}})
    rng = np.random.default_rng(1)
    lengths = np.linspace(case.longest * case.shortest, case.longest, case.rows).astype(int)
    rows = [_row(case, int(length), rng) for length in lengths]
    made = store.begin("rows")
    for split in ("train", "dev"):
        part = datasets.Dataset.from_list([{**row, "example": i} for i, row in enumerate(rows)])
        part.save_to_disk(made / f"{split}-en" / "features")
        examples = datasets.Dataset.from_list([{"id": str(i)} for i in range(case.rows)])
        examples.save_to_disk(made / f"{split}-en" / "examples")
    splits = [{"split": split, "language": "en", "revision": "case"} for split in ("train", "dev")]
    store.commit("rows", made, {"recipe": {"rows": splits}, "result": {}})
    labels = tuple(f"l{i}" for i in range(case.labels))
    task = TaskSpec(name="case", version=1, type=case.type, source="files", labels=labels)
    part = TrainTask(task=task, data=("rows",), head="case", select=Selection(metrics=("accuracy",)))
    settings = Optimisation(
        batch_size=case.rows,
        steps=1000,
        dropout=case.dropout,
        attention_dropout=case.attention_dropout,
        precision=case.precision,
    )
    architecture = {
        "hidden_size": case.hidden,
        "num_hidden_layers": case.layers,
        "num_attention_heads": case.heads,
        "intermediate_size": case.inner,
        "max_position_embeddings": 514,
        "model_type": case.model_type,
    }
    start = RandomInit(architecture=architecture, tokenizer="tokenizer", seed=1)
    return TrainRecipe(tasks=(part,), start=start, optimisation=settings, seed=1)


def _row(case: Case, length: int, rng: Any) -> dict[str, Any]:
    ids = [0, *(5 + rng.integers(case.subwords, size=length - 2)).tolist(), 2]
    row: dict[str, Any] = {"input_ids": ids}
    if case.model_type == "bert":
        row["token_type_ids"] = [int(place > length // 2) for place in range(length)]
    if case.type == "tagging":
        row["words"] = list(range(1, length - 1))
        row["tags"] = rng.integers(case.labels, size=length - 2).tolist()
    elif case.type == "span-qa":
        row["span"] = sorted(rng.integers(1, length - 1, size=2).tolist())
    elif case.type == "pair-classification":
        row["label"] = int(rng.integers(case.labels))
    return row


if __name__ == "__main__":
    given = Case(**json.loads(sys.argv[1]))
    print(json.dumps(_here(given) if "CASE_FOLDER" in os.environ else measured(given)))
