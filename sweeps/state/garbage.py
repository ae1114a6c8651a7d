"""What a sweep leaves in its store: weights as the sweep file says (`keep`), and no leftovers.

Steps of other sweeps on the same store are left alone; of theirs, too, plain leftovers go (see `trainables.store`).
"""

from __future__ import annotations

from dataclasses import dataclass, field

from sweeps.state.inspection import inspect_steps
from sweeps.state.selection import best_of, started_from
from sweeps.state.sweep import Sweep
from trainables.recipe.model_source import required_steps
from trainables.recipe.recipes import TrainRecipe
from trainables.steps import StepRecord
from trainables.store import HEAD, MODEL, Garbage, Leases, Store, clear, clear_copies

RAY_FILES = "ray"
"""Folder of the store for what Tune and Train write themselves; never read."""


@dataclass
class Collected:
    """What was freed, or would be; and what a reader should know."""

    freed: list[Garbage] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def size(self) -> int:
        """Bytes."""
        return sum(one.size for one in self.freed)

    def __str__(self) -> str:
        """One line: how much, and of what."""
        counts: dict[str, int] = {}
        for one in self.freed:
            counts[one.why] = counts.get(one.why, 0) + 1
        words = "; ".join(f"{count} × {why}" for why, count in sorted(counts.items()))
        return f"{readable(self.size)} ({words})" if words else "nothing"


def collect(sweep: Sweep, leases: Leases, dry_run: bool = False) -> Collected:
    """Free what nobody needs. While another driver lives on this store, weights and copies stay: its plan may need
    what this one does not."""
    _, plan, store = sweep
    found = Collected(clear(store, leases, dry_run))
    others = leases.others()
    if others:
        found.notes.append(f"weights stay while other drivers are at work on this store: {', '.join(others)}")
        return found
    stand = inspect_steps(sweep)
    done, needed = stand.done, {need for name in stand.waiting for need in plan.steps[name].needs}
    kept = needed | with_bases(sweep, kept_weights(sweep, done))
    for name in sorted(done - kept):
        if not plan.steps[name].kind.leaves_weights or store.weights_dropped(name):
            continue
        if dry_run:
            found.freed.append(_weights(store, name))
        elif leases.acquire(name):
            found.freed.append(_weights(store, name))
            store.drop_weights(name)
            leases.release(name)
    if not store.local:
        found.freed += clear_copies(sorted(done - needed), dry_run)
    path = store.at(RAY_FILES)
    if store.files.is_dir(path):
        found.freed.append(Garbage(path, sum(store.files.sizes(path).values()), "files of Ray"))
        if not dry_run:
            store.files.delete_tree(path)
    return found


def kept_weights(sweep: Sweep, done: set[str]) -> set[str]:
    """Done train steps whose weights `keep` asks for.

    `intermediates`: what other trainings start from, and what was pretrained. `best`: what was pretrained, and for
    each model and target the checkpoint with the highest value on its English dev rows over intermediates and seeds;
    a target that is not trained has none of its own.
    """
    spec, plan, store = sweep
    train = [step for step in plan.steps.values() if step.kind.leaves_weights and step.id in done]
    if spec.keep == "all":
        return {step.id for step in train}
    pretrained = {step.id for step in train if "pretrain" in step.phases}
    if spec.keep == "intermediates":
        early = {step.id for step in train if "intermediate" in step.phases}
        return pretrained | early | (started_from(plan) & done)
    return pretrained | set(best_of(plan, store, done).values())


def with_bases(sweep: Sweep, kept: set[str]) -> set[str]:
    """Train steps, and those without which their adapters are nothing: the ones that they lie on."""
    recipes = (sweep.plan.steps[step].recipe for step in kept)
    found = [recipe.checkpoint for recipe in recipes if isinstance(recipe, TrainRecipe)]
    return kept | {step for checkpoint in found for step in required_steps(checkpoint)}


def readable(size: float) -> str:
    """Bytes as a person reads them."""
    for unit in ("B", "kB", "MB", "GB"):
        if size < 1000:
            return f"{size:.3g} {unit}"
        size /= 1000
    return f"{size:.3g} TB"


def _weights(store: Store, step: str) -> Garbage:
    files = StepRecord.of(store, step).files
    size = sum(size for name, size in files.items() if name.split("/")[0] in (MODEL, HEAD))
    return Garbage(store.locate(step, MODEL), size, "weights that no step needs any more")
