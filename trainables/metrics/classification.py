"""Accuracy, as XTREME reports it for XNLI."""

from collections.abc import Sequence


def accuracy_scores(predicted: Sequence[str], gold: Sequence[str]) -> dict[str, float]:
    """Share of labels that are right.

    Args:
        predicted, gold: one label per example, in the same order.

    Returns:
        ``{"accuracy"}`` in percent.

    Raises:
        ValueError: there are no examples, or the two differ in length.
    """
    if not gold:
        raise ValueError("accuracy of no examples is not defined: the list of gold labels is empty")
    if len(predicted) != len(gold):
        raise ValueError(f"there are {len(predicted)} predicted labels for {len(gold)} gold labels")
    return {"accuracy": 100.0 * sum(map(str.__eq__, predicted, gold)) / len(gold)}
