"""A small configuration for the command line, and the command line called within the test's own process."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from dtbsim.cli import main
from dtbsim.simulate.result import RunResult

CONFIG = """\
name: two_populations
seed: 7
simulation:
  dt_ms: 0.1
  duration_ms: 20
populations:
  E: {model: iaf_psc_exp, size: 80}
  I: {model: iaf_psc_exp, size: 20}
projections:
  EI:
    source: E
    target: I
    rule: {kind: fixed_indegree, indegree: 10}
    weight_pA: 40
    delay_ms: 1
drives:
  background: {kind: poisson, target: [E, I], rate_hz: 8000, weight_pA: 40}
"""

SUMMARY: dict[str, Any] = {
    "name": "two_populations",
    "neurons": 100,
    "synapses": 200,
    "bytes_per_synapse": 7.3,
    "spikes": 40,
    "mean_rate_hz": 20.0,
    "biological_s": 0.02,
    "build_s": 0.4,
    "simulate_s": 0.012,
    "rtf": 0.6,
    "peak_rss_bytes": {"sum": 400_000_000, "max": 210_000_000},
    "ranks": 2,
    "threads": 1,
    "spike_hash": "ab" * 32,
    "fc_correlation": 0.4567,
}


class Outcome(NamedTuple):
    """Exit code, stdout and stderr."""

    code: int
    out: str
    err: str


class Cli:
    """Calls the command line and gives back what it did; `capfd` because errors are written past Python's streams."""

    def __init__(self, capfd: Any) -> None:
        self._capfd = capfd

    def __call__(self, *arguments: str | Path) -> Outcome:
        self._capfd.readouterr()
        code = main([str(argument) for argument in arguments])
        return Outcome(code, *self._capfd.readouterr())


class FakeSimulation:
    """Stands in for `dtbsim.simulate.run`: notes how it was called, then does `act`."""

    def __init__(self, act: Callable[..., None] = lambda **_: None, *, interrupted: bool = False) -> None:
        self.act = act
        self.interrupted = interrupted
        self.summary = dict(SUMMARY)
        self.config: Any = None
        self.options: dict[str, Any] = {}

    def __call__(self, config: Any, **options: Any) -> RunResult:
        self.config, self.options = config, options
        options["progress"].stage("simulate")
        self.act(**options)
        folder = Path(options["out"] or "runs/here")
        report = folder / "report.html" if options["report"] and not self.interrupted else None
        return RunResult(self.summary, folder, self.interrupted, report)


def write_config(folder: Path, text: str = CONFIG) -> Path:
    """Write the configuration and return its path."""
    path = folder / "net.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def is_one_error_line(text: str) -> bool:
    """Whether stderr holds one line for the user and nothing of Python."""
    return text.startswith("dtbsim: error: ") and text.count("\n") == 1 and text.endswith("\n")
