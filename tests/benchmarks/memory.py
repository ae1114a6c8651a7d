"""The memory that training takes, and what the estimate says of it: `trainables.training.memory`.

    python tests/benchmarks/memory.py [--shape small | large] [--precision bf16] [--only WORDS]

Prints one Markdown table: configurations, estimate, measured peak, ratio. Each is the loop's own code on random rows.
What is counted are torch's allocations, from the making of the model on: on a CPU as torch's profiler has them, on a
GPU `torch.cuda.max_memory_allocated`, which counts the same. Unlike what a process holds resident, that is the same
each time: it knows nothing of what an allocator keeps, or of libraries.

A worker of several is measured alone, in a process group whose collectives do nothing: sizes do not depend on what the
others send, and gloo frees tensors in threads of its own, which the profiler does not see.
"""

from __future__ import annotations

import argparse
import json
import os
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from trainables.batching.micro_batches import split_micro_batches
from trainables.models.backbones import shape_of
from trainables.recipe.execution import Execution, Offload
from trainables.training.memory import Computing, Memory, MicroBatch, training_memory

MiB = 2**20
UPDATES = 3


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
    checkpoint: bool = False
    offload: str = ""
    """What lies in the host's memory, of `optimizer` and `parameters`: words."""
    disk: bool = False
    """Whether it lies on a disk instead: in files, whose bytes are not counted."""
    gpu: bool = False

    @property
    def architecture(self) -> dict[str, Any]:
        if self.model_type == "mt5":
            width = {"d_model": self.hidden, "d_kv": self.hidden // self.heads, "d_ff": self.inner}
            return {"model_type": "mt5", **width, "num_layers": self.layers, "num_heads": self.heads}
        if self.model_type in DECODERS:
            return {
                "model_type": self.model_type,
                "hidden_size": self.hidden,
                "num_hidden_layers": self.layers,
                "num_attention_heads": self.heads,
                "num_key_value_heads": self.heads // 2,
                "head_dim": self.hidden // self.heads,
                "intermediate_size": self.inner,
            }
        return {
            "model_type": self.model_type,
            "hidden_size": self.hidden,
            "num_hidden_layers": self.layers,
            "num_attention_heads": self.heads,
            "intermediate_size": self.inner,
            **({} if self.model_type == "modernbert" else {"max_position_embeddings": 514}),
            **(MDEBERTA if self.model_type == "deberta-v2" else {}),
        }

    @property
    def lengths(self) -> list[int]:
        step = (1.0 - self.shortest) / max(self.rows - 1, 1)
        return [int(self.longest * (self.shortest + step * i)) for i in range(self.rows)]

    @property
    def offloaded(self) -> Offload | None:
        if not self.offload:
            return None
        where = {"folder": tempfile.gettempdir()} if self.disk else {}
        return Offload(**dict.fromkeys(self.offload.split(), "nvme" if self.disk else "cpu"), **where)

    @property
    def execution(self) -> Execution:
        return Execution(
            workers=self.workers,
            gpus_per_worker=1 if self.gpu else 0,
            zero_stage=self.stage,
            micro_batch_tokens=self.micro_batch_tokens,
            trim_vocabulary=self.trim,
            checkpoint_activations=self.checkpoint,
            offload=self.offloaded,
        )


SHAPES: dict[str, dict[str, Any]] = {
    "mini": {"layers": 4, "hidden": 128, "inner": 512, "heads": 4, "vocabulary": 8000},
    "small": {"layers": 12, "hidden": 384, "inner": 1536, "heads": 12, "vocabulary": 30_000, "subwords": 5000},
    "large": {"layers": 24, "hidden": 1024, "inner": 4096, "heads": 16, "vocabulary": 30_000, "subwords": 5000},
}
"""The blocks of a small model, of multilingual E5 small and of XLM-R Large, over smaller vocabularies."""
CASES: dict[str, dict[str, Any]] = {
    "32 rows of 32": {"rows": 32, "longest": 32},
    "16 rows of 128": {"rows": 16, "longest": 128},
    "16 rows of 40 to 128": {"rows": 16, "longest": 128, "shortest": 0.3},
    "16 rows of 128, nothing dropped": {"rows": 16, "longest": 128, "dropout": 0.0, "attention_dropout": 0.0},
    "4 rows of 512": {"rows": 4, "longest": 512},
    "4 rows of 512, attention drops nothing": {"rows": 4, "longest": 512, "attention_dropout": 0.0},
    "16 rows of 128 in 4 micro-batches": {"rows": 16, "longest": 128, "micro_batch_tokens": 512},
    "whole vocabulary": {"rows": 8, "longest": 64, "trim": False},
    "masked LM": {"rows": 8, "longest": 64, "type": "masked-lm"},
    **{kind: {"rows": 8, "longest": 128, "model_type": kind} for kind in ("bert", "mt5", "modernbert", "deberta-v2")},
    **{kind: {"rows": 8, "longest": 128, "model_type": kind} for kind in ("llama", "qwen3", "gemma3_text")},
    **{
        f"recomputed, {kind}": {"rows": 16, "longest": 128, "model_type": kind, "checkpoint": True}
        for kind in ("xlm-roberta", "llama")
    },
    **{
        f"stage {stage} of {workers}, offloaded {words}": {
            "rows": 8,
            "longest": 16,
            "stage": stage,
            "workers": workers,
            "offload": words,
        }
        for stage, workers, words in ((2, 1, "optimizer"), (2, 8, "optimizer"), (3, 8, "optimizer"))
    },
    "stage 3 of 8, all offloaded": {
        "rows": 8,
        "longest": 16,
        "stage": 3,
        "workers": 8,
        "offload": "optimizer parameters",
    },
    **{
        f"stage {stage} of {workers}, {words} on a disk": {
            "rows": 8,
            "longest": 16,
            "stage": stage,
            "workers": workers,
            "offload": words,
            "disk": True,
        }
        for stage, workers, words in ((2, 1, "optimizer"), (2, 8, "optimizer"), (3, 8, "optimizer parameters"))
    },
    "tags": {"rows": 16, "longest": 64, "type": "tagging", "labels": 17},
    **{
        f"stage {stage} of {workers} workers{how}": {
            "rows": 8,
            "longest": 64,
            "stage": stage,
            "workers": workers,
            **more,
        }
        for stage, workers in ((0, 2), (1, 2), (2, 2), (3, 2), (2, 8), (3, 8))
        for how, more in (("", {}), (", micro-batches", {"micro_batch_tokens": 64}))
    },
}
MDEBERTA = {
    "relative_attention": True,
    "max_relative_positions": -1,
    "pos_att_type": "p2c|c2p",
    "norm_rel_ebd": "layer_norm",
    "position_buckets": 256,
    "share_att_key": True,
    "position_biased_input": False,
}
DECODERS = ("llama", "qwen3", "gemma3_text")
"""With half as many key heads as heads."""
MEASURE = "--measure"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shape", choices=SHAPES, default="mini")
    parser.add_argument("--precision", choices=("fp32", "bf16"), default="fp32")
    parser.add_argument("--only", nargs="+", help="configurations to measure, by words of their names")
    parser.add_argument("--out", type=Path, help="write the table to this file too, as JSON")
    given = parser.parse_args()
    import torch

    shape = SHAPES[given.shape] | {"precision": given.precision, "gpu": torch.cuda.is_available()}
    wanted = {name: case for name, case in CASES.items() if not given.only or any(w in name for w in given.only)}
    print(f"\n`python {shlex.join(sys.argv)}`, torch {version('torch')}, DeepSpeed {version('deepspeed')}\n")
    print("| configuration | estimate MiB | measured MiB | ratio |")
    print("| --- | --- | --- | --- |")
    rows = []
    for name, fields in wanted.items():
        case = Case(**{**shape, **fields})
        (found,) = measured([case])
        guess = estimated(case, found["rows"]).total
        rows.append({"configuration": name, **asdict(case), "estimate": guess, **found})
        ratio = guess / found["peak"]
        print(f"| {name} | {guess / MiB:.1f} | {found['peak'] / MiB:.1f} | {ratio:.2f} |", flush=True)
    if given.out is not None:
        given.out.write_text(json.dumps(rows, indent=1))


def measured(cases: Sequence[Case]) -> list[dict[str, Any]]:
    """What the first worker of each case holds at most (`peak`, bytes) and between updates, and how many rows of its
    table of subwords are trained. In one new process; of several cases, with a fork for each."""
    root = str(Path(__file__).parents[2])
    done = subprocess.run(
        [sys.executable, __file__, MEASURE],
        input=json.dumps([asdict(case) for case in cases]),
        capture_output=True,
        text=True,
        timeout=900,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([root, os.environ.get("PYTHONPATH", "")])},
    )
    if done.returncode:
        raise RuntimeError(done.stderr[-2000:])
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]


