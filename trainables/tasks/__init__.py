"""Tasks: which there are (registry), what their rows look like (task), where the rows come from (sources)."""

from trainables.tasks.records import all_tasks, get_task, register_task
from trainables.tasks.sources import DataError, Source, is_labelled
from trainables.tasks.sources.folder.source import FolderSource
from trainables.tasks.sources.generated import GeneratedSource
from trainables.tasks.sources.hub.source import HubSource
from trainables.tasks.task import COLUMNS_OF_TYPE, Split, Task, TaskType, UnknownTask

__all__ = [
    "COLUMNS_OF_TYPE", "DataError", "TaskType", "FolderSource", "GeneratedSource", "HubSource",
    "Source", "Split", "Task", "UnknownTask", "all_tasks", "get_task", "is_labelled", "register_task",
]  # fmt: skip
