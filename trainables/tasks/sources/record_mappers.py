"""Records of multiple-choice data sets, in their own form, as rows of the task type.

The same forms stand in the files of the original releases and in the columns of the hub. What is the prompt and what
the choice is as in the study's authors' toolkit (jiant), and for Social IQa, COPA and XCOPA as in XTREME-R's script
``third_party/run_xcopa.py``. The "group" is what questions on the same passage have in common, for hold-outs.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from trainables.tasks.sources import Row


def hellaswag(record: Mapping[str, Any]) -> Row:
    """The first sentence is the prompt; a choice is the beginning of the second with one of the endings."""
    return {
        "id": str(record["ind"]),
        "prompt": record["ctx_a"],
        "group": record["ctx_a"],
        "choices": [f"{record['ctx_b']} {ending}".strip() for ending in record["endings"]],
        "label": str(record.get("label", "")),
    }


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


def copa(record: Mapping[str, Any]) -> Row:
    """COPA, and XCOPA in any language: the question is asked in English, as the benchmark's script has it."""
    label = record.get("label")
    return {
        "id": str(record["idx"]),
        "prompt": f"{record['premise']} What was the {record['question']}?",
        "choices": [record["choice1"], record["choice2"]],
        "label": "" if label is None or int(label) < 0 else str(label),
    }
