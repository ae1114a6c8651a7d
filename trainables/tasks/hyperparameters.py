"""How each task is trained unless a sweep file says otherwise: one table for each published set of settings.

`hyperparameters: jiant | xtreme | xlmr-authors` in a sweep file names the set. What a set does not speak of is set as
jiant does, and what jiant does not speak of as this project does; `Defaults.source` says which it was.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from trainables.task_types import get_task_type

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
    """Updates between looks at the dev rows."""
    patience: int | None = None
    """Looks without improvement after which training ends."""
    dev_limit: int | None = None
    warmup: float = 0.1
    """Share of the updates."""
    weight_decay: float = 0.01
    source: str = ""


# The study's toolkit, nyu-mll/jiant at daa5a258 (August 2020): AdamW, weight decay 0.01 but for biases and layer norms,
# warm-up over 10 %, clip 1.0; a look every 1,000 steps at 500 English dev rows, an end after 30 looks without
# improvement. "Released" are the settings of targets in its repository; "remembered" those of intermediates, which the
# literature gives and no source that could be read: batch, rate and epochs of the paper's appendix.
def _jiant(max_length: int, batch_size: int, learning_rate: float, epochs: float, source: str) -> Defaults:
    return Defaults(max_length, batch_size, learning_rate, epochs, 1000, 30, 500, source=f"jiant, {source}")


_JIANT = {
    # Targets.
    "xnli": _jiant(256, 32, 1e-5, 2, "released"),
    "pawsx": _jiant(256, 32, 1e-5, 5, "released"),
    "udpos": _jiant(256, 32, 1e-5, 10, "released"),
    "panx": _jiant(256, 32, 1e-5, 10, "released"),
    "xquad": _jiant(384, 16, 1e-5, 2, "released"),
    "mlqa": _jiant(384, 16, 1e-5, 2, "released"),
    "tydiqa": _jiant(384, 16, 1e-5, 2, "released"),
    # Intermediates.
    "anli+": _jiant(256, 24, 2e-5, 2, "remembered"),
    "mnli": _jiant(256, 24, 2e-5, 2, "remembered"),
    "qqp": _jiant(256, 24, 1e-5, 3, "remembered"),
    "squad": _jiant(384, 8, 1e-5, 3, "remembered"),
    "squad2": _jiant(384, 8, 1e-5, 3, "remembered"),
    "hellaswag": _jiant(256, 24, 1e-5, 7, "remembered"),
    "ccg": _jiant(256, 24, 2e-5, 15, "remembered"),
    "cosmosqa": _jiant(256, 4, 1e-5, 15, "remembered"),
    "commonsenseqa": _jiant(256, 4, 1e-5, 10, "remembered"),
}

# The reference scripts for XLM-R Large, google-research/xtreme at 838c13b, scripts/train_*.sh: no warm-up and no weight
# decay but for QA (500 of some 8,300 steps; 0.0001), the best of checkpoints saved every 100 steps (tagging: 500); QA
# keeps the last one.
_XTREME = {
    "xnli": Defaults(128, 32, 3e-5, 5, 100, warmup=0.0, weight_decay=0.0, source="xtreme, train_xnli.sh"),
    "pawsx": Defaults(128, 32, 2e-5, 5, 100, warmup=0.0, weight_decay=0.0, source="xtreme, train_pawsx.sh"),
    "udpos": Defaults(128, 32, 2e-5, 10, 500, warmup=0.0, weight_decay=0.0, source="xtreme, train_udpos.sh"),
    "panx": Defaults(128, 32, 2e-5, 10, 500, warmup=0.0, weight_decay=0.0, source="xtreme, train_panx.sh"),
    "squad": Defaults(384, 32, 3e-5, 3, ONLY_AT_THE_END, warmup=0.06, weight_decay=1e-4, source="xtreme, train_qa.sh"),
    "siqa": Defaults(128, 32, 3e-5, 5, warmup=0.0, weight_decay=0.0, source="xtreme, train_xcopa.sh"),
    "lareqa": Defaults(256, 16, 2e-5, 3, warmup=0.0, weight_decay=0.0, source="xtreme, train_lareqa.sh"),
    "mewslix": Defaults(64, 32, 1e-5, 2, 500, warmup=0.0, weight_decay=0.0, source="xtreme, train_mewslix.sh"),
}
for _same, _name in (("squad", "xquad"), ("squad", "mlqa"), ("squad", "tydiqa"), ("siqa", "copa"), ("siqa", "xcopa")):
    _XTREME[_name] = _XTREME[_same]

# XLM-R's authors on XNLI (pytorch/fairseq issue 1367): look often, keep the best ("quite important"), patience 5.
_XLMR_AUTHORS = {
    "xnli": Defaults(256, 128, 5e-6, 2, 1000, 5, source="xlmr-authors, fairseq#1367; length and epochs as jiant"),
}

# This project's own: text at the length of XTREME's pairs and the peak rate of small encoders; the generated tasks have
# short sentences and models of a million parameters.
_TEXT = Defaults(128, 64, 1e-3, 10, source="xstilts")
_GENERATED = Defaults(64, 32, 5e-4, 3, source="xstilts")
_OWN = {
    **dict.fromkeys(("gen-text", "gen-nli", "gen-tags", "gen-choice"), _GENERATED),
    **dict.fromkeys(("gen-qa", "gen-ask"), replace(_GENERATED, max_length=128)),
}

# What is no task of a published set is trained like its kin.
_LIKE = {
    **dict.fromkeys(("snli", "anli", "snli-cad"), "mnli"),
    "xnli-dev": "xnli",
    **dict.fromkeys(("paws", "pawsx-dev"), "pawsx"),
    "squadshifts": "squad",
    "hellaswag-dev": "hellaswag",
    "cosmosqa-dev": "cosmosqa",
    "siqa-dev": "siqa",
    "squadshifts-sentences": "lareqa",
}

MULTI_TASK = "several tasks"
_JIANT[MULTI_TASK] = _jiant(256, 24, 1e-5, 3, "remembered; the batch is that of most intermediates")

SETS: Mapping[str, Mapping[str, Defaults]] = {"jiant": _JIANT, "xtreme": _XTREME, "xlmr-authors": _XLMR_AUTHORS}


def alias_of(task: str) -> str:
    """The task of a published set that `task` is like; mostly itself."""
    return _LIKE.get(task, task)


def defaults_of(task: str, task_type: str, hyperparameters: str = "jiant") -> Defaults | None:
    """How a task is trained by a set of settings; None for what is never trained.

    Args:
        task: its name in the registry, or `MULTI_TASK`.
        task type: its task type: text of any name is set alike.
        hyperparameters: a name in `SETS`.
    """
    name = alias_of(task)
    for table in (SETS[hyperparameters], _JIANT, _XTREME, _OWN):
        if name in table:
            return table[name]
    return _TEXT if get_task_type(task_type).reads_text else None
