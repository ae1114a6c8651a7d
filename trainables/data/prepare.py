"""Prepare steps: train a tokenizer; read and tokenise a task's rows once, into Arrow that workers only read.

tokenizer step     model/                          loadable by AutoTokenizer
data step          <split>-<language>/features/    what models read (input_ids, ...)
                   <split>-<language>/examples/    the rows themselves, for decoding and scoring
                   images/                         of tasks with images: see `trainables.data.images`
                   counts.json                     rows, features, whether labelled, and where they came from
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import datasets
import numpy as np
from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, processors, trainers
from transformers import PreTrainedTokenizerFast

from trainables.batching.samplers import Group
from trainables.data.captions import as_text, next_language
from trainables.data.decontaminate import Seen
from trainables.data.images import ImageTable, images_before
from trainables.models.backbones import get_backbone_type
from trainables.models.inputs import load_input_encoder
from trainables.outside.text import Unreadable
from trainables.perturbations.dictionaries import Entries, read_dictionary
from trainables.perturbations.rows import perturbed
from trainables.recipe.execution import Execution
from trainables.recipe.recipes import DataRecipe, TokenizerRecipe
from trainables.recipe.tasks import Corpus, SplitRef, TaskSpec
from trainables.store import MODEL, Store
from trainables.task_types import get_task_type
from trainables.tasks import get_task
from trainables.tasks.sources import DataError, to_dataset
from trainables.tasks.sources.open_source import source_at

SURPLUS = 1.5
"""Pieces learnt for one that is kept: those of letters and punctuation together are dropped, as XLM-R has none."""


def prepare_tokenizer(recipe: TokenizerRecipe, execution: Execution, workdir: Path) -> dict[str, Any]:
    """Train a Unigram tokenizer on the corpora, with the special tokens of a kind of encoder. Same text, same pieces.

    The special tokens have the first ids, but for the mask token, which has the last.
    """
    backbone_type = get_backbone_type(recipe.model_type)
    names = backbone_type.special_tokens
    mask = names.get("mask_token")
    special = [token for token in dict.fromkeys(names.values()) if token != mask]
    seen = evaluation_text(recipe.exclude, execution)
    tokenizer = Tokenizer(models.Unigram())
    tokenizer.normalizer = normalizers.Sequence(
        [normalizers.NFKC(), normalizers.Replace(r" {2,}", " "), normalizers.Strip()]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    trainer = trainers.UnigramTrainer(
        vocab_size=round(SURPLUS * recipe.vocab_size),
        special_tokens=special,
        unk_token=names["unk_token"],
        show_progress=False,
    )
    tokenizer.train_from_iterator(_texts(recipe, execution, seen), trainer)
    punctuation = pre_tokenizers.Split(Regex(r"▁?\p{P}"), "isolated")
    tokenizer = _canonical(tokenizer, recipe.vocab_size - (mask is not None), len(special), punctuation)
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Metaspace(), punctuation])
    if mask is not None:
        tokenizer.add_special_tokens([mask])
    layout = backbone_type.layout
    roles = {name.removesuffix("_token"): token for name, token in names.items()}
    roles = {role: token for role, token in roles.items() if f"{{{role}}}" in layout.pair}
    tokenizer.post_processor = processors.TemplateProcessing(
        single=layout.template(False, roles),
        pair=layout.template(True, roles),
        special_tokens=[(token, special.index(token)) for token in roles.values()],
    )
    # Said where it is not the default of transformers, so that others who load it get segments, too.
    inputs = {"model_input_names": [*layout.input_names, "attention_mask"]} if layout.segments else {}
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, **names, **inputs)
    fast.save_pretrained(workdir / MODEL)
    return {"vocabulary": len(fast), "excluded_rows": seen.found}


def prepare_data(
    recipe: DataRecipe, store: Store, execution: Execution, workdir: Path, check_stop: Callable[[], None] = lambda: None
) -> dict[str, Any]:
    """Encode every split and language of the recipe, calling `check_stop`, which may raise, before each and between
    reading, encoding and writing one.

    Raises DataError when there is no row to encode, or no number may come of the rows.
    """
    task_type = get_task_type(recipe.task.type)
    modeling = task_type.modeling()
    encoder = load_input_encoder(recipe.tokenizer, store, execution)
    counts: dict[str, Any] = {}
    sought: dict[str, list[str]] = {}
    pool: set[str] = set()
    seen = evaluation_text(recipe.exclude, execution)
    images = ImageTable(recipe.tower, execution) if recipe.tower is not None else None
    shots = None if recipe.shots is None else read_shots(recipe.shots, execution)
    for rows in recipe.rows:
        check_stop()
        found = read_rows(recipe.task, rows, execution)
        labelled, origin = found.labelled, found.origin
        check_stop()
        read, examples = len(found.examples), found.examples
        if recipe.task.type != (entry := get_task(recipe.task.name)).type:
            examples = _captions(recipe, rows, examples, execution, get_task_type(entry.type).image_column)
        examples = seen.without(examples)
        if shots is None:
            features = modeling.encode(examples, encoder, recipe.task, recipe.max_length)
        else:
            before = shots.get(rows.language) or next(iter(shots.values()))
            features = modeling.encode_behind(before, examples, encoder, recipe.task, recipe.max_length)
        if not features:
            raise DataError(f"{recipe.task.name} {rows.name}: no rows for {recipe.task.type} ({origin})")
        if images is not None:
            assert task_type.image_column is not None
            features = images.numbered(examples, features, task_type.image_column, origin)
            examples = examples.remove_columns(task_type.image_column)
        check_stop()
        datasets.Dataset.from_list(features).save_to_disk(workdir / rows.name / "features")
        examples.save_to_disk(workdir / rows.name / "examples")
        counts[rows.name] = {
            "examples": len(examples),
            "features": len(features),
            "subwords": sum(len(feature["input_ids"]) for feature in features),
            "excluded": read - len(examples),
            "labelled": labelled,
            "source": origin,
            "remarks": [*found.remarks, *modeling.remarks(features)],
            **({} if found.changed is None else {"perturbed": found.changed}),
            **modeling.counted(features),
        }
        sought[rows.name] = [key for row in examples for key in task_type.sought(row)] if rows.split == "test" else []
        pool.update(examples["id"][:] if rows.split == "pool" else ())
    if images is not None:
        images.save(workdir)
    for name, keys in sought.items():
        if pool and (absent := sum(key not in pool for key in keys)):
            counts[name]["remarks"].append(f"{absent} of {len(keys)} right answers are not in the pool: never found")
    (workdir / "counts.json").write_text(json.dumps(counts, indent=1, ensure_ascii=False))
    return counts


def _captions(
    recipe: DataRecipe, rows: SplitRef, examples: datasets.Dataset, execution: Execution, column: str | None
) -> datasets.Dataset:
    """Rows that another type reads than their own; of images (in `column`) the captions, as text."""
    if column is None:
        return examples
    task_type = get_task_type(recipe.task.type)
    beside = None
    if task_type.learns_from_translations:
        beside = read_rows(recipe.task, next_language(rows, recipe.rows), execution).examples
    return as_text(examples, beside, column, task_type)


@dataclass(frozen=True)
class ReadRows:
    """Rows of a split, whether they carry labels, a sentence on where they came from, and what is to be known of
    them."""

    examples: datasets.Dataset
    labelled: bool
    origin: str
    remarks: tuple[str, ...]
    changed: dict[str, int] | None = None
    """Of perturbed rows: how many `rows` and `words` there are, and how many of them are others (`SplitCounts`)."""


def read_rows(task: TaskSpec, rows: SplitRef, execution: Execution) -> ReadRows:
    """The rows themselves.

    Raises DataError when what is there now is not what the recipe was made for.
    """
    source = source_at(task.source, execution.data_of(task.name), rows.revision)
    entry = get_task(task.name)
    found = source.revision(entry, rows.split, rows.language)
    if found != rows.revision:
        raise DataError(
            f"{task.name} {rows.name}: the data is {found[:20]}, the plan was made for {rows.revision[:20]}; plan again"
        )
    if entry.reading.get(rows.name) != rows.reading:
        raise DataError(f"{task.name} {rows.name}: its task file has changed since the plan was made; plan again")
    settled = source.settled(entry, rows.split, rows.language)
    read, remarks, changed = settled.rows, settled.remarks, None
    limited = rows.limit is not None and rows.limit < len(read)
    chosen = drawn(len(read), rows.limit) if limited and rows.limit is not None else range(len(read))
    if rows.perturbation is not None:
        columns, dictionaries = get_task_type(entry.type).perturbed, _dictionaries(rows, execution)
        new = perturbed(read, rows.perturbation, columns, task.name, rows.language, dictionaries)
        if all(one.row == old for one, old in zip(new, read, strict=True)):
            kind = rows.perturbation.kind
            remarks = (*remarks, f"{kind}: nothing in these rows could be perturbed; they are those of {task.name}")
        changed = {
            "rows": len(chosen),
            "rows_changed": sum(new[number].row != read[number] for number in chosen),
            "words": sum(new[number].words for number in chosen),
            "words_changed": sum(new[number].changed for number in chosen),
        }
        read = [one.row for one in new]
    examples = to_dataset(entry.type, read)
    if limited:
        examples = examples.select(chosen)
    labelled = len(examples) > 0 and all(map(entry.is_labelled, examples.to_list()))
    return ReadRows(examples, labelled, source.describe(entry, rows.split, rows.language), remarks, changed)


def _dictionaries(rows: SplitRef, execution: Execution) -> dict[str, Entries]:
    """What the dictionaries of perturbed rows say, by the language of their translations."""
    found = {}
    for one in (rows.perturbation and rows.perturbation.dictionaries) or ():
        try:
            sha256, found[one.into] = read_dictionary(Path(execution.dictionary_paths[one.sha256]), rows.language)
        except Unreadable as error:
            raise DataError(str(error)) from None
        if sha256 != one.sha256:
            raise DataError(
                f"{execution.dictionary_paths[one.sha256]}: is another file than the plan was made for; plan again"
            )
    return found


def drawn(count: int, limit: int) -> list[int]:
    """`limit` of the numbers below `count`, ascending: those whose hashes are the lowest.

    Many data sets are sorted by article, genre or label, so their first rows are no sample of them. The draw looks at
    positions alone: it is the same for translations of one set, and a smaller one is a part of a larger one.
    """
    lowest = sorted(range(count), key=lambda number: hashlib.sha256(str(number).encode()).digest())
    return sorted(lowest[:limit])


def load_split(store: Store, step: str, name: str) -> tuple[datasets.Dataset, datasets.Dataset]:
    """(features, examples) of one split and language of a data step, mapped from disk."""
    directory = store.path(step) / name
    return (
        datasets.load_from_disk(str(directory / "features")),
        datasets.load_from_disk(str(directory / "examples")),
    )


def load_joined(
    store: Store, steps: tuple[str, ...], split: str
) -> tuple[datasets.Dataset, datasets.Dataset, list[Group]]:
    """(features, examples, groups) of a split in all languages of some data steps, one after the other.

    Example ids carry their language (and corpus), features point into the joined examples, and groups hold numbers of
    features: by corpus, language and whether they are translations.
    """
    parts = [
        (corpus, SplitRef(**rows))
        for corpus, step in enumerate(steps)
        for rows in store.record(step)["recipe"]["rows"]
        if rows["split"] == split
    ]
    all_features, all_examples, groups = [], [], []
    first, offset, images = 0, 0, images_before(store, steps)
    for corpus, rows in parts:
        features, examples = load_split(store, steps[corpus], rows.name)
        pairs = np.array(features["pair"][:] if "pair" in features.column_names else [False] * len(features))
        for kind in (False, True):
            groups.append(Group(corpus, rows.language, kind, (first + np.flatnonzero(pairs == kind)).tolist()))
        if images[corpus]:
            numbers = [number + images[corpus] for number in features["image"][:]]
            features = features.remove_columns("image").add_column("image", numbers)
        if len(parts) > 1:
            shifted = [number + offset for number in features["example"][:]]
            features = features.remove_columns("example").add_column("example", shifted)
            prefix = rows.language if len(steps) == 1 else f"{corpus}:{rows.language}"
            ids = [f"{prefix}:{i}" for i in examples["id"][:]]
            examples = examples.remove_columns("id").add_column("id", ids)
        all_features.append(features)
        all_examples.append(examples)
        first, offset = first + len(features), offset + len(examples)
    if len(parts) == 1:
        return all_features[0], all_examples[0], groups
    return datasets.concatenate_datasets(all_features), datasets.concatenate_datasets(all_examples), groups


def evaluation_text(corpora: tuple[Corpus, ...], execution: Execution) -> Seen:
    """The sentences of evaluation data that text is cleared of."""
    seen = Seen()
    for corpus in corpora:
        for rows in corpus.rows:
            seen.add(read_rows(corpus.task, rows, execution).examples, get_task_type(corpus.task.type).texts)
    return seen


def read_shots(corpus: Corpus, execution: Execution) -> dict[str, list[dict[str, Any]]]:
    """Rows that stand before others, by language."""
    return {rows.language: read_rows(corpus.task, rows, execution).examples.to_list() for rows in corpus.rows}


def _canonical(tokenizer: Tokenizer, size: int, specials: int, punctuation: Any) -> Tokenizer:
    """The `size` likeliest pieces that `punctuation` does not split, in one order, every character among them.

    The trainer walks through randomly seeded hash maps, so from run to run the last bits of its scores vary, and so
    does the order in which it appends the characters that no piece has.
    """
    state = json.loads(tokenizer.to_str())
    pieces = [(piece, round(score, 6)) for piece, score in state["model"]["vocab"]]
    special, learnt = pieces[:specials], pieces[specials:]
    learnt = [entry for entry in learnt if len(punctuation.pre_tokenize_str(entry[0])) == 1]
    learnt.sort(key=lambda entry: (-entry[1], entry[0]))
    # Appended characters end the list, each 0.0001 below the one before.
    first = len(learnt) - 1
    while first > 0 and learnt[first - 1][1] - learnt[first][1] < 1.5e-4:
        first -= 1
    appended = sorted(piece for piece, _ in learnt[first:])
    kept, room = [], size - len(special) - len(appended) - sum(len(piece) == 1 for piece, _ in learnt[:first])
    for piece, score in learnt[:first]:
        if len(piece) > 1:
            room -= 1
        if len(piece) == 1 or room >= 0:
            kept.append((piece, score))
    scores = [kept[-1][1] - 1e-4 * (i + 1) for i in range(len(appended))]
    state["model"]["vocab"] = [*special, *kept, *zip(appended, scores, strict=True)]
    return Tokenizer.from_str(json.dumps(state))


def _texts(recipe: TokenizerRecipe, execution: Execution, seen: Seen) -> Iterator[str]:
    for corpus in recipe.corpora:
        for rows in corpus.rows:
            for row in seen.without(read_rows(corpus.task, rows, execution).examples).to_list():
                for text in filter(None, (row["text"], row["translation"])):
                    yield text
                    # A piece must have been seen before two different characters to be considered at all, so words
                    # that only ever end at a space would not be learnt whole.
                    yield text.replace(" ", ". ") + "."