def estimated(case: Case, rows: int | None) -> Memory:
    """What the estimate says; `rows`: of the table of subwords that are trained."""
    shape = shape_of(case.architecture, "the case", case.vocabulary)
    lengths = case.lengths
    parts = split_micro_batches(lengths, case.workers, case.micro_batch_tokens)
    mine = [[lengths[i] for i in part] for part in parts[:: case.workers] if part]
    largest = max(mine, key=lambda part: len(part) * max(part))
    everywhere = case.type == "masked-lm"
    outputs = {"masked-lm": 0.15 * case.vocabulary, "tagging": case.labels, "span-qa": 2}
    computing = Computing(
        precision="bf16" if case.precision == "bf16" else "fp32",
        dropout=case.dropout,
        attention_dropout=case.attention_dropout,
        outputs=outputs.get(case.type, 0),
        head=case.hidden * (case.hidden + case.labels) + case.vocabulary * everywhere,
        device="cuda" if case.gpu else "cpu",
    )
    batch = MicroBatch(len(largest), max(largest), sum(largest))
    return training_memory(shape, computing, case.execution, batch, len(mine), rows)


def answer(cases: Sequence[Case]) -> None:
    """Print what each case measures, a line each, from a fork of this process."""
    import torch

    import trainables.training.attempt  # noqa: F401

    torch.set_num_threads(1)
    if len(cases) == 1:  # no fork: one that comes after the start of CUDA cannot use it
        with tempfile.TemporaryDirectory() as folder:
            print(json.dumps(measured_here(cases[0], Path(folder))), flush=True)
        return
    for case in cases:
        sys.stdout.flush()
        child = os.fork()
        if child == 0:
            with tempfile.TemporaryDirectory() as folder:
                print(json.dumps(measured_here(case, Path(folder))), flush=True)
            os._exit(0)
        if os.waitpid(child, 0)[1]:
            raise SystemExit(f"{case} could not be measured")


