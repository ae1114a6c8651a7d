"""Multiple choice by likelihood: of rows of multiple choice, the answer that a language model finds likeliest."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from trainables.task_types.base import HeadWork, Length
from trainables.task_types.multiple_choice.schema import MultipleChoice

if TYPE_CHECKING:
    from trainables.recipe.tasks import TaskSpec

SCORED = 0.1
"""Share of the subwords that an answer is made of. Assumed: less of letters, more of short prompts."""
CHOSEN, LIKELIHOODS = "choice", "log_likelihoods"
"""What a prediction says: the position of the chosen answer, and the log-likelihood of each answer, in nats."""


class ChoiceLikelihood(MultipleChoice):
    """Its predictions are objects: `{"choice": "1", "log_likelihoods": [-9.1, -7.5]}`."""

    name = "choice-likelihood"
    modeling_class = "trainables.task_types.choice_likelihood.modeling:ChoiceLikelihood"
    usual_length = Length(80.0, sequences=4)
    continues_prompts = True
    predicts_next = True
    whole_vocabulary = True
    chooses = False
    by_likelihood = ""
    other_metrics: ClassVar[tuple[str, ...]] = (
        *MultipleChoice.other_metrics, "accuracy_sum", "accuracy_characters", "accuracy_bytes",
    )  # fmt: skip

    def forward_flops(self, blocks: float, head: HeadWork) -> float:
        """The whole vocabulary for each subword of an answer."""
        return blocks + SCORED * head.per_token(head.vocabulary)

    def chosen(self, prediction: Any) -> str:
        return str(prediction[CHOSEN])

    def tells_chance(self, task: TaskSpec) -> bool:
        # The loss of language modelling has no chance level: it is over all subwords, not over the choices.
        return task.likelihood is None or task.likelihood.loss is None
