"""step_current: a current that changes in steps."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import Field, model_validator

from dtbsim.config.bounds import Number
from dtbsim.config.drives import Current, series
from dtbsim.config.locate import KeyPath
from dtbsim.config.parts import KIND
from dtbsim.models.drives.base import DriveKind, Site
from dtbsim.models.drives.inputs import InputCurrent
from dtbsim.models.drives.waveforms import Steps


class StepCurrentDrive(Current):
    """A current that changes in steps: amplitudes[k] from times_ms[k] until the next time, 0 before the first.

    As NEST's step_current_generator, whose current reaches its targets one step later (its delay).
    """

    kind: Literal["step_current"] = Field(default="step_current", description=KIND)
    times_ms: Annotated[list[Annotated[Number, Field(ge=0)]], Field(min_length=1, fail_fast=True)] = Field(
        description="when it changes, ascending"
    )
    amplitudes: Annotated[list[Number], Field(min_length=1, fail_fast=True)] = Field(
        description="what it changes to, as many, in the unit of the model's current input"
    )

    @model_validator(mode="after")
    def _as_many(self) -> StepCurrentDrive:
        series("times_ms", self.times_ms, "amplitudes", self.amplitudes)
        return self

    def grid_times(self) -> Iterator[tuple[KeyPath, float | None]]:
        """Yield the times of the changes."""
        for k, time_ms in enumerate(self.times_ms):
            yield ("times_ms", str(k)), time_ms


class StepCurrent(DriveKind):
    """It changes at whole steps."""

    config = StepCurrentDrive

    def compile(self, item: StepCurrentDrive, site: Site) -> InputCurrent:
        """Return the current in time."""
        edges = tuple(site.steps("times_ms", time_ms) for time_ms in item.times_ms)
        return InputCurrent(Steps(edges, tuple(item.amplitudes)))
