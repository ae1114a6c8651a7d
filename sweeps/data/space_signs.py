"""Which languages' words begin with a bare space sign: there it matters which subword has a word's tag."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Any

from sweeps.spec.fields import SweepSpec
from trainables.recipe.execution import Execution
from trainables.recipe.model_source import HubModel, LocalModel
from trainables.recipe.tasks import FIRST_VISIBLE
from trainables.store import Store, hash_model_dir
from trainables.task_types import get_task_type
from trainables.task_types.base import Row
from trainables.task_types.tagging.schema import BARE_SHARE
from trainables.tasks import Task

SENTENCES = 1000
"""So many of a split are looked at."""


class SpaceSignShares:
    """What the tokenizers of a sweep's models make of words; of models that are here, not of those still to be made."""

    def __init__(self, spec: SweepSpec) -> None:
        self.spec = spec

    def remarks(self, task: Task, rows: Sequence[Row]) -> Iterator[str]:
        """A line for each model in which many words of these rows begin with a bare space sign."""
        if not get_task_type(task.type).labels_words:
            return
        from trainables.task_types.tagging.modeling import bare_share

        sentences = [row["tokens"] for row in rows[:SENTENCES]]
        for name, tokenizer in self._tokenizers.items():
            if (share := bare_share(sentences, tokenizer)) > BARE_SHARE:
                yield (
                    f"{100 * share:.0f} % of the words begin with a bare space sign ({name}), which has their tags, as "
                    f"in the reference, but in {task.name}@{FIRST_VISIBLE}"
                )

    @cached_property
    def _tokenizers(self) -> dict[str, Any]:
        from trainables.models.loading import load_tokenizer

        found = {}
        for name, model in self.spec.models.items():
            if (shape := model.shape()) is not None and shape.is_decoder:  # tags are on a word's last subword
                continue
            origin: LocalModel | HubModel
            execution = Execution()
            if (path := model.path) is not None:
                origin = LocalModel(sha256=hash_model_dir(path))
                execution = Execution(model_paths={origin.sha256: str(path)})
            elif model.start is not None and model.revision is not None:
                origin = HubModel(hub=model.start, revision=model.revision)
            else:
                continue
            try:
                found[name] = load_tokenizer(origin, Store(self.spec.storage), execution)
            except (OSError, ValueError):  # not pulled yet, or no tokenizer that can be used: others say so
                continue
        return found
