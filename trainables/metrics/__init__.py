"""The measures, exactly as the official evaluators define them: pure functions, scores in percent."""

from trainables.metrics.classification import accuracy_scores
from trainables.metrics.retrieval import nearest_neighbours, retrieval_scores
from trainables.metrics.squad import squad_scores
from trainables.metrics.tagging import entity_f1

__all__ = ["accuracy_scores", "entity_f1", "nearest_neighbours", "retrieval_scores", "squad_scores"]
