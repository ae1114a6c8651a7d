"""Tasks: which there are (registry), what their rows look like (task), where the rows come from (sources)."""

from trainables.tasks.records import all_tasks, get_task, register_task
from trainables.tasks.sources import DataError, Source
from trainables.tasks.sources.folder.source import FolderSource
from trainables.tasks.sources.generated import GeneratedSource
from trainables.tasks.sources.hub.source import HubSource
from trainables.tasks.task import Split, Task, UnknownTask

__all__ = [
    "DataError", "FolderSource", "GeneratedSource", "HubSource",
    "Source", "Split", "Task", "UnknownTask", "all_tasks", "get_task", "register_task",
]  # fmt: skip
