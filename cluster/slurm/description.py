"""The description of a cluster under Slurm."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, ValidationInfo, field_validator

from cluster.description import Description, Text

SET = {
    **dict.fromkeys(("job-name", "array", "chdir"), "they follow from the sweep files and the folder"),
    **dict.fromkeys(("nodes", "ntasks", "ntasks-per-node"), "give --nodes"),
    "cpus-per-task": "give --cpus",
    "mem": "give --memory",
    **dict.fromkeys(("output", "error", "open-mode"), "give --to"),
    **dict.fromkeys(("gpus", "gpus-per-node", "gres"), "give --gpus or --gres"),
    **dict.fromkeys(("signal", "requeue", "no-requeue"), "give --notice or --no-requeue"),
    **dict.fromkeys(("export", "export-file", "wrap", "parsable", "test-only"), "the script needs it as it is"),
}
"""Options of sbatch that cannot be handed through, and what to do instead."""


def _word(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9_][\w.,:@%+=/&|*!()\[\]-]{0,999}", text, re.ASCII):
        raise ValueError("is no value for sbatch: give letters, digits and .,:@%+=/&|*!()[]-_ without spaces")
    return text


def _option(text: str) -> str:
    name, _, value = text.partition("=")
    if not re.fullmatch(r"[a-z][a-z-]*", name):
        raise ValueError("must be a long option of sbatch without its dashes: nice=100, or exclusive")
    if name in SET:
        raise ValueError(f"{name} is set by the script: {SET[name]}")
    return f"{name}={_word(value)}" if value else name


def _time(text: str) -> str:
    if not re.fullmatch(r"\d{1,6}|\d{1,6}(:\d\d){1,2}|\d{1,4}-\d{1,2}(:\d\d){0,2}", text):
        raise ValueError("must be a time as Slurm writes it: MINUTES, HOURS:MINUTES:SECONDS or DAYS-HOURS")
    return text


Word = Annotated[str, AfterValidator(_word)]
Option = Annotated[str, AfterValidator(_option)]


class SlurmCluster(Description):
    """Fields beside those of every cluster; `image` is started by `runtime`."""

    partition: Word | None = None
    account: Word | None = None
    qos: Word | None = None
    constraint: Word | None = None
    time: Annotated[str, AfterValidator(_time)] | None = None
    """Limit; None: the partition's."""
    gres: Word | None = None
    """Generic resources of each node in place of `gpus`: `gpu:a100:4`."""
    mail: Word | None = None
    """Address that hears of the job's end, failure and requeue."""
    sbatch: tuple[Option, ...] = ()
    """Further options of sbatch: `reservation=NAME`, `exclusive`."""
    runtime: Literal["pyxis", "apptainer"] = "pyxis"
    """What starts `image`: Pyxis with Enroot (`srun --container-image`), or Apptainer."""
    mounts: tuple[Text, ...] = ()
    """Folders that containers see, beside what the sweep reads: `/scratch:/scratch`."""
    setup: tuple[Text, ...] = ()
    """Lines of shell before anything is started: `module load cuda/12.8`."""
    scratch: Text | None = None
    """Folder on each node's own disk, for Ray; `$NAME` is replaced there. None: $SLURM_TMPDIR, $TMPDIR or /tmp."""
    notice: Annotated[int, Field(strict=True, ge=30, le=3600)] = 120
    """Seconds before the time limit at which running steps save and leave."""
    requeue: bool = Field(default=True, strict=True)
    """Whether a job that was preempted or came to its time limit starts again, as long as steps make progress."""

    @field_validator("gres")
    @classmethod
    def _one_way_to_gpus(cls, value: str | None, info: ValidationInfo) -> str | None:
        if value is not None and info.data.get("gpus") is not None:
            raise ValueError("says the same as gpus; leave one of them out")
        return value
