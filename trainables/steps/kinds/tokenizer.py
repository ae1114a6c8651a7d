"""Tokenizer steps: a Unigram tokenizer is trained on text."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from trainables.recipe.execution import Execution
from trainables.recipe.recipes import TokenizerRecipe
from trainables.steps.kinds.single import SingleProcessKind
from trainables.steps.work import Work, WorkContext
from trainables.store import Store


class Tokenizer(SingleProcessKind):
    name = "tokenizer"
    recipe = TokenizerRecipe
    group = "prepare"
    preparation = True

    def make(
        self,
        recipe: TokenizerRecipe,
        execution: Execution,
        store: Store,
        workdir: Path,
        check_stop: Callable[[], None],
    ) -> dict[str, Any]:
        from trainables.data.prepare import prepare_tokenizer

        return prepare_tokenizer(recipe, execution, workdir)

    def work(self, recipe: TokenizerRecipe, context: WorkContext) -> Work:
        sizes = (context.text_size(corpus.task, rows) for corpus in recipe.corpora for rows in corpus.rows)
        return Work(sum(size.tokens for size in sizes))
