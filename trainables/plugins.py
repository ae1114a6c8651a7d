"""Plug-ins: modules of others that add task types, tasks, kinds of steps or backbones.

A plug-in is a module that can be imported wherever steps run. Importing it registers what it adds:
`trainables.task_types.register`, `trainables.tasks.register_task`, `trainables.steps.register`,
`trainables.models.backbones.register`. A sweep file names its plug-ins (`plugins: [my_package.my_module]`); executions
carry the names to the workers.
"""

from __future__ import annotations

from collections.abc import Iterable
from importlib import import_module

from trainables.failure import NonRetryable


class PluginError(NonRetryable, ImportError):
    """A plug-in cannot be imported; the message names it and says why."""


def load_plugins(names: Iterable[str]) -> None:
    """Import these modules; one that was imported before does nothing.

    Raises:
        PluginError: one of them cannot be imported.
    """
    for name in names:
        try:
            import_module(name)
        except (Exception, SystemExit) as error:  # a plug-in may do anything
            raise PluginError(
                f"the plug-in {name} cannot be imported ({type(error).__name__}: {error}); it must be installed, or on "
                "PYTHONPATH, wherever steps run"
            ) from error
