"""Rows as sources give them."""

from trainables.task_types import get_task_type

WITHOUT = {name: column.nothing for name, column in get_task_type("multiple-choice").columns.items() if column.aside}
"""What a row of multiple choice has where its data say nothing of it."""
NO_PARTS = {"parts": []}
"""The same of pairs of texts, and of questions."""
