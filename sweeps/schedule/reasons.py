"""What was chosen for which steps, in lines for people: `24 trainings of xlmr: 1 worker with 1 GPU, stage 0, ...`."""

from __future__ import annotations

from collections.abc import Iterable
from math import inf

from sweeps.schedule.candidates import CHOSEN, FILLED, GIB, Candidate
from trainables.outside.text import shown
from trainables.recipe.execution import Execution

SPARED = ("checkpoint_activations", "offload")
"""Fields that are chosen where nothing else fits."""
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
    return workers + (f", stage {execution.stage}{spared(execution)}" if distributed else "")


def spared(execution: Execution) -> str:
    """What is done to hold less."""
    words = ["blocks recomputed"] if execution.checkpoint_activations else []
    if (offload := execution.offload) is not None:
        for place, name in (("cpu", "in the host's memory"), ("nvme", "on its disk")):
            parts = [("optimiser", offload.optimizer), ("weights", offload.parameters)]
            if there := [word for word, device in parts if device == place]:
                words.append(f"{' and '.join(there)} {name}")
    return f", {', '.join(words)}" if words else ""


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
    chosen = [name for name in SPARED if name not in ones[0].given and getattr(ones[0].step.execution, name)]
    why = ", and without that it would not fit" if chosen and not lack else ""
    host = max(one.host for one in ones)
    beside = f", {_gib(host)} GiB of its host's" if ones[0].step.execution.offload is not None and host else ""
    return f"{_gib(peak)}{there} GiB{beside}{lack}{why}"


def lacks(made: Iterable[Candidate]) -> list[str]:
    """A line for each kind of device on which a step fits in no way, for the step that lacks the most."""
    worst: dict[bool, Candidate] = {}
    for one in made:
        gpu = one.step.execution.gpus_per_worker > 0
        if one.step.kind.uses_gpu and not one.fits and (gpu not in worst or _lack(one) > _lack(worst[gpu])):
            worst[gpu] = one
    return [
        f"{shown(one.step.name)[1:-1]}: takes {_gb(_wanted(one))} GB of {'each GPU' if gpu else 'memory'} at least, "
        f"{_gb(_has(one))} are there: {_gb(_lack(one))} GB are missing; give {_mend(one)}"
        for gpu, one in worst.items()
    ]


def _mend(one: Candidate) -> str:
    offload = one.step.execution.offload
    mends = ["more or larger GPUs (--gpus, --nodes)", "a smaller model"]
    if one.step.trains_all:
        mends.append("adaptation: lora")
    if offload is not None and offload.folder is None and one.host > FILLED * one.host_share:
        mends.append("offload to nvme")
    return f"{', '.join(mends[:-1])} or {mends[-1]}"


def _wanted(one: Candidate) -> float:
    over = one.peak > FILLED * one.share
    return one.peak if over else one.host


def _has(one: Candidate) -> float:
    return one.share if one.peak > FILLED * one.share else one.host_share


def _lack(one: Candidate) -> float:
    return _wanted(one) - FILLED * _has(one)


def _gb(amount: float) -> str:
    return f"{amount / 1e9:,.0f}" if amount >= 9.95e9 else f"{amount / 1e9:.1f}"


def _gib(amount: float) -> str:
    return f"{amount / GIB:.1f}" if amount < 10 * GIB else f"{amount / GIB:.0f}"
