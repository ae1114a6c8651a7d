"""Records of MMLU and its translations, in their own forms, as rows of multiple choice.

MMLU: Hendrycks et al. 2021, arXiv 2009.03300. MMMLU: OpenAI's translation of its test set. Global-MMLU: Singh et al.
2024, arXiv 2412.03304.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from trainables.tasks.sources import Row

LETTERS = "ABCD"
CULTURES = {"CS": "culturally-sensitive", "CA": "culturally-agnostic"}
"""The parts of annotated rows, by their marks."""
_SUBJECTS = {
    "stem": (
        "abstract_algebra anatomy astronomy college_biology college_chemistry college_computer_science "
        "college_mathematics college_physics computer_security conceptual_physics electrical_engineering "
        "elementary_mathematics high_school_biology high_school_chemistry high_school_computer_science "
        "high_school_mathematics high_school_physics high_school_statistics machine_learning"
    ),
    "humanities": (
        "formal_logic high_school_european_history high_school_us_history high_school_world_history "
        "international_law jurisprudence logical_fallacies moral_disputes moral_scenarios philosophy prehistory "
        "professional_law world_religions"
    ),
    "social-sciences": (
        "econometrics high_school_geography high_school_government_and_politics high_school_macroeconomics "
        "high_school_microeconomics high_school_psychology human_sexuality professional_psychology "
        "public_relations security_studies sociology us_foreign_policy"
    ),
    "other": (
        "business_ethics clinical_knowledge college_medicine global_facts human_aging management marketing "
        "medical_genetics miscellaneous nutrition professional_accounting professional_medicine virology"
    ),
}
GROUPS = {subject: group for group, subjects in _SUBJECTS.items() for subject in subjects.split()}
"""The four groups of MMLU's 57 subjects, as lm-evaluation-harness has them: those of MMLU's own `categories.py`
(hendrycks/test, MIT) but for anatomy, which stands there under health, and so in `other`."""


def mmlu(record: Mapping[str, Any]) -> Row:
    """MMLU on the hub, whose answers are numbers; rows of its auxiliary training set may be packed into one column, and
    are about no subject."""
    record = record.get("train", record)
    return {
        "prompt": record["question"],
        "choices": list(record["choices"]),
        "label": str(int(record["answer"])),
        **about(record.get("subject") or ""),
    }


def mmmlu(record: Mapping[str, Any]) -> Row:
    """MMMLU: rows of MMLU's test set, in the same order."""
    return {
        "prompt": record["Question"],
        "choices": [str(record[letter]) for letter in LETTERS],
        "label": str(LETTERS.index(record["Answer"].strip())),
        **about(record["Subject"]),
    }


def global_mmlu(record: Mapping[str, Any]) -> Row:
    """Global-MMLU. Annotated rows are culturally sensitive (CS) or agnostic (CA); the others are neither."""
    culture = CULTURES.get(str(record.get("cultural_sensitivity_label")))
    found = about(record["subject"])
    return {
        "id": str(record["sample_id"]),
        "prompt": record["question"],
        "choices": [record[f"option_{letter.lower()}"] for letter in LETTERS],
        "label": str(LETTERS.index(record["answer"].strip())),
        **found,
        "parts": [*found["parts"], *([culture] if culture else [])],
    }


def about(subject: str) -> Row:
    """What a row of MMLU is about, and the part of the test set that this subject is in."""
    return {"subject": subject, "parts": [GROUPS[subject]] if subject in GROUPS else []}
