"""Tasks: which there are (registry), what their rows look like (task), where the rows come from (sources)."""

from trainables.tasks.folder import FolderSource
from trainables.tasks.hub import HubSource
from trainables.tasks.registry import all_tasks, get_task
from trainables.tasks.sources import DataError, GeneratedSource, Source, is_labelled
from trainables.tasks.task import COLUMNS_OF_TYPE, Split, Task, TaskType, UnknownTask

__all__ = [
    "COLUMNS_OF_TYPE", "DataError", "TaskType", "FolderSource", "GeneratedSource", "HubSource",
    "Source", "Split", "Task", "UnknownTask", "all_tasks", "get_task", "is_labelled",
]  # fmt: skip
