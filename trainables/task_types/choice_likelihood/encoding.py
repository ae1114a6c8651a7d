"""From a question and its answers to subwords, cut where lm-evaluation-harness cuts them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from trainables.models.inputs import InputEncoder
from trainables.recipe.likelihood import Likelihood
from trainables.recipe.tasks import TaskSpec
from trainables.task_types.choice_likelihood.prompts import Asked, Row, asked, shots_of

AT_ONCE = 256
"""Rows whose texts are cut into subwords together."""


@dataclass(frozen=True)
class Encoded:
    """A question in subwords."""

    asked: Asked
    sequences: list[list[int]]
    """What is read: each different text that an answer's last subword is predicted behind."""
    of: list[int]
    """Of each answer the sequence that it ends."""
    targets: list[list[int]]
    """Subwords of each answer: they are predicted at the end of its sequence, the last one behind it."""
    cut: bool
    """Whether the prompt lost its beginning."""


def encoded_rows(
    shots: Sequence[Row], rows: Sequence[Row], encoder: InputEncoder, task: TaskSpec, max_length: int
) -> Iterator[tuple[Row, Encoded]]:
    """Each row behind its shots, in at most `max_length` subwords.

    A prompt without shots that is too long loses its beginning, as lm-evaluation-harness cuts it. Raises ValueError
    where a row cannot be asked, or does not fit with its shots; the message names it, and says how many fit.
    """
    way = task.likelihood or Likelihood()
    for start in range(0, len(rows), AT_ONCE):
        some = rows[start : start + AT_ONCE]
        questions = []
        for row in some:
            try:
                questions.append(asked(row, shots_of(row, shots, way) if way.shots else (), way))
            except ValueError as problem:
                raise ValueError(f'{task.title}, row "{row["id"]}": {problem}') from None
        for row, question, (prompt, answers) in zip(some, questions, _subwords(questions, encoder), strict=True):
            need = len(prompt) + max(map(len, answers)) - 1
            if need > max_length and question.shots:
                fit = fitting(question, encoder, max_length)
                raise ValueError(
                    f'{task.title}, row "{row["id"]}": with {len(question.shots)} shots it has {need} subwords, and '
                    f"max_length is {max_length}; {fit} fit: give shots: {fit}, or max_length: {need}"
                )
            if (longest := max(map(len, answers))) > max_length or not all(answers):
                what = f"an answer has {longest} subwords alone, and max_length is {max_length}; give more"
                what = what if longest > max_length else "an answer adds no subword to its prompt; write another one"
                raise ValueError(f'{task.title}, row "{row["id"]}": {what}')
            yield row, _joined(question, prompt, answers, max_length)


def fitting(question: Asked, encoder: InputEncoder, max_length: int) -> int:
    """How many of its shots fit before a question."""
    for shots in reversed(range(len(question.shots))):
        shorter = Asked(question.head, question.shots[:shots], question.question, question.answers)
        ((prompt, answers),) = _subwords([shorter], encoder)
        if len(prompt) + max(map(len, answers)) - 1 <= max_length:
            return shots
    return 0


def _joined(question: Asked, prompt: list[int], answers: list[list[int]], max_length: int) -> Encoded:
    sequences: dict[tuple[int, ...], int] = {}
    of, cut = [], False
    for answer in answers:
        whole = [*prompt, *answer][:-1]
        cut = cut or len(whole) > max_length
        of.append(sequences.setdefault(tuple(whole[-max_length:]), len(sequences)))
    return Encoded(question, [list(one) for one in sequences], of, answers, cut)


def _subwords(questions: Iterable[Asked], encoder: InputEncoder) -> Iterator[tuple[list[int], list[list[int]]]]:
    """Of each question the subwords of its prompt, what the tokenizer puts before a text included, and of each answer.

    Blanks at the end of a prompt belong to the answer, since tokenizers join them with the next word.
    """
    before = encoder.single.prefix["input_ids"]
    parts = []
    for one in questions:
        context = one.context.rstrip()
        parts.append((context, [one.context[len(context) :] + answer for answer in one.continuations]))
    texts = [text for context, answers in parts for text in (context, *(context + answer for answer in answers))]
    ids = iter(encoder.subwords(texts))
    for _, answers in parts:
        prompt = next(ids)
        ends = [next(ids)[len(prompt) :] for _ in answers]
        yield [*before, *prompt], ends