def measured_here(case: Case, folder: Path) -> dict[str, Any]:
    """The same in this process, which must have no process group."""
    import torch
    import torch.distributed as dist
    from torch.testing._internal.distributed.fake_pg import FakeStore

    from trainables.models.loading import load_tokenizer
    from trainables.store import Store
    from trainables.training.attempt import Attempt

    gpu = torch.cuda.is_available()
    store = Store(str(folder))
    recipe, execution = _recipe(case, store), case.execution
    # The other workers are not there: collectives of this group do nothing, and keep nothing in threads of their own.
    os.environ.update(RANK="0", LOCAL_RANK="0", WORLD_SIZE=str(case.workers))
    dist.init_process_group("fake", store=FakeStore(), rank=0, world_size=case.workers)
    activities = [torch.profiler.ProfilerActivity.CPU]
    with torch.profiler.profile(activities=activities, profile_memory=not gpu) as profile:
        tokenizer = load_tokenizer(recipe.start, store, execution)
        attempt = Attempt(recipe, execution, store, tokenizer, 0, lambda: None)
        for step in range(UPDATES):
            with torch.profiler.record_function(f"case: update {step}"):
                attempt.update(step)
        with torch.profiler.record_function("case: writing"):
            attempt.weights(UPDATES)
        with torch.profiler.record_function("case: end"):
            pass
        if gpu:
            rows = None if attempt.vocabulary is None else len(attempt.vocabulary.kept)
            return {"peak": torch.cuda.max_memory_allocated(), "rows": rows}
    found = peaks(profile)
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


def peaks(profile: Any) -> dict[str, Any]:
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
            found[name] = {"before": before[-1] if before else 0, "peak": max(within), "after": within[-1]}
    return found


def _recipe(case: Case, store: Any) -> Any:
    """A training whose rows and tokenizer are in `store`."""
    import datasets
    import numpy as np
    from tokenizers import Tokenizer, models
    from transformers import PreTrainedTokenizerFast

    from trainables.recipe.model_source import RandomInit
    from trainables.recipe.optimisation import Optimisation
    from trainables.recipe.recipes import TrainRecipe
    from trainables.recipe.tasks import Selection, TaskSpec, TrainTask

    segments = case.model_type in ("bert", "deberta-v2")
    names = {
        "cls_token": "<s>",
        "pad_token": "<pad>",
        "sep_token": "</s>",
        "unk_token": "<unk>",
        "mask_token": "<mask>",
    }
    if not segments:
        names |= {"bos_token": "<s>", "eos_token": "</s>"}
    words = {"<s>": 0, "<pad>": 1, "</s>": 2, "<unk>": 3, "<mask>": 4} | {f"w{i}": i for i in range(5, case.vocabulary)}
    made = store.begin("tokenizer")
    tokenizer = Tokenizer(models.WordLevel(words, unk_token="<unk>"))
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, **names).save_pretrained(made / "model")
    store.commit("tokenizer", made, {"recipe": {"kind": "tokenizer", "model_type": case.model_type}, "result": {}})
    rng = np.random.default_rng(1)
    rows = [_row(case, length, rng) for length in case.lengths]
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
    start = RandomInit(architecture=case.architecture, tokenizer="tokenizer", seed=1)
    return TrainRecipe(tasks=(part,), start=start, optimisation=settings, seed=1)


def _row(case: Case, length: int, rng: Any) -> dict[str, Any]:
    ids = [0, *(5 + rng.integers(case.subwords, size=length - 2)).tolist(), 2]
    row: dict[str, Any] = {"input_ids": ids}
    if case.model_type in ("bert", "deberta-v2"):
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
    if MEASURE in sys.argv:
        answer([Case(**fields) for fields in json.load(sys.stdin)])
    else:
        main()
