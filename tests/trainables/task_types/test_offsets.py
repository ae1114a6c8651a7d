"""Which characters a subword stands for: many scripts, every normal form, every kind of tokenizer."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.trainables.task_types.tokenizers_of_all_kinds import FORMS, KINDS, WORDS, tokenizer_of
from trainables.task_types.offsets import SpaceSigns, located

every_kind = pytest.mark.parametrize("kind", KINDS)


def clear(text: str) -> str:
    """Letters alone: what every normaliser leaves of a text."""
    for _ in range(2):  # the lower case of a letter may have a mark of its own
        text = unicodedata.normalize("NFKD", text.replace("▁", ""))
        text = "".join(one for one in text if unicodedata.category(one)[0] != "M" and not one.isspace()).casefold()
    return text


VOCABULARY = [word for words in WORDS.values() for word in words.split()]
LETTERS = sorted({letter for word in VOCABULARY for letter in word})
# Words of the training text, words that it has not, of one character, and with a mark in front.
words_ = (
    st.sampled_from(VOCABULARY)
    | st.text(LETTERS, min_size=2, max_size=5)
    | st.sampled_from([*"北是東말กअ", "\u0301e", "\u0e4dา"])
).filter(lambda word: bool(clear(word)))
spaces = st.sampled_from([" ", " ", " ", "  ", "\n", "\u00a0", "\u3000", " \t"])
edges = st.sampled_from(["", "", " ", "\n", "\u3000"])


def spelt(tokenizer, subwords):
    """Subwords as text; None where it cannot be told, because one is unknown or a part of a character."""
    tokens, decoder = tokenizer.convert_ids_to_tokens(subwords), tokenizer.backend_tokenizer.decoder
    text = decoder.decode(tokens) if decoder is not None else "".join(tokens)
    return None if "<unk>" in tokens or "\ufffd" in text else clear(text).removeprefix("##")


@every_kind
@given(st.data())
@settings(max_examples=50)
def test_the_subwords_of_an_answer_decode_to_it_whatever_the_form_and_white_space_at_its_edges(kind, data):
    tokenizer = tokenizer_of(kind)
    form = data.draw(st.sampled_from(FORMS))
    parts = data.draw(st.lists(st.tuples(words_, spaces), min_size=1, max_size=8))
    written = [unicodedata.normalize(form, word) for word, _ in parts]
    context = data.draw(edges) + "".join(word + space for word, (_, space) in zip(written, parts, strict=True))
    (text,) = located([context], tokenizer)
    first = data.draw(st.integers(0, len(parts) - 1))
    last = data.draw(st.integers(first, len(parts) - 1))
    begins = [context.index(word, at) for word, at in _from(context, written)]
    begin, end = begins[first], begins[last] + len(written[last])
    found = text.covering(begin, end)
    assert found is not None
    i, j = found
    offsets = tokenizer(context, add_special_tokens=False, return_offsets_mapping=True)["offset_mapping"]
    if any(context[a:b].strip() != context[a:b].split()[0] for a, b in offsets if context[a:b].strip()):
        return  # unknown words on both sides of a line's end are one subword in some
    assert context[text.starts[i] : text.ends[j]] == context[begin:end]
    assert not {text.subwords[i], text.subwords[j]} & spaces_of(tokenizer)
    if spelt(tokenizer, text.subwords) not in (None, clear(context)):
        return  # the tokenizer itself loses letters here, as a mark after a no-break space
    assert spelt(tokenizer, text.subwords[i : j + 1]) in (None, clear(context[begin:end]))


def spaces_of(tokenizer):
    """Subwords that write a space and nothing else."""
    return {number for token, number in tokenizer.get_vocab().items() if token in ("▁", "Ġ", "<0x20>")}


def _from(context, written):
    """Each word, and from where on it is to be looked for."""
    at = 0
    for word in written:
        yield word, at
        at = context.index(word, at) + len(word)


@every_kind
@given(st.data())
@settings(max_examples=50)
def test_any_part_of_a_text_is_covered_by_the_fewest_subwords(kind, data):
    tokenizer = tokenizer_of(kind)
    form = data.draw(st.sampled_from(FORMS))
    parts = data.draw(st.lists(st.tuples(words_, spaces | st.just("")), min_size=1, max_size=6))
    context = unicodedata.normalize(form, "".join(word + space for word, space in parts))
    (text,) = located([context], tokenizer)
    begin = data.draw(st.integers(0, len(context) - 1))
    end = data.draw(st.integers(begin + 1, len(context)))
    answer = context[begin:end].strip()
    begin = begin + len(context[begin:end]) - len(context[begin:end].lstrip())
    end = begin + len(answer)
    if not clear(answer):
        return
    found = text.covering(begin, end)
    assert found is not None
    i, j = found
    assert text.starts[i] <= begin
    assert end <= text.ends[j]
    # Without the first or the last of them a part of the answer is missing.
    assert begin < text.ends[i]
    assert text.starts[j] < end
    slice_ = context[text.starts[i] : text.ends[j]]
    assert slice_ == slice_.strip()
    # The slice is what these subwords say, so decoding speaks of the subwords that were trained.
    before, behind = _partial(text, i, j)
    if not before and not behind:
        assert spelt(tokenizer, text.subwords[i : j + 1]) in (None, clear(slice_))


def _partial(text, i, j):
    """Whether a subword beside those from i to j stands for one of their characters, too."""
    before = any(text.ends[k] > text.starts[i] for k in range(i) if text.starts[k] < text.ends[k])
    behind = any(text.starts[k] < text.ends[j] for k in range(j + 1, len(text.starts)) if text.starts[k] < text.ends[k])
    return before, behind


@every_kind
def test_a_mark_that_was_joined_or_dropped_belongs_to_its_letter(kind):
    context = "e cafe\u0301 e"
    (text,) = located([context], tokenizer_of(kind))
    i, j = text.covering(2, 7)
    assert context[text.starts[i] : text.ends[j]] == "cafe\u0301"


def test_an_invisible_character_that_was_dropped_belongs_to_nobody():
    context = "\u200fcafe\u0301\u200e a"
    (text,) = located([context], tokenizer_of("WordPiece, lower case, without accents (uncased BERT)"))
    i, j = text.covering(0, 7)
    assert context[text.starts[i] : text.ends[j]] == "cafe\u0301"
    assert text.covering(0, 1) is None


def test_space_signs_are_told_by_the_way_a_tokenizer_writes_them():
    signs = {}
    for kind in KINDS:
        tokenizer = tokenizer_of(kind)
        bare = SpaceSigns(tokenizer)
        signs[kind] = {token for token, number in tokenizer.get_vocab().items() if number in bare}
    assert {"▁"} <= signs["unigram, NFKC, the space sign before the text"]
    assert "▁" in signs["BPE, bytes for what it does not know (Gemma)"]
    assert {"Ġ", "Ċ", "ĉ"} <= signs["byte-level BPE (GPT-2)"]
    assert not signs["WordPiece (cased BERT)"]
    assert not any("Ġ" in one for kind, one in signs.items() if "byte-level" not in kind)
