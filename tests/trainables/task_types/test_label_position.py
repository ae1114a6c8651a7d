"""Which subword of a word has its tag: the first, as in the reference, or the first that a reader sees."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from datasets import Dataset
from tokenizers import processors
from transformers import AutoTokenizer

from tests.trainables.task_types.tokenizers_of_all_kinds import KINDS, tokenizer_of
from trainables.models.backbones import get_backbone_type
from trainables.models.inputs import InputEncoder
from trainables.recipe.recipes import DataRecipe
from trainables.recipe.tasks import FIRST_VISIBLE, TaskSpec
from trainables.task_types import get_task_type
from trainables.task_types.tagging.modeling import bare_share
from trainables.tasks import UnknownTask, get_task

XLMR = "unigram, SentencePiece's rules, the space sign before every word (XLM-R)"
SENTENCE = ["北京", "是", "中國", "首都", "café", "한국어", "e"]
FIRST = TaskSpec(name="t", version=1, type="tagging", source="files", labels=("N", "V"))
VISIBLE = FIRST.model_copy(update={"label_position": FIRST_VISIBLE})


def encoder_of(kind):
    tokenizer = tokenizer_of(kind)
    tokenizer.backend_tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", pair="<s> $A </s> </s> $B </s>", special_tokens=[("<s>", 2), ("</s>", 3)]
    )
    assert tokenizer.convert_tokens_to_ids(["<s>", "</s>"]) == [2, 3]
    return InputEncoder(tokenizer, get_backbone_type("xlm-roberta").layout)


def encoded(sentence, encoder, task, max_length=64):
    tags = ["NV"[i % 2] for i in range(len(sentence))]
    rows = Dataset.from_dict({"id": ["1"], "tokens": [sentence], "tags": [tags]})
    return get_task_type("tagging").modeling().encode(rows, encoder, task, max_length)


def pieces_with_tags(features, encoder):
    """The subwords, as the tokenizer writes them, that have the tags; and the tags."""
    convert = encoder.tokenizer.convert_ids_to_tokens
    found = [
        (convert(f["input_ids"][at]), tag) for f in features for at, tag in zip(f["words"], f["tags"], strict=True)
    ]
    return [piece for piece, _ in found], [tag for _, tag in found]


@pytest.mark.parametrize("max_length", [64, 5])
def test_the_tag_stands_on_the_space_sign_or_behind_it(max_length):
    encoder = encoder_of(XLMR)
    first, tags = pieces_with_tags(encoded(SENTENCE, encoder, FIRST, max_length), encoder)
    visible, same = pieces_with_tags(encoded(SENTENCE, encoder, VISIBLE, max_length), encoder)
    assert tags == same == [0, 1, 0, 1, 0, 1, 0]
    bare = [piece == "▁" for piece in first]
    assert any(bare)
    assert "▁" not in visible
    for piece, shown, word, sign in zip(first, visible, SENTENCE, bare, strict=True):
        assert word.startswith(shown.removeprefix("▁"))
        assert sign or piece == shown
    # Neither what the model reads nor how many words begin with a bare sign depends on where the tag is.
    ours, theirs = (encoded(SENTENCE, encoder, task, max_length) for task in (FIRST, VISIBLE))
    assert [one["input_ids"] for one in ours] == [one["input_ids"] for one in theirs]
    counted = {"words": len(SENTENCE), "bare_words": sum(bare)}
    modeling = get_task_type("tagging").modeling()
    assert modeling.counted(ours) == modeling.counted(theirs) == counted
    assert bare_share([SENTENCE, []], encoder.tokenizer) == sum(bare) / len(SENTENCE)


def test_a_word_without_a_visible_subword_keeps_its_tag_and_its_place():
    encoder = encoder_of(XLMR)
    features = encoded(["e", "▁", "\u200b", "café"], encoder, VISIBLE)
    assert sum(len(one["words"]) for one in features) == 4
    assert len({at for one in features for at in one["words"]}) == 4


@pytest.mark.parametrize("kind", [kind for kind in KINDS if "WordPiece" in kind])
def test_where_no_word_begins_with_a_space_sign_both_are_the_same(kind):
    tokenizer = tokenizer_of(kind)
    assert bare_share([SENTENCE], tokenizer) == 0.0
    encoder = encoder_of(kind)
    assert encoded(SENTENCE, encoder, FIRST) == encoded(SENTENCE, encoder, VISIBLE)


def test_the_position_is_a_part_of_the_recipe_and_the_reference_keeps_its_fingerprints():
    task, other = get_task("udpos"), get_task("udpos@first-visible")
    assert get_task("udpos@first-visible") is other
    assert (other.base, task.base) == (task, task)
    assert other.trains_on == ("udpos@first-visible",)
    assert "label_position" not in task.spec().model_dump(exclude_none=True)
    assert other.spec() == task.spec().model_copy(update={"label_position": "first-visible"})
    recipes = [
        DataRecipe(task=one.spec(), rows=(), tokenizer={"hub": "a/b", "revision": "c"}, max_length=64)
        for one in (task, other)
    ]
    assert recipes[0].fingerprint != recipes[1].fingerprint
    assert [recipe.slug for recipe in recipes] == ["data-udpos-", "data-udpos@first-visible-"]


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("xnli@first-visible", 'there is no task "xnli@first-visible": xnli has no tags of words; .* "xnli"'),
        ("udpos@first-visble", 'there is no task "udpos@first-visble"; did you mean "udpos@first-visible"'),
        ("udposs@first-visible", 'did you mean "udpos@first-visible"'),
    ],
)
def test_other_tasks_have_no_such_position(name, said):
    with pytest.raises(UnknownTask, match=said):
        get_task(name)


@pytest.mark.skipif(
    not {"XSTILTS_DATA", "XSTILTS_ENCODER"} <= os.environ.keys(),
    reason="XSTILTS_DATA and XSTILTS_ENCODER name no folders of real data and of a real encoder",
)
def test_real_words_of_chinese_begin_with_a_bare_space_sign_and_those_of_english_do_not():
    tokenizer = AutoTokenizer.from_pretrained(os.environ["XSTILTS_ENCODER"])
    shares = {}
    for language in ("en", "zh"):
        lines = (Path(os.environ["XSTILTS_DATA"]) / "udpos" / f"dev-{language}.tsv").read_text().split("\n")
        shares[language] = bare_share([[line.partition("\t")[0] for line in lines if line]], tokenizer)
    assert shares["en"] < 0.1
    assert shares["zh"] == pytest.approx(0.88, abs=0.02)
