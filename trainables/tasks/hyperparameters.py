"""How a task is trained unless a sweep file says otherwise: the published sets of settings.

`hyperparameters: jiant | xtreme | xlmr-authors` in a sweep file names the set. What a set does not speak of is set as
jiant does, and what jiant does not speak of as XTREME or this project does; `Defaults.source` says which it was. The
settings of a task are in its record (`Task.settings`).

jiant: the study's toolkit, nyu-mll/jiant at daa5a258 (August 2020): AdamW, weight decay 0.01 but for biases and layer
norms, warm-up over 10 %, clip 1.0; an evaluation every 1,000 updates on 500 English dev rows, an end after 30
evaluations without improvement. "Released" are the settings of targets in its repository; "remembered" those of
intermediates, which the literature gives and no source that could be read: batch, rate and epochs of the paper's
appendix.

xtreme: the reference scripts for XLM-R Large, google-research/xtreme at 838c13b, scripts/train_*.sh: no warm-up and no
weight decay but for QA (500 of some 8,300 updates; 0.0001), the best of checkpoints saved every 100 updates (tagging:
500); QA keeps the last one.

xlmr-authors: XLM-R's authors on XNLI (pytorch/fairseq issue 1367): evaluate often, keep the best ("quite important"),
patience 5.

own: this project's, for its generated tasks and for text.
"""

from __future__ import annotations

from dataclasses import dataclass

SETS = ("jiant", "xtreme", "xlmr-authors")
"""The sets that a sweep file may name."""
FALLBACKS = ("jiant", "xtreme", "own")
"""Where settings are looked for, one after the other, when the named set does not speak of a task."""
ONLY_AT_THE_END = 10**9
"""An evaluation cadence that no training reaches: the last checkpoint is the one that is kept."""


@dataclass(frozen=True)
class Defaults:
    """Settings of one training."""

    max_length: int
    """Subwords of a row, special tokens included."""
    batch_size: int
    """Rows of a global batch."""
    learning_rate: float
    epochs: float
    evaluate_every: int = 1000
    """Updates between evaluations on the dev rows."""
    patience: int | None = None
    """Evaluations without improvement after which training ends."""
    dev_limit: int | None = None
    warmup: float = 0.1
    """Share of the updates."""
    weight_decay: float = 0.01
    source: str = ""


def jiant(max_length: int, batch_size: int, learning_rate: float, epochs: float, source: str) -> Defaults:
    """Settings of jiant; `source` is "released" or "remembered"."""
    return Defaults(max_length, batch_size, learning_rate, epochs, 1000, 30, 500, source=f"jiant, {source}")


MULTI_TASK = jiant(256, 24, 1e-5, 3, "remembered; the batch is that of most intermediates")
"""Of an intermediate that is several tasks, in every set."""
