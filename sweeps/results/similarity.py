"""What the analyses of a sweep have found: how near intermediates are to targets, and how well checkpoints fit them."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import fmean

from rich.table import Table

from sweeps.plan.graph import Plan
from trainables.recipe.analyses import EmbedRecipe, SimilarityRecipe, TransferabilityRecipe
from trainables.steps import StepRecord
from trainables.store import Store

DISTANCES = ("jensen_shannon", "proxy_a_distance", "mmd2")
"""Of data; the lower, the nearer."""
SIMILARITIES = ("cosine",)
"""Of data; the higher, the nearer."""
FITS = ("logme", "leep", "h_score")
"""Of checkpoints; the higher, the better. To be compared between checkpoints on one target only."""


@dataclass(frozen=True)
class Similarity:
    """One number of an analysis.

    Attributes:
        measure: one of `DISTANCES`, `SIMILARITIES` and `FITS`.
        seed: of the checkpoint; None where data alone are compared, and of the starting model (`none`).
        layer: whose output was read (0: the embeddings); None where subwords were counted, and of `FITS`, which read
            the last.
        split: of the target's rows, in the language that it is trained in.
        rows: of the target; `intermediate_rows`: of the intermediate's train rows, None of `FITS`.
    """

    model: str
    intermediate: str
    target: str
    measure: str
    value: float
    seed: int | None
    layer: int | None
    split: str
    rows: int
    intermediate_rows: int | None


def similarities(plan: Plan, store: Store) -> list[Similarity]:
    """All that is done, in the order of the plan. Raises StoreError where a record is damaged."""
    found = []
    for step in plan.steps.values():
        recipe = step.recipe
        if not isinstance(recipe, SimilarityRecipe | TransferabilityRecipe) or not store.done(step.id):
            continue
        result = StepRecord.of(store, step.id).result
        if isinstance(recipe, SimilarityRecipe):
            target = plan.steps[recipe.target].recipe
            assert isinstance(target, EmbedRecipe)
            measures: tuple[str, ...] = (*DISTANCES, *SIMILARITIES)
            split = target.split
            rows, others, layer = result["target_rows"], result["intermediate_rows"], result["layer"]
        else:
            measures, split = FITS, recipe.split
            rows, others, layer = result["rows"], None, None
        for role in step.roles:
            of = (role.model or "", role.intermediate or "", role.target or "")
            found += [
                Similarity(
                    *of, name, result[name], role.seed, None if name == DISTANCES[0] else layer, split, rows, others
                )
                for name in measures
                if name in result
            ]
    return found


def similarity_tables(found: Iterable[Similarity]) -> list[Table]:
    """A table for each model: rows targets and intermediates, columns measures; of several seeds the mean."""
    values: dict[str, dict[tuple[str, str], dict[str, list[float]]]] = {}
    for one in found:
        of_model = values.setdefault(one.model, {}).setdefault((one.target, one.intermediate), {})
        of_model.setdefault(one.measure, []).append(one.value)
    tables = []
    for model, rows in values.items():
        title = f"{model}: data (lower is nearer, cosine: higher), checkpoints before the target (higher is better)"
        table = Table(title=title, title_justify="left", min_width=len(title))
        table.add_column("target")
        table.add_column("intermediate")
        measures = [name for name in (*DISTANCES, *SIMILARITIES, *FITS) if any(name in row for row in rows.values())]
        for name in measures:
            table.add_column(name.replace("_", " "), justify="right")
        for target in dict.fromkeys(target for target, _ in rows):
            for intermediate, row in ((name, row) for (of, name), row in rows.items() if of == target):
                cells = [f"{fmean(row[name]):.3f}" if name in row else "" for name in measures]
                table.add_row(target, intermediate, *cells)
            table.add_section()
        tables.append(table)
    return tables


def write_similarities(found: list[Similarity], folder: Path) -> list[Path]:
    """Write `similarity.parquet` and `similarity.csv`; nothing where there is nothing."""
    if not found:
        return []
    import pyarrow as pa
    import pyarrow.parquet as pq

    rows = [asdict(one) for one in found]
    paths = [folder / "similarity.parquet", folder / "similarity.csv"]
    text, number, whole = pa.string(), pa.float64(), pa.int64()
    types = {"value": number} | dict.fromkeys(("seed", "layer", "rows", "intermediate_rows"), whole)
    schema = pa.schema([(name, types.get(name, text)) for name in Similarity.__dataclass_fields__])
    pq.write_table(pa.Table.from_pylist(rows, schema), paths[0])
    with paths[1].open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, schema.names)
        writer.writeheader()
        writer.writerows(rows)
    return paths
