"""Six artificial languages in order of their distance from the first, and their words."""

from dataclasses import dataclass
from functools import lru_cache

from trainables.generated.draws import Draws
from trainables.generated.world import CONCEPTS


@dataclass(frozen=True)
class Language:
    """What makes a language: where its words come from, and how a sentence is put together."""

    code: str
    cognates: int  # of 100 words, those that come from the word of `one` by the sound changes
    order: str  # of subject, verb and object: SVO, SOV or VSO
    sounds: tuple[tuple[str, str], ...] = ()  # what becomes what in a cognate, applied in this order
    quality_first: bool = True  # "big dog" or "dog big"
    adposition_first: bool = True  # "in Paris" or "Paris in"
    object_ending: str = ""
    place_ending: str = ""
    present_ending: str = ""
    past_ending: str = ""
    onsets: str = "ptkbdgmnslrvf"
    vowels: str = "aeiou"
    codas: str = "nsrl"
    stop: str = "."
    question: str = "?"


_ALL = (
    Language("one", 100, "SVO", present_ending="en", past_ending="ot"),
    Language(
        "two", 90, "SVO", sounds=(("v", "w"),),
        present_ending="en", past_ending="od",
    ),
    Language(
        "three", 80, "SVO", sounds=(("f", "h"), ("d", "t")), quality_first=False,
        present_ending="en", past_ending="od", onsets="ptkbgmnslrzh",
    ),
    Language(
        "four", 65, "SOV", sounds=(("k", "g"), ("v", "w"), ("s", "z")), adposition_first=False,
        place_ending="il", present_ending="un", past_ending="ad", onsets="pbtdgmnzlrwf",
    ),
    Language(
        "five", 50, "SOV", sounds=(("p", "f"), ("t", "z"), ("a", "o")), quality_first=False,
        adposition_first=False, object_ending="os", place_ending="im", present_ending="ul", past_ending="er",
        onsets="fzhbdgmnslrw",
    ),
    # Letters, endings and even the stops are its own: nothing to recognise anything by.
    Language(
        "zero", 0, "VSO", quality_first=False, adposition_first=False,
        object_ending="ըյ", place_ending="իշ", present_ending="օյ", past_ending="ըշ",
        onsets="բգդզթլխկհձ", vowels="աիօը", codas="մնռ", stop="։", question="՞",
    ),
)  # fmt: skip
LANGUAGES: dict[str, Language] = {language.code: language for language in _ALL}


def evolve(word: str, language: Language) -> str:
    """The form that `one`'s `word` has as a cognate in `language`."""
    for old, new in language.sounds:
        word = word.replace(old, new)
    return word


@lru_cache(maxsize=4)
def lexicon(seed: int) -> dict[str, dict[str, str]]:
    """For each language its word for each concept.

    No form means two things, in one language or in two: false friends would blur what a distance is.
    Cognates are nested: a word that a far language shares is shared by every nearer one.
    """
    words: dict[str, dict[str, str]] = {code: {} for code in LANGUAGES}
    taken: set[str] = set()
    for group, concepts in CONCEPTS.items():
        for rank, concept in enumerate(Draws(seed, "cognates", group).shuffled(concepts)):
            # A group's cognates are counted out, not drawn, so that each group has its declared share.
            percentile = (2 * rank + 1) * 50 / len(concepts)
            forms = _forms(seed, concept, percentile, taken)
            taken.update(forms.values())
            for code, form in forms.items():
                words[code][concept] = form
    return words


def _forms(seed: int, concept: str, percentile: float, taken: set[str]) -> dict[str, str]:
    attempt = 0
    while True:
        root = _coin(Draws(seed, "word", "one", concept, attempt), LANGUAGES["one"])
        inherited = {c: evolve(root, lang) for c, lang in LANGUAGES.items() if percentile < lang.cognates}
        coined = {
            c: _coin(Draws(seed, "word", c, concept, attempt), lang)
            for c, lang in LANGUAGES.items() if c not in inherited
        }  # fmt: skip
        own = list(coined.values())
        every = {*own, *inherited.values()}
        # Coined words differ from each other and from the cognates, and no form is another concept's.
        if len(set(own)) == len(own) and not set(own) & set(inherited.values()) and not every & taken:
            return inherited | coined
        attempt += 1


def _coin(draws: Draws, language: Language) -> str:
    """A new word: two syllables, the second of them closed half of the time."""
    letters = (language.onsets, language.vowels, language.onsets, language.vowels, language.codas)
    word = "".join(draws.pick(choice) for choice in letters)
    return word if draws.chance(50) else word[:-1]
