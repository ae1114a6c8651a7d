"""Models of the hub at a pinned commit: refused where they cannot be used, before their weights are fetched."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from trainables.models.backbones import (
    CONFIG,
    PICKLED,
    TOKENIZER_FILES,
    UnsupportedModel,
    read_config,
    read_whole_config,
    shape_of,
)
from trainables.models.vision.shape import PREPROCESSOR, shape_of_tower
from trainables.tasks.sources import DataError
from trainables.tasks.sources.hub.files import fetch

MODEL_FILES = (".json", ".safetensors", ".model", ".txt")
"""Ends of the names of a model's files that are read: weights without code, configuration, tokenizer."""
SAFE = re.compile(r"model(-\d+-of-\d+)?\.safetensors")
WITH_SAFE: Mapping[str, str] = {
    "microsoft/mdeberta-v3-base": "faf660b811036d7b6dfc53aacfe5281447d4e2c6",
    "facebook/xlm-v-base": "643a987aa713ecd3c9a26a801fc715aa7f56b409",
    "M-CLIP/XLM-Roberta-Large-Vit-L-14": "c124d289be0f63a90c8ee069fb19a3cf09660cdb",
}
"""Commits that have safetensors, of models whose main branch has none."""


def pull_model(name: str, commit: str) -> int:
    """Download the files of a model that are read here, and check them; their size in bytes.

    Raises DataError, also for a model that cannot be trained here: its configuration comes first.
    """
    what = f"{name} at {commit[:12]}"

    def config(names: Iterable[str]) -> list[str]:
        if CONFIG not in names:
            raise DataError(f"{what}: it has no {CONFIG}, so it is no model of transformers; give one that is")
        return [CONFIG]

    def wanted(names: Iterable[str]) -> list[str]:
        names = [name for name in names if "/" not in name]
        if not any(map(SAFE.fullmatch, names)):
            raise DataError(_without_weights(name, what, [one for one in names if one.endswith(PICKLED)]))
        if not set(names) & set(TOKENIZER_FILES):
            raise DataError(f"{what}: there is no tokenizer ({', '.join(TOKENIZER_FILES)}); give a model that has one")
        return [name for name in names if name.endswith(MODEL_FILES)]

    ((_, file),) = fetch(name, "model", commit, what, config)
    try:
        shape_of(read_config(file, name), name)
    except UnsupportedModel as error:
        raise DataError(str(error)) from None
    found = fetch(name, "model", commit, what, wanted)
    return sum(file.size for file, _ in found)


def pull_tower(name: str, commit: str) -> int:
    """Download the files of a model whose vision tower is read, and check them; their size in bytes.

    Raises DataError, also for one that is no vision tower.
    """
    what = f"{name} at {commit[:12]}"

    def described(names: Iterable[str]) -> list[str]:
        if lacking := sorted({CONFIG, PREPROCESSOR} - set(names)):
            raise DataError(f"{what}: it has no {' and no '.join(lacking)}, which say how images are read")
        return [CONFIG, PREPROCESSOR]

    def weights(names: Iterable[str]) -> list[str]:
        names = [name for name in names if "/" not in name]
        if not any(map(SAFE.fullmatch, names)):
            raise DataError(_without_weights(name, what, [one for one in names if one.endswith(PICKLED)]))
        return [one for one in names if SAFE.fullmatch(one) or one == "model.safetensors.index.json"]

    files = fetch(name, "model", commit, what, described)
    try:
        shape_of_tower(read_whole_config(files[0][1], name), name)
    except UnsupportedModel as error:
        raise DataError(str(error)) from None
    return sum(file.size for file, _ in (*files, *fetch(name, "model", commit, what, weights)))


def is_here(name: str, commit: str) -> bool:
    """Whether a model is in the local cache, as far as its configuration tells."""
    from huggingface_hub import try_to_load_from_cache

    return isinstance(try_to_load_from_cache(name, CONFIG, revision=commit), str)


def locked(name: str, commit: str) -> str | None:
    """A line where the licence of a model was not accepted, and what to do; None where it was, where the model is here,
    or where the hub cannot be asked."""
    from huggingface_hub.errors import GatedRepoError

    if is_here(name, commit):
        return None
    try:
        fetch(name, "model", commit, f"{name} at {commit[:12]}", lambda names: [CONFIG])
    except DataError as error:
        return str(error) if isinstance(error.__cause__, GatedRepoError) else None
    return None


def _without_weights(name: str, what: str, pickled: list[str]) -> str:
    known = WITH_SAFE.get(name)
    mend = f"revision: {known} has them" if known else "give a revision that has them (often refs/pr/N of the hub page)"
    has = f"its weights are in {', '.join(pickled[:3])} alone" if pickled else "there are no weights"
    return f"{what}: {has}, and model.safetensors alone is read, as it runs no code; {mend}"
