"""A plug-in: two kinds of steps that this project does not have. One counts the words of a data step, the other
compares two such counts."""

from __future__ import annotations

import json
from typing import Literal

from trainables.recipe.recipes import DataRecipe, Recipe
from trainables.steps import FurtherStep, StepRecord, register
from trainables.steps.kinds.single import SingleProcessKind
from trainables.steps.work import Work


class CountRecipe(Recipe):
    kind: Literal["toy-count"] = "toy-count"
    data: str
    split: str

    @property
    def slug(self):
        return f"count-{self.split}"

    @property
    def needs(self):
        return (self.data,)

    @property
    def data_steps(self):
        return (self.data,)


class CompareRecipe(Recipe):
    kind: Literal["toy-compare"] = "toy-compare"
    counts: tuple[str, str]

    @property
    def slug(self):
        return "compare"

    @property
    def needs(self):
        return self.counts


class Count(SingleProcessKind):
    name = "toy-count"
    recipe = CountRecipe
    group = "analyse"

    def make(self, recipe, execution, store, workdir, check_stop):
        from trainables.data.prepare import load_split

        data = DataRecipe.model_validate(StepRecord.of(store, recipe.data).recipe)
        names = [rows.name for rows in data.rows if rows.split == recipe.split]
        tokens = [tokens for name in names for tokens in load_split(store, recipe.data, name)[1]["tokens"][:]]
        (workdir / "words.json").write_text(json.dumps(sorted({word for row in tokens for word in row})))
        return {"rows": len(tokens), "words": sum(map(len, tokens))}

    def work(self, recipe, context):
        return Work(context.size(recipe.data, recipe.split).tokens)


class Compare(SingleProcessKind):
    name = "toy-compare"
    recipe = CompareRecipe
    group = "analyse"

    def make(self, recipe, execution, store, workdir, check_stop):
        ours, theirs = (json.loads((store.path(step) / "words.json").read_text()) for step in recipe.counts)
        shared = len({*ours} & {*theirs})
        return {"shared": shared, "share": shared / len({*ours, *theirs})}

    def plan(self, options, context):
        if set(options) != {"task"}:
            raise ValueError(f"give task, and nothing else (found {', '.join(options) or 'nothing'})")
        data = {
            recipe.rows[0].split: name
            for name, recipe in context.recipes.items()
            if isinstance(recipe, DataRecipe) and recipe.task.name == options["task"]
        }
        if not data:
            raise ValueError(f'task: no step of this sweep reads "{options["task"]}"')
        counts = [CountRecipe(data=data[split], split=split) for split in ("train", "test")]
        yield from (FurtherStep(count, f"words of {options['task']} {count.split}") for count in counts)
        compared = CompareRecipe(counts=tuple(count.id for count in counts))
        yield FurtherStep(compared, f"words of {options['task']} compared")


register(Count())
register(Compare())
