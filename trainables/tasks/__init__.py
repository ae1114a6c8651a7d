"""Tasks: what is known of one (task), which there are (records), where the rows come from (sources)."""

from trainables.tasks import records, shipped  # their tasks are added to the registry
from trainables.tasks.hyperparameters import Defaults
from trainables.tasks.registry import all_tasks, get_task, register_task
from trainables.tasks.sources import DataError, Source
from trainables.tasks.sources.folder.source import FolderSource
from trainables.tasks.sources.generated import GeneratedSource
from trainables.tasks.sources.hub.source import HubSource
from trainables.tasks.task import Licence, Split, Task, UnknownTask

__all__ = [
    "DataError", "Defaults", "FolderSource", "GeneratedSource", "HubSource", "Licence",
    "Source", "Split", "Task", "UnknownTask", "all_tasks", "get_task", "records", "register_task", "shipped",
]  # fmt: skip
