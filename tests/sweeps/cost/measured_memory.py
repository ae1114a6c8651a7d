"""The memory that training really takes: the loop itself, on random rows, with every tensor's bytes counted.

    python -m tests.sweeps.cost.measured_memory '{"layers": 2, ...}'     (a `Case`; the answer is JSON, in bytes)

What is counted are allocations of torch, from the making of the model on: on a CPU as torch's profiler has them, on a
GPU `torch.cuda.max_memory_allocated`, which counts the same. Unlike what a process holds resident, that is the same
each time: it knows no memory that an allocator keeps, and none of libraries.
"""

from __future__ import annotations

import json
import os
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
    bucket: int = 50_000_000
    live: int = 100_000_000


def measured(case: Case) -> dict[str, Any]:
    """What the first worker of `case` holds at most, in bytes, and what it holds between updates; in a new process."""
    command = [sys.executable, "-m", MODULE, json.dumps(asdict(case))]
    told = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, timeout=600).stdout
    found: dict[str, Any] = json.loads(told.splitlines()[-1])
    return found


def measured_here(case: Case, folder: Path) -> dict[str, Any]:
    """The same in this process, which must have no process group."""
    import torch
    import torch.distributed as dist
    from torch.testing._internal.distributed.fake_pg import FakeStore

    from trainables.models.loading import load_tokenizer
    from trainables.recipe.execution import Execution
    from trainables.store import Store
    from trainables.training import memory
    from trainables.training.attempt import Attempt

    memory.REDUCE_BUCKET, memory.LIVE = case.bucket, case.live
    gpu = torch.cuda.is_available()
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
    # The other workers are not there: collectives of this group do nothing, and keep nothing in threads of their own.
    os.environ.update(RANK="0", LOCAL_RANK="0", WORLD_SIZE=str(case.workers))
    dist.init_process_group("fake", store=FakeStore(), rank=0, world_size=case.workers)
    activities = [torch.profiler.ProfilerActivity.CPU]
    with torch.profiler.profile(activities=activities, profile_memory=not gpu) as profile:
        tokenizer = load_tokenizer(recipe.start, store, execution)
        attempt = Attempt(recipe, execution, store, tokenizer, 0)
        for step in range(UPDATES):
            with torch.profiler.record_function(f"case: update {step}"):
                attempt.update(step)
        with torch.profiler.record_function("case: writing"):
            attempt.weights(UPDATES)
        with torch.profiler.record_function("case: end"):
            pass
        if gpu:
            return {"peak": torch.cuda.max_memory_allocated()}
    found = _peaks(profile)
    last, writing = found[f"update {UPDATES - 1}"], found["writing"]
    table = attempt.vocabulary
    found |= {
        "peak": max(last["peak"], writing["peak"]),
        "training": last["peak"],
        "between": last["before"],
        "rows": None if table is None else len(table.kept),
    }
    attempt.close()
    dist.destroy_process_group()
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
    with tempfile.TemporaryDirectory() as made:
        print(json.dumps(measured_here(Case(**json.loads(sys.argv[1])), Path(made))))
