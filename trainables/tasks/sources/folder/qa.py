"""Questions on passages: SQuAD in both versions, XQuAD, MLQA, TyDi QA, and a stand-in."""

from __future__ import annotations

from pathlib import Path

from trainables.tasks.sources import part
from trainables.tasks.sources.folder.located import Located, held_out_note, require_file
from trainables.tasks.sources.folder.reading import read_questions
from trainables.tasks.task import Split, Task

# Shares of the groups that are held out as dev where a data set brings no dev set that may be used as such.
TYDIQA_DEV = 0.1  # of the passages of English train: English dev doubles as test
SQUADSHIFTS_DEV = 0.1  # of the articles


def squad(folder: Path, task: Task, split: Split, language: str) -> Located:
    place = folder / "squad"
    if language == task.train_language:
        file = require_file(task, split, language, place / f"{split}-v1.1.json")
        return Located((file,), lambda: read_questions(file))
    name = Path("translate-train") / f"squad.translate.train.en-{language}.json"
    translated = require_file(task, split, language, folder / "xtreme_translations" / "SQuAD" / name, place / name)
    return Located((translated,), lambda: read_questions(translated), "translated by XTREME")


def squad2(folder: Path, task: Task, split: Split, language: str) -> Located:
    file = require_file(task, split, language, *(folder / name / f"{split}-v2.0.json" for name in ("squad", "squad2")))
    return Located((file,), lambda: read_questions(file))


def squadshifts(folder: Path, task: Task, split: Split, language: str) -> Located:
    file = require_file(task, split, language, folder / "squadshifts" / "new_wiki_v1.0.json")
    return Located(
        (file,), lambda: part(read_questions(file), split, SQUADSHIFTS_DEV), held_out_note(split, "articles")
    )


def xquad(folder: Path, task: Task, split: Split, language: str) -> Located:
    file = require_file(task, split, language, folder / "xquad" / f"xquad.{language}.json")
    return Located((file,), lambda: read_questions(file))


def mlqa(folder: Path, task: Task, split: Split, language: str) -> Located:
    name = f"test-context-{language}-question-{language}.json"
    places = (folder / "mlqa" / name, folder / "mlqa" / "MLQA_V1" / "test" / name, folder / "MLQA_V1" / "test" / name)
    file = require_file(task, split, language, *places)
    return Located((file,), lambda: read_questions(file))


def tydiqa(folder: Path, task: Task, split: Split, language: str) -> Located:
    which = "dev" if split == "test" else "train"
    name = f"tydiqa.goldp.{language}.{which}.json"
    places = (folder / "tydiqa" / name, folder / "tydiqa" / f"tydiqa-goldp-v1.1-{which}" / name)
    file = require_file(task, split, language, *places)
    if split == "test":
        return Located((file,), lambda: read_questions(file), "the benchmark evaluates on its dev set")
    if language != task.train_language:
        return Located((file,), lambda: read_questions(file))
    return Located((file,), lambda: part(read_questions(file), split, TYDIQA_DEV), held_out_note(split, "passages"))
