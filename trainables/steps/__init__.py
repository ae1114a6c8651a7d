"""Steps: what kinds there are, and how one is carried out on whatever host.

To add a kind, write a module with a `Recipe` (all that can change its numbers) and a `StepKind`, and register it: here,
or in a plug-in. No other module knows the name of a kind.
"""

from trainables.steps.base import Demand, FurtherStep, PlanContext, Point, Shown, StepKind
from trainables.steps.kinds.data import Data
from trainables.steps.kinds.embed import Embed
from trainables.steps.kinds.evaluate import Evaluate
from trainables.steps.kinds.similarity import Similarity
from trainables.steps.kinds.tokenizer import Tokenizer
from trainables.steps.kinds.train import Train
from trainables.steps.kinds.transferability import Transferability
from trainables.steps.records import EvaluateResult, PerturbedCounts, SplitCounts, StepRecord, TrainResult, split_counts
from trainables.steps.registry import UnknownStepKind, get_step_kind, groups, kind_of, read_recipe, register

for _kind in (Tokenizer(), Data(), Train(), Evaluate(), Embed(), Similarity(), Transferability()):
    register(_kind)

__all__ = [
    "Demand", "EvaluateResult", "FurtherStep", "PerturbedCounts", "PlanContext", "Point", "Shown", "SplitCounts",
    "StepKind", "StepRecord", "TrainResult", "UnknownStepKind", "get_step_kind", "groups", "kind_of", "read_recipe",
    "register", "split_counts",
]  # fmt: skip
