"""Translation ranking and word ranking: a sentence shall be nearer to its translation than to another one."""

from __future__ import annotations

from trainables.task_types.base import HeadWork, Length, Row, TaskType
from trainables.task_types.masked_lm.schema import MaskedLM


class TranslationRanking(TaskType):
    """An objective on text; its rows are those of masked LM, of which it reads the translations."""

    name = "translation-ranking"
    modeling_class = "trainables.task_types.translation_ranking.modeling:TranslationRanking"
    columns = MaskedLM.columns
    usual_length = Length(32.0, sequences=2)
    reads_text = True
    learns_from_translations = True
    contrastive_group_size = 64

    def leak_key(self, row: Row) -> str | None:
        return None


class WordRanking(TranslationRanking):
    """The same at the embeddings alone: no block is read."""

    name = "word-ranking"
    modeling_class = "trainables.task_types.translation_ranking.modeling:WordRanking"
    contrastive_group_size = 256
    prepared_as = TranslationRanking.name

    def forward_flops(self, blocks: float, head: HeadWork) -> float:
        return 0.0
