"""The conductor of a run: from a configuration to a run folder with results. `run` is the one way in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dtbsim.simulate.conductor import run
    from dtbsim.simulate.result import RunResult

__all__ = ["RunResult", "run"]


def __getattr__(name: str) -> Any:
    if name == "run":
        from dtbsim.simulate.conductor import run

        return run
    if name == "RunResult":
        from dtbsim.simulate.result import RunResult

        return RunResult
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
