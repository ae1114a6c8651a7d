"""What a step reads, as data sets of MLflow: one for each prepare step it reads from, with the revision of its rows."""

from __future__ import annotations

import json
from typing import Any

from mlflow.entities import Dataset, DatasetInput, InputTag

from trainables.store import Store

CONTEXT = {"train": "training", "evaluate": "evaluation"}


def data_of(recipe: dict[str, Any], store: Store) -> list[DatasetInput]:
    """The data sets of a train or evaluate step's recipe that the store has; of others none."""
    if recipe["kind"] == "evaluate":
        steps = [recipe["data"]]
    elif recipe["kind"] == "train":
        steps = [step for part in recipe["parts"] for step in part["data"]]
    else:
        return []
    tags = [InputTag("mlflow.data.context", CONTEXT[recipe["kind"]])]
    # Damaged data is prepared again by the next run; what was made with it is told all the same.
    return [DatasetInput(_data_set(step, store), tags) for step in dict.fromkeys(steps) if store.done(step)]


def selected_on(recipe: dict[str, Any], store: Store) -> dict[str, Dataset]:
    """The data sets whose dev rows picked the checkpoint of a train step, by the task's name where there are several
    parts, else under an empty name."""
    found = {}
    for part in recipe["parts"]:
        name = part["task"]["name"] if len(recipe["parts"]) > 1 else ""
        for step in part["data"] if part["select"] is not None else ():
            if store.done(step) and any(rows["split"] == "dev" for rows in store.record(step)["recipe"]["rows"]):
                found[name] = _data_set(step, store)
    return found


def _data_set(step: str, store: Store) -> Dataset:
    record = store.record(step)
    recipe = record["recipe"]
    rows = {f"{one['split']}-{one['language']}": one["revision"] for one in recipe["rows"]}
    splits = " ".join(dict.fromkeys(one["split"] for one in recipe["rows"]))
    return Dataset(
        name=f"{recipe['task']['name']} {splits}",
        digest=record["fingerprint"][:16],
        source_type="xstilts",
        # MLflow keeps one description for a name and digest, whichever sweep came first: no path of a store in it.
        source=json.dumps({"step": step, "source": recipe["task"]["source"], "revisions": rows}),
        profile=json.dumps({"rows": sum(counts.get("examples", 0) for counts in record["result"].values())}),
    )
