"""Facts of languages: resource class, script, family, and which models were pretrained on text of them.

* Resource class: Joshi et al. 2020 (arXiv 2004.09095), 0 (left behind) to 5 (winners), from the list beside the paper
  (microsoft.github.io/linguisticdiversity, lang2tax.txt). Chinese is its Mandarin, Punjabi its Eastern Punjabi.
* Size in CC-100, the text of XLM-R, in GiB: Conneau et al. 2020 (arXiv 1911.02116), appendix A, table 6. The table has
  Burmese twice (two encodings) and Chinese twice (two scripts): here they are added up. Norwegian is said to be Bokmål.
  Swedish has 85.0 (12,950 million tokens). Copies of the table with 12.1 are about; the text made again along the same
  recipe (data.statmt.org/cc-100) has 21 GB compressed, beside 12 GB of Danish (45.6 here), which only 85.0 agrees with.
* mBERT: the list of languages of google-research/bert, multilingual.md (cased). LLaMA 1: the 20 languages whose
  Wikipedias it read, Touvron et al. 2023 (arXiv 2302.13971), section 2.1; other languages come in by accident alone.
* Scripts are those of the benchmarks' test sets; families are those of common use, Indo-European by branch.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

LOW, HIGH = 5.0, 25.0
"""GiB: bounds of the groups, chosen here. A language below LOW, or not in the table, is called low-resource."""
GROUPS = ("low-resource", "middle", "high-resource")
Grouping = Literal["resource", "size", "script", "family", "seen"]
GROUPINGS: tuple[Grouping, ...] = ("resource", "size", "script", "family", "seen")
"""What languages can be grouped by."""
Pretraining = Literal["xlm-r", "mbert", "llama-1"]
"""Text that models were pretrained on whose languages are known here."""
_OF_START: dict[str, Pretraining] = {
    "xlm-roberta": "xlm-r", "xlm-r-": "xlm-r", "multilingual-e5": "xlm-r", "multilingual-minilm": "xlm-r",
    "bert-base-multilingual": "mbert", "llama-7b": "llama-1", "llama-13b": "llama-1", "llama-30b": "llama-1",
    "llama-65b": "llama-1",
}  # fmt: skip


@dataclass(frozen=True)
class Language:
    """What is known of a language."""

    code: str
    name: str
    script: str
    family: str
    resource: int | None
    """Resource class, 0 to 5; None: not in the list."""
    gib: float | None
    """Size in CC-100; None: not in the table."""
    seen: frozenset[Pretraining]
    """Pretraining that had text of it."""

    @property
    def group(self) -> str:
        """By size in CC-100."""
        if self.gib is None or self.gib < LOW:
            return GROUPS[0]
        return GROUPS[1] if self.gib < HIGH else GROUPS[2]

    def group_of(self, grouping: Grouping, pretraining: Pretraining | None = None) -> str | None:
        """The group that it is in; None where that is not known.

        Args:
            grouping: what to group by.
            pretraining: of the starting model, for `seen`.
        """
        if grouping == "resource":
            return None if self.resource is None else f"class {self.resource}"
        if grouping == "seen":
            return None if pretraining is None else "seen" if pretraining in self.seen else "not seen"
        return {"size": self.group, "script": self.script, "family": self.family}[grouping]


def pretraining_of(start: str | None) -> Pretraining | None:
    """What a model was pretrained on, by its id on the hub or the name of its folder; None where that does not tell.

    >>> pretraining_of("FacebookAI/xlm-roberta-large"), pretraining_of("./encoder")
    ('xlm-r', None)
    """
    name = (start or "").lower()
    return next((found for part, found in _OF_START.items() if part in name), None)


# Code, name, script, family, resource class, GiB in CC-100, seen by: m mBERT, l LLaMA (XLM-R: what is in CC-100).
_TABLE = """
af  Afrikaans         Latin      Germanic      3   1.3 m
am  Amharic           Ethiopic   Semitic       2   0.8 -
ar  Arabic            Arabic     Semitic       5  28.0 m
as  Assamese          Bengali    Indo-Aryan    1   0.1 -
ay  Aymara            Latin      Aymaran       1     - -
az  Azerbaijani       Latin      Turkic        1   6.5 m
be  Belarusian        Cyrillic   Slavic        3   4.3 m
bg  Bulgarian         Cyrillic   Slavic        3  57.5 ml
bm  Bambara           Latin      Mande         1     - -
bn  Bengali           Bengali    Indo-Aryan    3   8.4 m
bzd Bribri            Latin      Chibchan      0     - -
ca  Catalan           Latin      Romance       4  10.1 ml
ceb Cebuano           Latin      Austronesian  3     - m
cni Asháninka         Latin      Arawakan      -     - -
cs  Czech             Latin      Slavic        4  16.3 ml
cy  Welsh             Latin      Celtic        1   0.8 m
da  Danish            Latin      Germanic      3  45.6 ml
de  German            Latin      Germanic      5  66.6 ml
ee  Ewe               Latin      Niger-Congo   1     - -
el  Greek             Greek      Hellenic      3  46.9 m
en  English           Latin      Germanic      5 300.8 ml
es  Spanish           Latin      Romance       5  53.3 ml
et  Estonian          Latin      Uralic        3   6.1 m
eu  Basque            Latin      isolate       4   2.0 m
fa  Persian           Arabic     Iranian       4 111.6 m
fi  Finnish           Latin      Uralic        4  54.3 m
fon Fon               Latin      Niger-Congo   0     - -
fr  French            Latin      Romance       5  56.8 ml
ga  Irish             Latin      Celtic        2   0.5 m
gl  Galician          Latin      Romance       3   2.9 m
gn  Guarani           Latin      Tupian        1     - -
gu  Gujarati          Gujarati   Indo-Aryan    1   1.9 m
ha  Hausa             Latin      Chadic        2   0.3 -
hch Wixarika          Latin      Uto-Aztecan   0     - -
he  Hebrew            Hebrew     Semitic       3  31.6 m
hi  Hindi             Devanagari Indo-Aryan    4  20.2 m
hr  Croatian          Latin      Slavic        4  20.5 ml
ht  Haitian_Creole    Latin      Creole        2     - m
hu  Hungarian         Latin      Uralic        4  58.4 ml
hy  Armenian          Armenian   Armenian      1   5.5 m
id  Indonesian        Latin      Austronesian  3 148.3 m
ig  Igbo              Latin      Niger-Congo   1     - -
is  Icelandic         Latin      Germanic      2   3.2 m
it  Italian           Latin      Romance       4  30.2 ml
ja  Japanese          Japanese   Japonic       5  69.3 m
jv  Javanese          Latin      Austronesian  1   0.2 m
ka  Georgian          Georgian   Kartvelian    3   9.1 m
kk  Kazakh            Cyrillic   Turkic        3   6.4 m
km  Khmer             Khmer      Austroasiatic 1   1.5 -
kn  Kannada           Kannada    Dravidian     1   3.3 m
ko  Korean            Hangul     Koreanic      4  54.2 m
ky  Kyrgyz            Cyrillic   Turkic        1   1.2 m
lg  Luganda           Latin      Niger-Congo   1     - -
ln  Lingala           Latin      Niger-Congo   1     - -
lo  Lao               Lao        Kra-Dai       2   0.6 -
lt  Lithuanian        Latin      Baltic        3  13.7 m
luo Luo               Latin      Nilotic       -     - -
lv  Latvian           Latin      Baltic        3   8.8 m
mg  Malagasy          Latin      Austronesian  1   0.2 m
mi  Maori             Latin      Austronesian  1     - -
mk  Macedonian        Cyrillic   Slavic        1   4.8 m
ml  Malayalam         Malayalam  Dravidian     1   7.6 m
mn  Mongolian         Cyrillic   Mongolic      1   3.0 m
mos Mossi             Latin      Niger-Congo   -     - -
mr  Marathi           Devanagari Indo-Aryan    2   2.8 m
ms  Malay             Latin      Austronesian  3   8.5 m
mt  Maltese           Latin      Semitic       2     - -
my  Burmese           Burmese    Sino-Tibetan  1   2.0 m
nah Nahuatl           Latin      Uto-Aztecan   1     - -
nb  Norwegian_Bokmål  Latin      Germanic      1  49.0 m
ne  Nepali            Devanagari Indo-Aryan    1   3.8 m
nl  Dutch             Latin      Germanic      4  29.3 ml
nn  Norwegian_Nynorsk Latin      Germanic      1     - m
ny  Chichewa          Latin      Niger-Congo   1     - -
om  Oromo             Latin      Cushitic      1   0.1 -
or  Odia              Odia       Indo-Aryan    1   0.6 -
oto Otomi             Latin      Oto-Manguean  0     - -
pa  Punjabi           Gurmukhi   Indo-Aryan    2   0.8 m
pl  Polish            Latin      Slavic        4  44.6 ml
ps  Pashto            Arabic     Iranian       1   0.7 -
pt  Portuguese        Latin      Romance       4  49.1 ml
qu  Quechua           Latin      Quechuan      1     - -
ro  Romanian          Latin      Romance       3  61.4 ml
ru  Russian           Cyrillic   Slavic        4 278.0 ml
rw  Kinyarwanda       Latin      Niger-Congo   1     - -
sd  Sindhi            Arabic     Indo-Aryan    1   0.4 -
shp Shipibo-Konibo    Latin      Panoan        0     - -
si  Sinhala           Sinhala    Indo-Aryan    1   3.6 -
sk  Slovak            Latin      Slavic        3  23.2 m
sl  Slovenian         Latin      Slavic        3  10.3 ml
sn  Shona             Latin      Niger-Congo   1     - -
so  Somali            Latin      Cushitic      1   0.4 -
sq  Albanian          Latin      Albanian      1   5.4 m
sr  Serbian           Cyrillic   Slavic        4   9.1 ml
st  Sotho             Latin      Niger-Congo   1     - -
su  Sundanese         Latin      Austronesian  1   0.1 m
sv  Swedish           Latin      Germanic      4  85.0 ml
sw  Swahili           Latin      Niger-Congo   2   1.6 m
ta  Tamil             Tamil      Dravidian     3  12.2 m
tar Rarámuri          Latin      Uto-Aztecan   -     - -
te  Telugu            Telugu     Dravidian     1   4.7 m
th  Thai              Thai       Kra-Dai       3  71.7 m
tl  Tagalog           Latin      Austronesian  3   3.1 m
tn  Tswana            Latin      Niger-Congo   2     - -
tr  Turkish           Latin      Turkic        4  20.9 m
tw  Twi               Latin      Niger-Congo   1     - -
uk  Ukrainian         Cyrillic   Slavic        3  84.6 ml
ur  Urdu              Arabic     Indo-Aryan    3   5.7 m
uz  Uzbek             Latin      Turkic        3   0.7 m
vi  Vietnamese        Latin      Austroasiatic 4 137.3 m
wo  Wolof             Latin      Niger-Congo   2     - -
xh  Xhosa             Latin      Niger-Congo   2   0.1 -
yo  Yoruba            Latin      Niger-Congo   2     - m
zh  Chinese           Han        Sino-Tibetan  5  63.5 m
zu  Zulu              Latin      Niger-Congo   2     - -
"""


def _read(line: str) -> Language:
    code, name, script, family, resource, gib, seen = line.split()
    models: dict[Pretraining, bool] = {"xlm-r": gib != "-", "mbert": "m" in seen, "llama-1": "l" in seen}
    return Language(
        code,
        name.replace("_", " "),
        script,
        family,
        None if resource == "-" else int(resource),
        None if gib == "-" else float(gib),
        frozenset(model for model, has in models.items() if has),
    )


LANGUAGES = {one.code: one for one in map(_read, _TABLE.strip().splitlines())}
