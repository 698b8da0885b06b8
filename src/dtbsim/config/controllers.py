"""Kinds of controllers by name, and what every one of those under `controllers` has in common."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, ClassVar

from dtbsim.config.kinds import Kinds, check_config
from dtbsim.config.values import Strict
from dtbsim.registry import Later, Registry


class ControllerOptions(Strict):
    """Base of what a controller takes under `controllers.NAME`; a kind adds `kind: Literal[...]` and its own fields.

    The class says what its fields mean to the checks and to the compilation of a network, all by their names.
    """

    population_key: ClassVar[str | None] = None
    """The field that names a population, if there is one; it may be left out (None)."""
    projection_key: ClassVar[str | None] = None
    """The field that names a projection, if there is one; it may be left out (None)."""
    needs_plastic: ClassVar[bool] = False
    """Whether the weights of that projection must be plastic."""
    parameter_key: ClassVar[str | None] = None
    """The field that names the parameter which it sets, of all neurons of the population; None: it sets none."""
    by_region: ClassVar[tuple[str, ...]] = ()
    """Fields that may differ between regions: of the population, or of the target of the projection."""
    on_grid: ClassVar[tuple[str, ...]] = ("interval_ms",)
    """Times that are whole numbers of steps."""
    intervals: ClassVar[tuple[str, ...]] = ("interval_ms",)
    """Those of them that are at least one step."""

    of_regions: ClassVar[bool] = False
    """Whether that population is one of mean-field regions, not of neurons."""

    def population_named(self) -> str | None:
        """The population that it follows or changes, None where it names none."""
        return None if self.population_key is None else getattr(self, self.population_key)

    def projection_named(self) -> str | None:
        """The projection that it follows or changes, None where it names none."""
        return None if self.projection_key is None else getattr(self, self.projection_key)

    def parameter_set(self) -> tuple[str, str, str] | None:
        """The population and the parameter that it sets, and the key that names the parameter; None: it sets none."""
        population = self.population_named()
        if self.parameter_key is None or population is None:
            return None
        return population, getattr(self, self.parameter_key), self.parameter_key

    def times(self) -> Iterator[tuple[tuple[str, ...], float | None]]:
        """Yield key and value (None: left out) of every time that must be a whole number of steps."""
        for key in self.on_grid:
            yield (key,), getattr(self, key)


def _checked(name: str, value: object) -> Any:
    """Return what an entry point gave; TypeError where it is no kind of intervention."""
    made = value() if isinstance(value, type) else value
    check_config(getattr(made, "config", None), ControllerOptions, name)
    if not callable(getattr(made, "plan", None)):
        raise TypeError("it needs `plan(network, name, item)`, which returns a dtbsim.intervene.Plan")
    return made


INTERVENTIONS: Registry[Any] = Registry(
    "dtbsim.interventions",
    "intervention",
    {
        "homeostatic_tonic": Later("dtbsim.intervene.homeostatic:HOMEOSTATIC"),
        "synaptic_scaling": Later("dtbsim.intervene.scaling:SCALING"),
        "feedback_inhibition": Later("dtbsim.intervene.feedback_inhibition:FEEDBACK_INHIBITION"),
    },
    _checked,
)
"""Objects that have what `dtbsim.intervene.Kind` says."""

ControllerItem = Annotated[Any, Kinds(INTERVENTIONS)]
