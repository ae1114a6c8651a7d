"""How the answers of a question are scored by a language model: the prompt, what stands before it, what is compared.

Names and meanings are those of lm-evaluation-harness (https://github.com/EleutherAI/lm-evaluation-harness, 0.4.13),
whose numbers these are on the same rows: `tests/trainables/task_types/test_likelihood_equals_lm_eval.py`.
"""

from __future__ import annotations

import string
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from trainables.outside.text import shown
from trainables.recipe.canonical import Frozen

PROMPT_FIELDS = ("prompt", "query", "choices", "subject")
"""What a template may name: columns of a row; `choices` are lines, each with its letter: "A. ..."."""
MOST_SHOTS = 1000


class WrongTemplate(ValueError):
    """A prompt template that cannot be filled in; the message says why, as the end of a sentence."""


def check_template(template: str) -> str:
    """The template, if it names fields of a row alone, plainly.

    Raises:
        WrongTemplate: it names another field, or is no template.
    """
    try:
        parts = list(string.Formatter().parse(template))
    except ValueError as error:
        raise WrongTemplate(
            f"is no template ({error}); write {{prompt}} for a field of the row, and {{{{ or }}}} for a brace"
        ) from None
    for _, name, form, conversion in parts:
        if name is None:
            continue
        if name not in PROMPT_FIELDS:
            there = ", ".join(f"{{{one}}}" for one in PROMPT_FIELDS)
            raise WrongTemplate(f"names the field {shown(name)}, which rows do not have; there are {there}")
        if form or conversion:
            raise WrongTemplate(f"gives the field {shown(name)} a format; write {{{name}}}")
    return template


def fields_of(template: str) -> set[str]:
    """The fields that a template names."""
    return {name for _, name, _, _ in string.Formatter().parse(template) if name is not None}


Template = Annotated[str, Field(strict=True, max_length=10_000), AfterValidator(check_template)]
Normalisation = Literal["characters", "bytes", "subwords"]


class Prompt(Frozen):
    """How a row becomes a text that a language model goes on with."""

    question: Template = "{prompt}"
    """Of the row that is asked and of each shot; the answer follows it behind a blank."""
    description: Template = ""
    """Stands once, before shots and question, filled in by the row that is asked."""
    answers: Literal["texts", "letters"] = "texts"
    """What is scored: the texts of the choices (the row's `endings`, where it has them and `question` reads `query`),
    or the letters before them in `{choices}`."""


class Likelihood(Prompt):
    """How multiple choice is read by likelihood. What is None has no say."""

    normalise: Normalisation | None = None
    """By what the log-likelihood of an answer is divided before answers are compared; None: by nothing, the sum over
    its subwords counts (lm-evaluation-harness's `acc`; `characters` is its `acc_norm`, `bytes` its `acc_bytes`)."""
    shots: int | None = Field(default=None, gt=0, le=MOST_SHOTS)
    """Rows with their answers before the question: the first ones, of the same subject where rows have one."""
    loss: Literal["answer"] | None = None
    """In training: the negative log-likelihood of the right answer (`answer`: language modelling on the answer), or
    None: the cross-entropy of the right one among the choices, by the scores that choose among them."""

    @property
    def encoding(self) -> Likelihood:
        """What of it bears on how rows are encoded."""
        return self.model_copy(update={"normalise": None, "loss": None})

    @property
    def evaluation(self) -> Likelihood:
        """What of it bears on an evaluation."""
        return self.model_copy(update={"loss": None})
