"""Which dictionaries a sweep switches words by: each is looked up once, read, and known by the hash of its bytes."""

from __future__ import annotations

from pathlib import Path

from sweeps.spec.perturbations import ALL, PerturbationSpec
from sweeps.spec.settings import WrongSettings
from trainables.outside.places import local_path
from trainables.outside.text import Unreadable
from trainables.perturbations.dictionaries import read_dictionary
from trainables.recipe.perturbation import Dictionary
from trainables.tasks.language_codes import spellings

ENDINGS = (".txt", ".tsv")


class Dictionaries:
    """Finds the dictionaries of a language. `paths`: where those are that were found, by their sha256."""

    def __init__(self) -> None:
        self.paths: dict[str, str] = {}
        self._read: dict[tuple[Path, str], str] = {}
        self._lacking: dict[str, dict[str, None]] = {}
        self._staying: dict[str, dict[str, None]] = {}

    def of(self, spec: PerturbationSpec, where: str, language: str) -> tuple[Dictionary, ...]:
        """Those from `language` into the others that a perturbation names; none where it names no other.

        Args:
            where: the field of the perturbation.

        Raises:
            WrongSettings: there is none, or one cannot be used.
        """
        wanted = [into for into in spec.switched_into if into != language]
        try:
            found = {into: file for into in wanted if (file := _file(spec, language, into)) is not None}
            if wanted and not found:
                pairs = " or ".join(f"{language}-{into}" for into in wanted[:3])
                places = ", ".join(spec.dictionaries.values())
                raise WrongSettings(
                    f"{where}.dictionaries: no dictionary {pairs} ({places}); give one, or languages without {language}"
                )
            if lacking := [f"{language}-{into}" for into in wanted if into not in found]:
                self._lacking.setdefault(where, {}).update(dict.fromkeys(lacking))
            if not wanted:
                self._staying.setdefault(where, {})[language] = None
            return tuple(Dictionary(into=into, sha256=self._sha256(file, language)) for into, file in found.items())
        except (Unreadable, OSError) as error:  # OSError: a name that no file can have
            raise WrongSettings(f"{where}.dictionaries: {error}") from None

    @property
    def remarks(self) -> list[str]:
        """Pairs without a dictionary, and languages whose rows stay, a line for each perturbation."""
        lacking = (
            f"{where}: no dictionary {' '.join(pairs)}: words are switched into the other languages alone"
            for where, pairs in self._lacking.items()
        )
        staying = (
            f"{where}: rows in {' '.join(languages)} stay as they are: it is the language that words are switched into"
            for where, languages in self._staying.items()
        )
        return [*lacking, *staying]

    def _sha256(self, file: Path, language: str) -> str:
        if (file, language) not in self._read:
            self._read[file, language], _ = read_dictionary(file, language)
            self.paths[self._read[file, language]] = str(file)
        return self._read[file, language]


def _file(spec: PerturbationSpec, language: str, into: str) -> Path | None:
    """The file of a pair: the one that the sweep file names for it, or one of the folder, in any spelling of the two
    codes."""
    if (named := spec.file_of(language, into)) is not None:
        return local_path(named)
    if (all_pairs := spec.dictionaries.get(ALL)) is None:
        return None
    folder = local_path(all_pairs)
    if not folder.is_dir():
        raise Unreadable(f"{folder}: is no folder; give one with files such as {language}-{into}.txt, or files by pair")
    names = (
        f"{ours}{sign}{theirs}{ending}"
        for ours in spellings(language)
        for theirs in spellings(into)
        for sign in "-_"
        for ending in ENDINGS
    )
    files = [folder / name for name in names if (folder / name).is_file()]
    if len(files) > 1:
        two = " and ".join(file.name for file in files[:2])
        raise Unreadable(f"{folder}: has {two}; name one of them by its pair: {{{ALL}: ..., {language}-{into}: FILE}}")
    return files[0] if files else None
