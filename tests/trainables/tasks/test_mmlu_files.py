"""MMLU's release, MMMLU and Global-MMLU in a data folder, in their own forms."""

from __future__ import annotations

import pytest
from datasets import Dataset

from trainables.tasks import get_task
from trainables.tasks.sources import DataError

RELEASED = '"Which one, ""a"" or\nthe other?",one,two,"three, or 3",four,C\nAnd now?,1,2,3,4,A\n'
MMMLU = ",Question,A,B,C,D,Answer,Subject\n0,Was?,eins,zwei,drei,vier,B,virology\n1,Wer?,a,b,c,d,D,anatomy\n"
GLOBAL = {
    "subject": "world_religions", "subject_category": "Humanities", "question": "Nini?", "option_a": "moja",
    "option_b": "mbili", "option_c": "tatu", "option_d": "nne", "answer": "D", "required_knowledge": "", "region": "",
}  # fmt: skip


@pytest.fixture
def folder(write, tmp_path):
    """A data folder with a few rows of each split."""
    for split, file in (("test", "anatomy_test"), ("val", "anatomy_val"), ("dev", "anatomy_dev")):
        write(f"mmlu/{split}/{file}.csv", RELEASED)
    write("mmlu/auxiliary_train/race.csv", RELEASED)
    write("mmmlu/test/mmlu_DE-DE.csv", MMMLU)
    write("mmmlu/mmlu_SW-KE.csv", MMMLU)
    for split in ("test", "dev"):
        rows = [
            {"sample_id": f"world_religions/{split}/{number}", **GLOBAL, "cultural_sensitivity_label": label}
            for number, label in enumerate(("CS", "CA", "-"))
        ]
        (tmp_path / "global_mmlu" / "sw").mkdir(parents=True, exist_ok=True)
        Dataset.from_list(rows).to_parquet(tmp_path / "global_mmlu" / "sw" / f"{split}-00000-of-00001.parquet")
    return tmp_path


def test_rows_have_question_answers_subject_and_parts(folder, source):
    for split, subject, parts in (
        ("test", "anatomy", ["stem"]), ("dev", "anatomy", ["stem"]), ("shots", "anatomy", ["stem"]), ("train", "", []),
    ):  # fmt: skip
        first, second = source.rows(get_task("mmlu"), split, "en").to_list()
        assert first["prompt"] == 'Which one, "a" or\nthe other?'
        assert (first["choices"], first["label"]) == (["one", "two", "three, or 3", "four"], "2")
        assert (first["subject"], first["parts"], second["label"]) == (subject, parts, "0")
    for language in ("de", "sw"):  # in either place
        first, second = source.rows(get_task("mmmlu"), "test", language).to_list()
        assert (first["prompt"], first["choices"][1], first["label"]) == ("Was?", "zwei", "1")
        assert [(one["subject"], one["parts"]) for one in (first, second)] == [
            ("virology", ["other"]), ("anatomy", ["stem"]),
        ]  # fmt: skip
    for split in ("test", "shots"):
        rows = source.rows(get_task("global-mmlu"), split, "sw").to_list()
        assert [one["parts"] for one in rows] == [
            ["humanities", "culturally-sensitive"], ["humanities", "culturally-agnostic"], ["humanities"],
        ]  # fmt: skip
        assert {(one["prompt"], one["label"], one["subject"]) for one in rows} == {("Nini?", "3", "world_religions")}


@pytest.mark.parametrize(
    ("file", "text", "task", "language", "said"),
    [
        (
            "mmlu/test/anatomy_test.csv",
            "only,five,columns,here,A\n",
            "mmlu",
            "en",
            r"row 1: 5 columns; expected question",
        ),
        ("mmlu/test/anatomy_test.csv", RELEASED + "q,a,b,c,d,E\n", "mmlu", "en", "row 3: .*expected question, four"),
        ("mmmlu/test/mmlu_DE-DE.csv", MMMLU.replace(",B,vir", ",X,vir"), "mmmlu", "de", "row 1: not in the form"),
        ("mmmlu/test/mmlu_DE-DE.csv", MMMLU.replace("Answer", "Antwort"), "mmmlu", "de", "Answer"),
        ("mmmlu/test/mmlu_DE-DE.csv", MMMLU + "2,zu,kurz\n", "mmmlu", "de", "3 columns, but its first line has 8"),
        ("global_mmlu/sw/test-00000-of-00001.parquet", "no parquet", "global-mmlu", "sw", "parquet"),
        (None, "", "mmmlu", "fr", r"mmlu_FR-FR\.csv"),
    ],
)
def test_what_is_not_in_their_form_is_one_line(folder, source, write, file, text, task, language, said):
    if file is not None:
        write(file, text)
    with pytest.raises(DataError, match=said) as caught:
        source.rows(get_task(task), "test", language)
    assert "\n" not in str(caught.value)
