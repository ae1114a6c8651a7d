"""How many updates a training has, and which share of them each of its tasks: known from rows alone."""

from __future__ import annotations

import math
from collections.abc import Sequence

from trainables.recipe.optimisation import Optimisation
from trainables.recipe.sampling import Sampling
from trainables.recipe.tasks import TrainTask


def task_proportions(
    tasks: Sequence[TrainTask], rows: Sequence[float], sampling: Sampling | None, optimisation: Optimisation
) -> tuple[int, list[float]]:
    """Updates of the whole training, and the share of each task.

    An epoch is as many steps as read each task without a share once (its first `cap` rows, where there is a cap).
    """
    fixed = sum(task.share or 0.0 for task in tasks)
    cap = sampling.cap if sampling is not None else None
    read = [min(count, cap or count) if task.share is None else 0 for task, count in zip(tasks, rows, strict=True)]
    if optimisation.epochs is not None:
        own = optimisation.epochs * sum(read) / optimisation.batch_size
        steps = max(1, math.ceil(own / (1 - fixed)))
    else:
        steps = int(optimisation.steps or 0)
    if sampling is None:
        return steps, [1.0]
    weights = [count ** (1 / sampling.temperature) if count else 0.0 for count in read]
    left = (1 - fixed) / sum(weights)
    return steps, [task.share or weight * left for task, weight in zip(tasks, weights, strict=True)]
