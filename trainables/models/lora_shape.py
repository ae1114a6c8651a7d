"""Low-rank adapters without torch: which linear modules their targets are, and how many parameters they have."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from trainables.models.shape import Linear, ModelShape
from trainables.recipe.adaptation import ALL_LINEAR, ATTENTION, Lora


def is_target(path: str, name: str) -> bool:
    """Whether a module's path is one that `name` stands for: peft's rule for names of target modules."""
    return path == name or path.endswith(f".{name}")


def without_match(targets: Iterable[str], paths: Iterable[str]) -> list[str]:
    """The targets that are no linear module among `paths`."""
    known = list(paths)
    return [name for name in targets if not any(is_target(path, name) for path in known)]


def mend(name: str, paths: Iterable[str]) -> str:
    """What could be given in place of a target that matches nothing, as the end of a line."""
    names = list(dict.fromkeys(path.rpartition(".")[2] for path in paths))
    near = difflib.get_close_matches(name, names, n=1)
    hint = f'did you mean "{near[0]}"?' if near else f"there are {', '.join(names[:12])}"
    return f"{hint} ({ATTENTION} and {ALL_LINEAR} are words for many)"


def paths_of(shape: ModelShape) -> list[str]:
    """Paths of all linear modules of the blocks, as far as the kind of backbone says them."""
    return [linear.name.format(block) for block in range(shape.layers) for linear in shape.linears]


def targeted(shape: ModelShape, lora: Lora) -> list[Linear]:
    """The linear modules, of all blocks, beside which adapters are."""
    found = []
    for block in range(shape.layers):
        for linear in shape.linears:
            path = linear.name.format(block)
            if isinstance(lora.targets, str):
                wanted = lora.targets == ALL_LINEAR or linear.attention
            else:
                wanted = any(is_target(path, name) for name in lora.targets)
            if wanted:
                found.append(linear)
    return found


def adapter_parameters(shape: ModelShape, lora: Lora) -> int:
    """Parameters of the adapters: all that is trained of the backbone. 0 where its linear modules are not known."""
    return sum(lora.rank * (linear.inputs + linear.outputs) for linear in targeted(shape, lora))
