"""What each benchmark evaluates: tasks, their languages, and where its way of training is not the task's own.

Sources: XTREME, google-research/xtreme ``evaluate.py`` and its README; XTREME-R, arXiv 2104.07412 and the same
repository's ``scripts``. Things to know before comparing scores:

* UD-POS: XTREME is on Universal Dependencies 2.5, XTREME-R on 2.7. The files of both have the same names.
* PAN-X: both use the split of Rahimi et al. 2019; XTREME-R adds eight languages to it.
* Tatoeba: XTREME searches with the encoder as it comes out of pretraining (or the intermediate), XTREME-R with one
  that was trained on SQuAD v1.1.
* Mewsli-X: the release of 2022-05-18 is not the data of XTREME-R's paper, whose scores are not comparable with it.
"""

from __future__ import annotations

from dataclasses import dataclass


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


XNLI = _words("ar bg de el en es fr hi ru sw th tr ur vi zh")
PAWSX = _words("de en es fr ja ko zh")
UDPOS = _words("af ar bg de el en es et eu fa fi fr he hi hu id it ja kk ko mr nl pt ru ta te th tl tr ur vi yo zh")
UDPOS_UNTRAINED = _words("th tl yo")
"""Universal Dependencies has no training set of these."""
PANX = _words(
    "ar he vi id jv ms tl eu ml ta te af nl en de el bn hi mr ur fa fr it pt es bg ru ja ka ko th sw "
    "yo my zh kk tr et fi hu"
)
XQUAD = _words("en es de el ru tr ar vi th zh hi")
MLQA = _words("en es de ar hi vi zh")
TYDIQA = _words("en ar bn fi id ko ru sw te")
BUCC = _words("de fr ru zh")
TATOEBA = _words(
    "ar he vi id jv tl eu ml ta te af nl de el bn hi mr ur fa fr it pt es bg ru ja ka ko th sw zh kk tr et fi hu"
)

# What XTREME-R adds: languages to four tasks, and three tasks.
UDPOS_R = _words("lt pl uk wo ro")
PANX_R = _words("qu pl uk az lt pa gu ro")
XQUAD_R = _words("ro")
TATOEBA_R = _words("az lt pl uk ro")
XCOPA = _words("et ht id it qu sw ta th tr vi zh")
LAREQA = _words("ar de el en es hi ru th tr vi zh")
MEWSLIX = _words("ar de en es fa ja pl ro ta tr uk")


@dataclass(frozen=True)
class BenchmarkTask:
    """A task of a benchmark.

    Attributes:
        task: its name.
        languages: those that the benchmark evaluates in, in its order.
        train_on: what the benchmark trains the target on, where that is not the task's own ``trains_on``.
    """

    task: str
    languages: tuple[str, ...]
    train_on: tuple[str, ...] | None = None


BENCHMARKS: dict[str, tuple[BenchmarkTask, ...]] = {
    "xtreme": (
        BenchmarkTask("xnli", XNLI),
        BenchmarkTask("pawsx", PAWSX),
        BenchmarkTask("udpos", UDPOS),
        BenchmarkTask("panx", PANX),
        BenchmarkTask("xquad", XQUAD),
        BenchmarkTask("mlqa", MLQA),
        BenchmarkTask("tydiqa", TYDIQA),
        BenchmarkTask("bucc2018", BUCC),
        BenchmarkTask("tatoeba", TATOEBA),
    ),
    "xtreme-r": (
        BenchmarkTask("xnli", XNLI),
        BenchmarkTask("xcopa", XCOPA),
        BenchmarkTask("udpos", UDPOS + UDPOS_R),
        BenchmarkTask("panx", PANX + PANX_R),
        BenchmarkTask("xquad", XQUAD + XQUAD_R),
        BenchmarkTask("mlqa", MLQA),
        BenchmarkTask("tydiqa", TYDIQA),
        BenchmarkTask("tatoeba", TATOEBA + TATOEBA_R, train_on=("squad",)),
        BenchmarkTask("mewslix", MEWSLIX),
        BenchmarkTask("lareqa", LAREQA),
    ),
}
