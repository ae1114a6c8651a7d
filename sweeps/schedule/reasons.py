"""What was chosen for which steps, in lines for people: `24 trainings of xlmr: 1 worker with 1 GPU, stage 0, ...`."""

from __future__ import annotations

from collections.abc import Iterable
from math import inf

from sweeps.schedule.candidates import CHOSEN, GIB, Candidate

NOUNS = {"train": "training", "evaluate": "evaluation", "analyse": "step"}


def reasons(made: Iterable[Candidate]) -> list[str]:
    """A line for all steps of a kind, a phase and a model that have as many workers with as much."""
    alike: dict[tuple[str, str], list[Candidate]] = {}
    for one in made:
        if one.step.kind.uses_gpu:
            alike.setdefault((_what(one), _how(one)), []).append(one)
    return [
        f"{_count(what, len(ones))}: {how}, {_micro_batches(ones)}{_given(ones)}: {_held(ones)}"
        for (what, how), ones in alike.items()
    ]


def _what(one: Candidate) -> str:
    step = one.step
    noun = NOUNS.get(step.kind.group, f"{step.kind.group} step")
    kind = noun if step.phase == step.kind.group else f"{step.phase} {noun}"
    model = step.tags.get("model")
    return f"{kind}|" + (f" of {model}" if model else "")


def _count(what: str, count: int) -> str:
    noun, _, model = what.partition("|")
    return f"{count:,} {noun}{'s' * (count > 1)}{model}"


def _how(one: Candidate) -> str:
    execution, distributed = one.step.execution, one.step.kind.distributed
    device = _gpus(execution.gpus_per_worker) if execution.gpus_per_worker else _cpus(execution.cpus_per_worker)
    workers = f"{execution.workers} worker{'s' * (execution.workers > 1)} with {device}" if distributed else device
    return workers + (f", stage {execution.stage}" if distributed else "")


def _micro_batches(ones: list[Candidate]) -> str:
    sizes = sorted({one.step.execution.micro_batch_tokens for one in ones})
    return f"micro-batch {sizes[0]:,}" + (f" to {sizes[-1]:,}" if len(sizes) > 1 else "")


def _given(ones: list[Candidate]) -> str:
    given = [name for name in CHOSEN if name in ones[0].given]
    return f" (from the file: {', '.join(given)})" if given else ""


def _gpus(share: float) -> str:
    words = {0.25: "a quarter of a GPU", 0.5: "half a GPU", 1: "1 GPU"}
    return words.get(share, f"{share:g} GPUs")


def _cpus(count: int) -> str:
    return f"{count} CPU{'s' * (count > 1)}"


def _held(ones: list[Candidate]) -> str:
    peak, share = max(one.peak for one in ones), min(one.share for one in ones)
    there = "" if share == inf else f" of {_gib(share)}"
    lack = "" if all(one.fits for one in ones) else ", too much; nothing else that is left open takes less"
    return f"{_gib(peak)}{there} GiB{lack}"


def _gib(amount: float) -> str:
    return f"{amount / GIB:.1f}" if amount < 10 * GIB else f"{amount / GIB:.0f}"
