"""How a training is set: what its task brings, under what the sweep file says of all, of the task, of the training."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from sweeps.spec.training import AdaptationSpec, Training
from trainables.recipe.optimisation import Optimisation
from trainables.tasks.hyperparameters import Defaults

_REQUIRED = ("max_length", "batch_size", "learning_rate", "epochs")
"""What a training must be told, by its task or by the sweep file."""


class WrongSettings(ValueError):
    """Settings that exclude each other, or do not fit the model."""


@dataclass(frozen=True)
class Settings:
    """The settings of one training."""

    where: str
    """The field of the sweep file that speaks of it last."""
    fields: dict[str, Any]
    own_length: bool
    """Whether the sweep file says how long rows may be; else each task has its own length."""
    positions: int
    own_rate: bool = True
    """Whether the sweep file gives the learning rate; else it is a published one."""

    @property
    def adaptation(self) -> AdaptationSpec | None:
        """What is trained of the backbone; None: all of it."""
        said: AdaptationSpec | None = self.fields.get("adaptation")
        return said if said is not None and said.lora is not None else None

    @property
    def variants(self) -> list[Settings]:
        """One for each learning rate."""
        rates = self.fields["learning_rate"]
        return [replace(self, fields={**self.fields, "learning_rate": (rate,)}) for rate in rates]

    @property
    def optimisation(self) -> Optimisation:
        """Raises WrongSettings where there are several learning rates."""
        (rate, *more) = self.fields["learning_rate"]
        if more:
            raise WrongSettings(
                f"{self.where}.learning_rate: several may compete where a target is trained, and this training is none "
                "of a target's own; give one"
            )
        given = {name: value for name, value in self.fields.items() if name in Optimisation.model_fields}
        return Optimisation(**{**given, "learning_rate": rate})

    @property
    def length(self) -> int:
        """Subwords of a row. Raises WrongSettings when the model has fewer positions."""
        return self.fitting(int(self.fields["max_length"]))

    def length_of(self, defaults: Defaults | None) -> int:
        """Subwords of a row of a task with these defaults."""
        return self.length if self.own_length or defaults is None else self.fitting(defaults.max_length)

    def fitting(self, length: int) -> int:
        """`length`, if the model has so many positions."""
        return fitting(self.where, length, self.positions)

    @property
    def limits(self) -> tuple[int | None, int | None]:
        """Rows read of train and of dev."""
        return self.fields.get("train_limit"), self.fields.get("dev_limit")


def fitting(where: str, length: int, positions: int) -> int:
    """`length`, if there are so many positions; `where` speaks of it. Raises WrongSettings."""
    if length > positions:
        raise WrongSettings(f"{where}.max_length: {length} subwords, but the model has {positions} positions")
    return length


def merged(where: str, positions: int, defaults: Defaults | None, *layers: Training | None) -> Settings:
    """Settings from a task's defaults and what the sweep file says, the later the stronger.

    Raises WrongSettings when one layer gives both epochs and steps, when neither the task nor the sweep file says how
    to train, or when a gain is asked for that nothing waits for.
    """
    fields: dict[str, Any] = {}
    if defaults is not None:
        fields = {name: value for name, value in vars(defaults).items() if name != "source"}
        fields["learning_rate"] = (defaults.learning_rate,)
    own_length = own_rate = False
    for layer in filter(None, layers):
        given = layer.given()
        if "steps" in given and "epochs" in given:
            raise WrongSettings(f"{where}: give either epochs or steps, not both")
        if "steps" in given:
            fields.pop("epochs", None)
        if "epochs" in given:
            fields.pop("steps", None)
        own_length = own_length or "max_length" in given
        own_rate = own_rate or "learning_rate" in given
        fields |= given
    if missing := [name for name in _REQUIRED if name not in fields and not (name == "epochs" and "steps" in fields)]:
        raise WrongSettings(f"{where}: the task has no settings of its own; give {', '.join(missing)}")
    if "min_gain" in fields and fields.get("patience") is None:
        raise WrongSettings(f"{where}.min_gain: has no effect without patience; give patience too")
    return Settings(where, fields, own_length, positions, own_rate)
