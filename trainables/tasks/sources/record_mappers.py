"""Records of data sets in their own form, as rows of a task type: of multiple choice, and of adversarial sets.

The same forms stand in the files of the original releases and in the columns of the hub. What is the prompt and what
the choice is as in the study's authors' toolkit (jiant), and for Social IQa, COPA and XCOPA as in XTREME-R's script
``third_party/run_xcopa.py``. The "group" is what questions on the same passage have in common, for hold-outs.

"query" and "endings" are what lm-evaluation-harness (MIT; 0.4.13, ``lm_eval/tasks``) asks a language model with,
where that is not prompt and choices: its ``hellaswag/utils.py``, ``super_glue/copa/utils.py`` and ``xcopa/utils.py``.
Its COPA has two blanks before an ending, its XCOPA one; here it is one.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from trainables.metrics.adversarial_squad import question_of
from trainables.tasks.sources import Row


def hellaswag(record: Mapping[str, Any]) -> Row:
    """The first sentence is the prompt; a choice is the beginning of the second with one of the endings."""
    return {
        "id": str(record["ind"]),
        "prompt": record["ctx_a"],
        "group": record["ctx_a"],
        "choices": [f"{record['ctx_b']} {ending}".strip() for ending in record["endings"]],
        "label": str(record.get("label", "")),
        "query": _tidy(f"{record.get('activity_label', '')}: {record['ctx_a']} {record['ctx_b'].capitalize()}"),
        "endings": [_tidy(ending) for ending in record["endings"]],
    }


def _tidy(text: str) -> str:
    """Without the marks of WikiHow's pages."""
    text = re.sub(r"\[.*?\]", "", text.strip().replace(" [title]", ". "))
    return text.replace("  ", " ")


def cosmosqa(record: Mapping[str, Any]) -> Row:
    return {
        "id": record["id"],
        "prompt": f"{record['context']} {record['question']}",
        "group": record["context"],
        "choices": [record[f"answer{number}"] for number in range(4)],
        "label": str(record["label"]),
    }


def commonsenseqa(record: Mapping[str, Any]) -> Row:
    """The release has question and choices in one object, the hub apart. Version 1.0 has three choices, 1.11 five."""
    question, choices = record["question"], record.get("choices")
    if choices is None:
        question, listed = question["stem"], question["choices"]
        choices = {key: [choice[key] for choice in listed] for key in ("label", "text")}
    answer = record.get("answerKey") or ""
    label = str(choices["label"].index(answer)) if answer else ""
    return {"id": record["id"], "prompt": question, "choices": list(choices["text"]), "label": label}


def siqa(record: Mapping[str, Any]) -> Row:
    """The release marks the answer with a letter (``correct``), the hub with a number from 1 (``label``)."""
    if letter := record.get("correct"):
        label = str("ABC".index(letter))
    else:
        label = str(int(record["label"]) - 1) if record["label"] else ""
    return {
        "prompt": f"{record['context']} {record['question']}",
        "group": record["context"],
        "choices": [record[f"answer{letter}"] for letter in "ABC"],
        "label": label,
    }


CONNECTIVES = {
    "en": ("because", "therefore"),
    "et": ("sest", "seetõttu"),
    "ht": ("poukisa", "donk sa"),
    "id": ("karena", "maka"),
    "it": ("perché", "quindi"),
    "qu": ("imataq", "chaymi"),
    "sw": ("kwa sababu", "kwa hiyo"),
    "ta": ("காரணமாக", "எனவே"),
    "th": ("เพราะ", "ดังนั้น"),
    "tr": ("çünkü", "bu yüzden"),
    "vi": ("bởi vì", "vì vậy"),
    "zh": ("因为", "所以"),
}
"""By language what joins a premise with its cause, and with its effect."""


def copa(record: Mapping[str, Any], language: str = "en") -> Row:
    """COPA, and XCOPA in any language: the question is asked in English, as the benchmark's script has it."""
    label = record.get("label")
    cause, effect = CONNECTIVES[language]
    return {
        "query": f"{record['premise'].strip()[:-1]} {cause if record['question'] == 'cause' else effect}",
        "endings": [record[name][:1].lower() + record[name][1:] for name in ("choice1", "choice2")],
        "id": str(record["idx"]),
        "prompt": f"{record['premise']} What was the {record['question']}?",
        "choices": [record["choice1"], record["choice2"]],
        "label": "" if label is None or int(label) < 0 else str(label),
    }


def question(record: Mapping[str, Any]) -> Row:
    """A question of SQuAD on a passage."""
    return {name: record[name] for name in ("id", "question", "context", "answers")}


def clean_question(record: Mapping[str, Any]) -> Row | list[Row]:
    """Of Adversarial SQuAD the questions with clean passages alone."""
    return question(record) if record["id"] == question_of(record["id"]) else []


def hans(record: Mapping[str, Any]) -> Row:
    """The hub numbers the classes."""
    label = HANS_LABELS[record["label"]] if isinstance(record["label"], int) else record["label"]
    return {
        "text_a": record["premise"].strip(),
        "text_b": record["hypothesis"].strip(),
        "label": label,
        "parts": hans_parts(record["heuristic"], label),
    }


HANS_LABELS = ("entailment", "non-entailment")


def hans_parts(heuristic: str, label: str) -> list[str]:
    """The parts of HANS that a row counts in: its heuristic, and its heuristic with its label, as the authors' script
    has it (tommccoy1/hans, `evaluate_heur_output.py`)."""
    return [heuristic, f"{heuristic}, {label}"]
