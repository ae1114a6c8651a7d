"""The world, its languages and its draws keep what they declare."""

import pytest

from trainables.generated import LANGUAGES
from trainables.generated.draws import Draws
from trainables.generated.languages import evolve, lexicon
from trainables.generated.tell import Teller
from trainables.generated.world import CONCEPTS, DEEDS, KIND_OF, OBJECTS, OPPOSITE, Fact, fact_of


def test_draws_are_pinned() -> None:
    draws = Draws("pinned", 1)
    assert [draws.below(1000) for _ in range(5)] == [797, 139, 318, 546, 455]


def test_draws_are_even_and_shuffles_keep_all() -> None:
    draws = Draws("even")
    counts = [0] * 5
    for _ in range(5000):
        counts[draws.below(5)] += 1
    assert all(880 < count < 1120 for count in counts)
    assert sorted(draws.shuffled(range(20))) == list(range(20))


def test_opposites_are_mutual_and_done_to_the_same() -> None:
    assert set(OPPOSITE) == set(DEEDS)
    assert all(OPPOSITE[OPPOSITE[concept]] == concept != OPPOSITE[concept] for concept in OPPOSITE)
    assert all(OBJECTS[deed] == OBJECTS[OPPOSITE[deed]] for deed in DEEDS)


def test_no_concept_is_in_two_groups() -> None:
    every = [concept for group in CONCEPTS.values() for concept in group]
    assert len(every) == len(set(every))


def test_languages_are_ordered_by_distance() -> None:
    assert list(LANGUAGES) == ["one", "two", "three", "four", "five", "zero"]
    shares = [language.cognates for language in LANGUAGES.values()]
    assert shares == sorted(shares, reverse=True)
    assert shares[0] == 100
    assert shares[-1] == 0


@pytest.mark.parametrize("code", LANGUAGES)
@pytest.mark.parametrize("seed", [1, 2])
def test_cognates_have_the_declared_share(code: str, seed: int) -> None:
    words = lexicon(seed)
    share = [words[code][c] == evolve(words["one"][c], LANGUAGES[code]) for c in words["one"]]
    assert 100 * sum(share) / len(share) == pytest.approx(LANGUAGES[code].cognates, abs=3)
    for group in CONCEPTS.values():  # and so has every group of words, to within one word
        alias_of = sum(words[code][c] == evolve(words["one"][c], LANGUAGES[code]) for c in group)
        assert abs(alias_of - len(group) * LANGUAGES[code].cognates / 100) <= 1


def test_words_drift_away_with_distance() -> None:
    words = lexicon(1)
    same = [sum(words[code][c] == form for c, form in words["one"].items()) for code in LANGUAGES]
    assert same == sorted(same, reverse=True)
    assert same[-1] == 0


def test_a_form_means_one_thing_in_all_languages() -> None:
    meaning: dict[str, str] = {}
    for words in lexicon(1).values():
        for concept, form in words.items():
            assert meaning.setdefault(form, concept) == concept


def test_zero_shares_no_letter() -> None:
    def letters(code: str) -> set[str]:
        pool = [fact_of(Draws("letters", n), "text", detail=60) for n in range(50)]
        teller = Teller(1, code)
        return set(teller.text(pool) + teller.text(pool).replace(" ", "")) - {" "} | {
            letter for word in teller.question(pool[0], "who") for letter in word.text
        }

    for code in LANGUAGES:
        if code != "zero":
            assert not letters(code) & letters("zero")


def test_orders() -> None:
    told = Fact(("given-01",), "finds", True, ("dog",), "big", ("place-02",))
    slots = {code: [word.slot for word in Teller(1, code).statement(told)] for code in LANGUAGES}
    assert slots["one"] == ["who", "deed", "what", "what", "", "where", ""]
    assert slots["four"] == ["who", "where", "", "what", "what", "deed", ""]
    assert slots["zero"] == ["deed", "who", "what", "what", "where", "", ""]
    words = lexicon(1)
    one, three = ([word.text for word in Teller(1, code).statement(told)] for code in ("one", "three"))
    assert one[2:4] == [words["one"]["big"], words["one"]["dog"]]
    assert three[2:4] == [words["three"]["dog"], words["three"]["big"]]
    assert one[1] == words["one"]["finds"] + LANGUAGES["one"].past_ending


def test_kinds_and_nouns_differ() -> None:
    assert not set(KIND_OF) & set(KIND_OF.values())
