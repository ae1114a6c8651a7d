"""Training states on disk: safetensors, one file for each worker that wrote its slices; nothing in them depends on how
the workers of the next attempt divide the model.

A file's tensors are named `KIND/PARAMETER` and are flat; its metadata says where in the parameter each begins. That of
the first worker also has, where the vocabulary was trimmed, which rows of which table the state holds.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from trainables.failure import NonRetryable
from trainables.models.vocabulary import TrimmedVocabulary
from trainables.training.slices import WEIGHT, Slice

STARTS, TABLE, WIDTH, KEPT = "starts", "table", "width", "kept"


class WrongState(NonRetryable, RuntimeError):
    """A training state that cannot be gone on from: of an earlier version, or not what a training of its step holds."""


def write(directory: Path, rank: int, slices: list[Slice], vocabulary: TrimmedVocabulary | None) -> None:
    """Write one worker's slices; the first also says what is left of the vocabulary."""
    starts: Mapping[str, int] = {one.key: one.start for one in slices}
    tensors, metadata = {one.key: one.values for one in slices}, {STARTS: json.dumps(starts)}
    if vocabulary is not None and vocabulary.trained and rank == 0:
        tensors[KEPT] = vocabulary.kept
        metadata |= {TABLE: vocabulary.name, WIDTH: str(vocabulary.width)}
    directory.mkdir(parents=True, exist_ok=True)
    save_file(tensors, directory / f"worker-{rank}.safetensors", metadata)


class SavedState:
    """A state in a directory.

    Args:
        mend: what to do where it cannot be gone on from.

    Raises WrongState where it is none that this version can read.
    """

    def __init__(self, directory: Path, mend: str) -> None:
        self._where, self._mend = directory, mend
        self._pieces: dict[str, list[tuple[int, int, safe_open]]] = defaultdict(list)
        self._table, self._width, self._kept = "", 0, None
        for path in sorted(directory.glob("worker-*.safetensors")):
            try:
                self._open(path)
            except (SafetensorError, LookupError, TypeError, ValueError) as error:
                raise WrongState(f"{path}: not readable as a part of a training state ({error}); {mend}") from None
        if not self._pieces:
            raise WrongState(f"{directory}: a training state of an earlier version, which this one cannot read; {mend}")

    def _open(self, path: Path) -> None:
        file = safe_open(path, "pt")
        metadata = file.metadata()
        for key, start in json.loads(metadata[STARTS]).items():
            count = file.get_slice(key).get_shape()[0]
            self._pieces[key].append((start, start + count, file))
        if TABLE in metadata:
            self._table, self._width, self._kept = metadata[TABLE], int(metadata[WIDTH]), file.get_tensor(KEPT)

    def restore(self, slices: list[Slice], vocabulary: TrimmedVocabulary | None, decay: float) -> None:
        """Copy what the state has into the slices of a model that is as it was before training.

        Args:
            vocabulary: what is trained of the table of subwords; None: all of it.
            decay: what weight decay alone has multiplied by the rows of that table that the state does not have.
        """
        if vocabulary is not None and not vocabulary.trained:  # no slice is of the table
            vocabulary = None
        kept = None if vocabulary is None else vocabulary.kept
        table, width = (self._table, self._width) if vocabulary is None else (vocabulary.name, vocabulary.width)
        same = kept is self._kept if kept is None or self._kept is None else torch.equal(kept, self._kept)
        for one in slices:
            if same or one.parameter != table:
                one.values.copy_(self._read(one.key, one.start, len(one.values)))
            else:
                self._restore_rows(one, kept, width, decay)

    def _restore_rows(self, one: Slice, kept: Tensor | None, width: int, decay: float) -> None:
        """Restore a slice of the table of subwords where the state has other rows of it than are trained."""
        first, last = one.start // width, -(-(one.start + len(one.values)) // width)
        rows = torch.arange(first, last) if kept is None else kept[first:last]
        places, found = rows, torch.ones(len(rows), dtype=torch.bool)
        if self._kept is not None:
            places = torch.searchsorted(self._kept, rows).clamp(max=len(self._kept) - 1)
            found = self._kept[places] == rows
        values = torch.zeros(len(rows), width)
        if found.any():
            # Rows ascend in both, so those that are wanted lie in one piece of the state.
            begin, end = int(places[found][0]), int(places[found][-1]) + 1
            piece = self._read(one.key, begin * width, (end - begin) * width).view(-1, width)
            values[found] = piece[places[found] - begin]
        cut = slice(one.start - first * width, one.start - first * width + len(one.values))
        values, known = (
            tensor.view(-1)[cut].to(one.values.device) for tensor in (values, found.repeat_interleave(width))
        )
        alone = one.values * decay if one.kind == WEIGHT else torch.zeros_like(one.values)
        one.values.copy_(torch.where(known, values, alone))

    def _read(self, key: str, start: int, count: int) -> Tensor:
        values, found = torch.empty(count), 0
        for first, last, file in self._pieces[key]:
            begin, end = max(first, start), min(last, start + count)
            if begin < end:
                values[begin - start : end - start] = file.get_slice(key)[begin - first : end - first]
                found += end - begin
        if found != count:
            raise WrongState(f"{self._where}: it has {found} of {count} values of {key} that are trained; {self._mend}")
        return values
