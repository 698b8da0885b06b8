"""A model that uses every construct of the subset and every function, for comparing the emitters."""

from __future__ import annotations

from typing import Any

from dtbsim.models import Derived, NeuronModel, Parameter, Receptor, State


class Everything(NeuronModel):
    name = "everything"
    summary = "every construct of the subset"
    parameters = (Parameter("scale", "1", 0.75, "scale"), Parameter("shift", "1", -0.25, "shift"))
    states = (
        State("x", "1", "slow"),
        State("y", "1", "fast", default=0.5),
        State("count", "steps", "counter", dtype="i32"),
        State("wrapped", "1", "wrapping integer", dtype="i32", default=7),
    )
    derived = (Derived("period", "steps", "steps", dtype="i32"),)
    receptors = (Receptor("p", "1", "first", 0), Receptor("q", "1", "second", 1))
    current_unit = "1"

    def derive(self, p: Any, dt_ms: float) -> Any:
        return {"period": 11.0}

    @staticmethod
    def bounded(x):  # type: ignore[no-untyped-def]
        """A function that another one calls."""
        return max(min(x, 2.5), -2)

    @staticmethod
    def gate(x, y, scale, shift):  # type: ignore[no-untyped-def]
        """A function of several arguments with a local variable."""
        below = exp(-abs(x) * scale)  # noqa: F821
        return bounded(below / (1.0 + exp(shift - y)))  # noqa: F821

    @staticmethod
    def never_called(x):  # type: ignore[no-untyped-def]
        """It is left out of the text."""
        return log(x)  # noqa: F821

    functions = (bounded, gate, never_called)

    @staticmethod
    def update(x, y, count, wrapped, in_p, in_q, I_stim, scale, shift, period, dt_ms):  # type: ignore[no-untyped-def]
        opened = gate(x, y, scale, shift)  # noqa: F821
        z = log(1.0 + x * x + sqrt(abs(y)))  # noqa: F821
        z *= 2
        late = count >= period or (not (z < 5.0) and opened != 0)
        x = bounded(0.9 * x + opened - 0.3 * z + in_p - in_q + dt_ms * I_stim)  # noqa: F821
        y += (x - y) / (3 if late else 2)
        count = 0 if late else count + 1
        wrapped = wrapped * 1664525 + count - -wrapped
        wrapped = -wrapped if abs(wrapped) > 1000000 and late else wrapped
        y = y + wrapped * 1e-10
        spiked = late and x > y
        return x, y, max(count, min(-count, 3)), wrapped, True if spiked else False  # noqa: SIM210
