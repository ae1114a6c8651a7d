"""Where the splits of tasks lie on the hub. To add a task, add its tables below.

Only parquet files are read, never a script. Where a repository's main branch has none, they are those that the hub
itself makes of it on the branch ``refs/convert/parquet``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from trainables.tasks.benchmarks import (
    MLQA,
    PANX,
    PANX_R,
    PAWSX,
    TATOEBA,
    TATOEBA_R,
    TYDIQA,
    UDPOS,
    UDPOS_UNTRAINED,
    XCOPA,
    XNLI,
    XQUAD,
    XQUAD_R,
)
from trainables.tasks.languages import ISO3, NAMES
from trainables.tasks.sources import Row
from trainables.tasks.sources import record_mappers as forms
from trainables.tasks.sources.folder.dense import answer_sentences
from trainables.tasks.sources.folder.pairs import PAWSX_DEV_DEV, XNLI_DEV_DEV
from trainables.tasks.sources.folder.qa import TYDIQA_DEV
from trainables.tasks.task import Split

MAIN, CONVERTED = "main", "refs/convert/parquet"
ENGLISH = ("en",)


@dataclass(frozen=True, kw_only=True)
class Table:
    """Where one split of a task lies on the hub, in some of its languages.

    Attributes:
        dataset: id of the repository.
        config: its configuration; ``{code}`` stands for the language's two letters, ``{iso3}`` for its three and
            ``{name}`` for its English name.
        splits: its splits, read one after the other.
        languages: the languages that this table has.
        branch: where its parquet files are; a commit that is pinned is one of this branch.
        columns: hub column by column of the task type, where they differ. Class numbers become their names.
        form: makes a row of a record, where renaming columns does not; ``columns`` is then not used.
        id_prefix: keep only rows whose id begins so (same placeholders, lowercased), where one split mixes languages.
        group, share: hold out this share of the groups (by this hub column) as dev; the rest is train. For the
            languages of ``held_out``; in others every row is train.
        labelled_only: leave out rows without a label (SNLI has such where the annotators did not agree).
        notes: what a person should know before comparing scores, by language.
    """

    dataset: str
    config: str
    splits: tuple[str, ...]
    languages: tuple[str, ...] = ENGLISH
    branch: str = MAIN
    columns: Mapping[str, str] = field(default_factory=dict)
    form: Callable[[Mapping[str, Any]], Row] | None = None
    id_prefix: str = ""
    group: str = ""
    share: float = 0.0
    held_out: tuple[str, ...] = ENGLISH
    labelled_only: bool = False
    notes: Mapping[str, str] = field(default_factory=dict)

    def filled(self, language: str) -> tuple[str, str]:
        """Configuration and id prefix for a language."""
        names = {"code": language, "iso3": ISO3.get(language, language), "name": NAMES.get(language, language)}
        return self.config.format(**names), self.id_prefix.format(**names).lower()


def _sentence(record: Mapping[str, Any]) -> Row:
    """LAReQA's rows from SQuAD's; one whose answer begins in no sentence has no row."""
    answers = [{"answer_start": start} for start in record["answers"]["answer_start"]]
    question = {"id": record["id"], "question": record["question"], "answers": answers}
    return next(iter(answer_sentences([{"context": record["context"], "qas": [question]}])), {})


_SPLITS: tuple[tuple[Split, str], ...] = (("train", "train"), ("dev", "validation"), ("test", "test"))
_NLI = {"text_a": "premise", "text_b": "hypothesis"}
_PAWS = {"text_a": "sentence1", "text_b": "sentence2"}
_XNLI_DEV = Table(
    dataset="facebook/xnli",
    config="en",
    splits=("validation",),
    columns=_NLI,
    group="premise",
    share=XNLI_DEV_DEV,
)
_PAWSX_DEV = Table(
    dataset="google-research-datasets/paws-x",
    config="en",
    splits=("validation",),
    columns=_PAWS,
    group="sentence1",
    share=PAWSX_DEV_DEV,
)
_TYDIQA_TRAIN = Table(
    dataset="google-research-datasets/tydiqa",
    config="secondary_task",
    splits=("train",),
    languages=TYDIQA,
    id_prefix="{name}-",
    group="context",
    share=TYDIQA_DEV,
)


# Where `google/xtreme` has other sentences than XTREME's download, by the counts of both (see LICENCES.md).
_UDPOS_NOTES = dict.fromkeys(("de", "el", "fr", "ru", "zh"), "more rows than XTREME's own files have")


def _splits(
    task: str, dataset: str, config: str, train: str = "train", dev: str = "validation", **more: Any
) -> dict[tuple[str, Split], tuple[Table, ...]]:
    """Train and dev of a task that has no more."""
    return {
        (task, "train"): (Table(dataset=dataset, config=config, splits=tuple(train.split("+")), **more),),
        (task, "dev"): (Table(dataset=dataset, config=config, splits=tuple(dev.split("+")), **more),),
    }


def _tagging(task: str, split: Split, theirs: str) -> tuple[Table, ...]:
    if task == "udpos":
        languages = tuple(x for x in UDPOS if split != "train" or x not in UDPOS_UNTRAINED)
        return (
            Table(
                dataset="google/xtreme",
                config="udpos.{name}",
                splits=(theirs,),
                languages=languages,
                columns={"tags": "pos_tags"},
                notes=_UDPOS_NOTES,
            ),
        )
    tags = {"tags": "ner_tags"}
    return (
        Table(dataset="google/xtreme", config="PAN-X.{code}", splits=(theirs,), languages=PANX, columns=tags),
        # The same split; XTREME's repository has the languages of XTREME alone.
        Table(dataset="unimelb-nlp/wikiann", config="{code}", splits=(theirs,), languages=PANX_R, columns=tags),
    )


TABLES: Mapping[tuple[str, Split], tuple[Table, ...]] = {
    ("xnli", "test"): (
        Table(dataset="facebook/xnli", config="{code}", splits=("test",), languages=XNLI, columns=_NLI),
    ),
    # MNLI's training set as XNLI has it; in other languages it is the translation that came with XNLI, not XTREME's.
    ("mnli", "train"): (
        Table(dataset="facebook/xnli", config="{code}", splits=("train",), languages=XNLI, columns=_NLI),
    ),
    ("mnli", "dev"): (Table(dataset="nyu-mll/glue", config="mnli", splits=("validation_matched",), columns=_NLI),),
    ("xnli-dev", "train"): (_XNLI_DEV,),
    ("xnli-dev", "dev"): (_XNLI_DEV,),
    ("pawsx-dev", "train"): (_PAWSX_DEV,),
    ("pawsx-dev", "dev"): (_PAWSX_DEV,),
    **_splits("snli", "stanfordnlp/snli", "plain_text", columns=_NLI, labelled_only=True),
    **_splits(
        "anli",
        "facebook/anli",
        "plain_text",
        "train_r1+train_r2+train_r3",
        "dev_r1+dev_r2+dev_r3",
        columns={**_NLI, "id": "uid"},
    ),
    **_splits("qqp", "nyu-mll/glue", "qqp", columns={"text_a": "question1", "text_b": "question2"}),
    **_splits("paws", "google-research-datasets/paws", "labeled_final", columns=_PAWS),
    **{
        ("pawsx", ours): (
            Table(
                dataset="google-research-datasets/paws-x",
                config="{code}",
                splits=(theirs,),
                languages=PAWSX,
                columns=_PAWS,
            ),
        )
        for ours, theirs in _SPLITS
    },
    **_splits("squad", "rajpurkar/squad", "plain_text"),
    **_splits("squad2", "rajpurkar/squad_v2", "squad_v2"),
    **_splits("lareqa", "rajpurkar/squad", "plain_text", form=_sentence),
    ("xquad", "test"): (
        Table(dataset="google/xquad", config="xquad.{code}", splits=("validation",), languages=XQUAD + XQUAD_R),
    ),
    ("mlqa", "test"): (
        Table(
            dataset="google/xtreme",
            config="MLQA.{code}.{code}",
            splits=("test",),
            languages=MLQA,
        ),
    ),
    ("tydiqa", "train"): (_TYDIQA_TRAIN,),
    ("tydiqa", "dev"): (_TYDIQA_TRAIN,),
    ("tydiqa", "test"): (
        Table(
            dataset="google-research-datasets/tydiqa",
            config="secondary_task",
            splits=("validation",),
            languages=TYDIQA,
            id_prefix="{name}-",
        ),
    ),
    ("tatoeba", "test"): (
        # In these tables the sentence in the other language is the "source".
        Table(
            dataset="google/xtreme",
            config="tatoeba.{iso3}",
            splits=("validation",),
            languages=TATOEBA,
            columns={"query": "target_sentence", "candidate": "source_sentence"},
        ),
        Table(
            dataset="mteb/tatoeba-bitext-mining",
            config="{iso3}-eng",
            splits=("test",),
            languages=TATOEBA_R,
            branch=CONVERTED,
            columns={"query": "sentence2", "candidate": "sentence1"},
        ),
    ),
    **{(task, ours): _tagging(task, ours, theirs) for task in ("udpos", "panx") for ours, theirs in _SPLITS},
    ("xcopa", "test"): (
        Table(dataset="cambridgeltl/xcopa", config="{code}", splits=("test",), languages=XCOPA, form=forms.copa),
    ),
    **_splits("copa", "aps/super_glue", "copa", branch=CONVERTED, form=forms.copa),
    **_splits("siqa", "allenai/social_i_qa", "default", branch=CONVERTED, form=forms.siqa),
    **_splits("hellaswag", "Rowan/hellaswag", "default", branch=CONVERTED, form=forms.hellaswag),
    **_splits("cosmosqa", "allenai/cosmos_qa", "default", branch=CONVERTED, form=forms.cosmosqa),
    **_splits("commonsenseqa", "tau/commonsense_qa", "default", form=forms.commonsenseqa),
}
