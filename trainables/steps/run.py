"""Carry out one step: do what its recipe says and put the result into the store."""

from __future__ import annotations

import gc
import sys

from trainables.host import Host
from trainables.recipe.execution import Execution
from trainables.recipe.recipes import Recipe
from trainables.steps.registry import kind_of
from trainables.store import Store
from trainables.tasks.files.use import use_task_files


def carry_out(recipe: Recipe, execution: Execution, store: Store, host: Host) -> bool:
    """Carry out `recipe` as this process's part of it.

    Of a distributed kind each of `execution.workers` processes calls this, of others one.

    Returns:
        Whether it is done; False: it was asked to stop, and its training state is saved.

    Raises:
        StoreError: the store cannot be written.
        LeaseLost: another driver carries it out.
        WrongTaskFile: what the execution carries of task files cannot be used by this version.
    """
    # Heavy imports stay inside: the driver imports this module and carries out nothing.
    import datasets
    import transformers

    datasets.disable_progress_bars()
    transformers.utils.logging.disable_progress_bar()
    use_task_files(execution.task_files)
    with store.room(recipe.id):
        return kind_of(recipe).run(recipe, execution, store, host)


def tidy() -> None:
    """Leave nothing of a step in a process that goes on to another: neither memory nor its high-water mark on a GPU,
    and no compiled code, of which torch keeps so many forms and then silently compiles no more."""
    import torch

    gc.collect()
    if torch.cuda.is_initialized():
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()
    if "torch._dynamo" in sys.modules:
        torch.compiler.reset()
