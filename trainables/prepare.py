"""Prepare steps: train a tokenizer; read and tokenise a task's rows once, into Arrow that workers only read.

tokenizer step     model/                          loadable by AutoTokenizer
data step          <split>-<language>/features/    what models read (input_ids, ...)
                   <split>-<language>/examples/    the rows themselves, for decoding and scoring
                   counts.json                     rows, features, whether labelled, and where they came from
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import datasets
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors, trainers
from transformers import PreTrainedTokenizerFast

from .families import get_family
from .model import load_tokenizer
from .recipe import DataRecipe, Execution, Rows, TaskSpec, TokenizerRecipe
from .store import MODEL, Store
from .tasks import get_task
from .tasks.opening import source_at
from .tasks.sources import DataError, is_labelled

SPECIAL = ("<s>", "<pad>", "</s>", "<unk>")
"""XLM-R's special tokens, at its ids 0 to 3; `<mask>` is the last."""


def prepare_tokenizer(recipe: TokenizerRecipe, execution: Execution, made: Path) -> dict[str, Any]:
    """Train a Unigram tokenizer on the task's text. Same text, same pieces."""
    tokenizer = Tokenizer(models.Unigram())
    tokenizer.normalizer = normalizers.Sequence(
        [normalizers.NFKC(), normalizers.Replace(r" {2,}", " "), normalizers.Strip()]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    trainer = trainers.UnigramTrainer(
        vocab_size=recipe.vocab_size - 1,
        special_tokens=list(SPECIAL),
        unk_token="<unk>",
        show_progress=False,
    )
    tokenizer.train_from_iterator(_texts(recipe, execution), trainer)
    tokenizer = _canonical(tokenizer)
    tokenizer.add_special_tokens(["<mask>"])
    first, last = ("<s>", 0), ("</s>", 2)
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", pair="<s> $A </s> </s> $B </s>", special_tokens=[first, last]
    )
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token="<s>",
        cls_token="<s>",
        eos_token="</s>",
        sep_token="</s>",
        pad_token="<pad>",
        unk_token="<unk>",
        mask_token="<mask>",
    )
    fast.save_pretrained(made / MODEL)
    return {"vocabulary": len(fast)}


def prepare_data(recipe: DataRecipe, store: Store, execution: Execution, made: Path) -> dict[str, Any]:
    """Encode every split and language of the recipe.

    Raises DataError when there is no row to encode, or training rows carry no labels.
    """
    family = get_family(recipe.task.family)
    tokenizer = load_tokenizer(recipe.tokenizer, store, execution)
    counts: dict[str, Any] = {}
    for rows in recipe.rows:
        examples, labelled, origin = read_rows(recipe.task, rows, execution)
        if rows.split != "test" and not labelled:
            raise DataError(f"{recipe.task.name} {rows.name}: rows without labels cannot train ({origin})")
        features = family.encode(examples, tokenizer, recipe.task, recipe.max_length)
        if not features:
            raise DataError(f"{recipe.task.name} {rows.name}: no rows ({origin})")
        datasets.Dataset.from_list(features).save_to_disk(made / rows.name / "features")
        examples.save_to_disk(made / rows.name / "examples")
        counts[rows.name] = {
            "examples": len(examples),
            "features": len(features),
            "subwords": sum(len(feature["input_ids"]) for feature in features),
            "labelled": labelled,
            "source": origin,
        }
    (made / "counts.json").write_text(json.dumps(counts, indent=1, ensure_ascii=False))
    return counts


def read_rows(task: TaskSpec, rows: Rows, execution: Execution) -> tuple[datasets.Dataset, bool, str]:
    """The rows themselves, whether they carry labels, and a sentence on where they came from.

    Raises DataError when what is there now is not what the recipe was made for.
    """
    source = source_at(task.source, execution.data, rows.revision)
    entry = get_task(task.name)
    found = source.revision(entry, rows.split, rows.language)
    if found != rows.revision:
        raise DataError(
            f"{task.name} {rows.name}: the data is {found[:20]}, the plan was made for {rows.revision[:20]}; plan again"
        )
    examples = source.rows(entry, rows.split, rows.language)
    if rows.limit is not None:
        examples = examples.select(range(min(rows.limit, len(examples))))
    labelled = len(examples) > 0 and all(is_labelled(entry, row) for row in examples)
    return examples, labelled, source.describe(entry, rows.split, rows.language)


def load_part(store: Store, step: str, name: str) -> tuple[datasets.Dataset, datasets.Dataset]:
    """(features, examples) of one split and language of a data step, mapped from disk."""
    directory = store.path(step) / name
    return (
        datasets.load_from_disk(str(directory / "features")),
        datasets.load_from_disk(str(directory / "examples")),
    )


def load_parts(store: Store, step: str, split: str) -> tuple[datasets.Dataset, datasets.Dataset]:
    """(features, examples) of a split in all languages of a data step, one after the other.

    Example ids carry their language, and features point into the joined examples.
    """
    names = [Rows(**rows).name for rows in store.record(step)["recipe"]["rows"] if rows["split"] == split]
    if len(names) == 1:
        return load_part(store, step, names[0])
    all_features, all_examples, offset = [], [], 0
    for name in names:
        features, examples = load_part(store, step, name)
        language = name.partition("-")[2]
        shifted = [number + offset for number in features["example"]]
        all_features.append(features.remove_columns("example").add_column("example", shifted))
        ids = [f"{language}:{i}" for i in examples["id"]]
        all_examples.append(examples.remove_columns("id").add_column("id", ids))
        offset += len(examples)
    return datasets.concatenate_datasets(all_features), datasets.concatenate_datasets(all_examples)


def _canonical(tokenizer: Tokenizer) -> Tokenizer:
    """The same pieces in one order: the trainer walks through randomly seeded hash maps, so from run to run the last
    bits of its scores vary, and so does the order in which it appends the characters that no piece has."""
    state = json.loads(tokenizer.to_str())
    pieces = [(piece, round(score, 6)) for piece, score in state["model"]["vocab"]]
    special, learnt = pieces[: len(SPECIAL)], pieces[len(SPECIAL) :]
    learnt.sort(key=lambda entry: (-entry[1], entry[0]))
    # Appended characters end the list, each 0.0001 below the one before.
    first = len(learnt) - 1
    while first > 0 and learnt[first - 1][1] - learnt[first][1] < 1.5e-4:
        first -= 1
    tail = sorted(piece for piece, _ in learnt[first:])
    scores = [score for _, score in learnt[first:]]
    state["model"]["vocab"] = [*special, *learnt[:first], *zip(tail, scores, strict=True)]
    return Tokenizer.from_str(json.dumps(state))


def _texts(recipe: TokenizerRecipe, execution: Execution) -> Iterator[str]:
    for rows in recipe.rows:
        for row in read_rows(recipe.task, rows, execution)[0]:
            for text in filter(None, (row["text"], row["translation"])):
                yield text
                # A piece must have been seen before two different characters to be considered at all, so words that
                # only ever end at a space would not be learnt whole.
                yield text.replace(" ", ". ") + "."
