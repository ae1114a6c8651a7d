"""The backward pass of a loss that is one of the global batch as a whole: each row's loss depends on all others.

Gradient caching (GradCache: Gao et al. 2021, arXiv 2101.06983, section 3): a first pass over all micro-batches without
gradients gives what the head says of every row, and the workers exchange it; loss, and its gradient with respect to
that, are computed from the whole on each of them; a second pass takes each micro-batch's share of that gradient back
through the model. So memory is that of a micro-batch, and the negatives are those of the global batch, whatever the
workers and micro-batches. Both passes drop the same elements, since dropout is a function of the place in the global
batch (`trainables.models.dropout`); where the paper keeps the state of a generator nothing is kept.

A head gives the loss's own parameters (a temperature) as columns of its output, so the gradient reaches them the same
way. Where the whole batch is one micro-batch of one worker, a single pass does.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from trainables.training.batches import Batch
from trainables.training.engine import Engine
from trainables.training.task_data import TaskData


def backward_over_batch(engine: Engine, task: TaskData, batch: Batch, check_stop: Callable[[], None]) -> Tensor:
    """Take an update on a batch's mean loss; this worker's share of that loss, which is all of it on the first one.

    Args:
        check_stop: called between micro-batches, on every worker; may raise StopRequested.
    """
    micro_batches, head = batch.micro_batches, task.train_task.head
    targets = engine.place(batch.targets)
    if engine.workers == 1 and len(micro_batches) == 1:
        (only,) = micro_batches
        output = engine.forward(engine.place(only.inputs), head)
        in_order = output[torch.tensor(only.rows, device=output.device).argsort()]
        loss = task.modeling.loss(in_order, targets) / batch.terms
        engine.backward(loss, last=True)
        return loss.detach()
    outputs = []
    with torch.no_grad():
        for i, micro_batch in enumerate(micro_batches):
            if i:
                check_stop()
            output = engine.forward(engine.place(micro_batch.inputs), head)
            outputs.append(output[: len(micro_batch.rows)])
    own = [row for micro_batch in micro_batches for row in micro_batch.rows]
    total = len(next(iter(targets.values())))
    whole = engine.whole(torch.cat(outputs), own, total).requires_grad_()
    loss = task.modeling.loss(whole, targets) / batch.terms
    (gradient,) = torch.autograd.grad(loss, whole)
    for i, micro_batch in enumerate(micro_batches):
        check_stop()
        output = engine.forward(engine.place(micro_batch.inputs), head)
        # Of a micro-batch that is along for company nothing counts.
        share = torch.zeros_like(output)
        share[: len(micro_batch.rows)] = gradient[micro_batch.rows]
        engine.backward((output * share).sum(), last=i == len(micro_batches) - 1)
    return loss.detach() if engine.rank == 0 else torch.zeros_like(loss)
