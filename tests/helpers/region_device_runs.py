"""Networks of mean-field regions on the CPU and on the shim device: hash and samples."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from tests.helpers.region_runs import small_atlas
from tests.helpers.shim_device import ShimDevice

from dtbsim.backends.cuda.device import Device
from dtbsim.backends.cuda.region_engine import DeviceRegions
from dtbsim.backends.regions.engine import RegionEngine
from dtbsim.backends.regions.series import gathered
from dtbsim.backends.regions.stepper import RegionStepper
from dtbsim.config import RunConfig
from dtbsim.models.region_registry import get_region_model, list_region_models
from dtbsim.mpi import run_ranks
from dtbsim.mpi.comm import SerialComm
from dtbsim.spec import compile_network
from dtbsim.spec.region_network import RegionNetwork

MODELS_FILE = Path(__file__).parent.parent / "data/regions/device_hashes.json"
"""What `hashes_of` gives for `one_of_each` on the CPU."""
N = 5
DT_MS = 0.005
STEPS = 40
Result = tuple[str, list[Any]]


@dataclass(frozen=True, eq=False)
class Case:
    """A configuration, and what it is of."""

    label: str
    config: RunConfig

    def __repr__(self) -> str:
        return self.label


def regions_of(config: RunConfig) -> tuple[RegionNetwork, int, float]:
    """The compiled regions, number of steps, and the step in ms."""
    network = compile_network(config)
    assert network.regions is not None
    return network.regions, network.n_steps, network.dt_ms


def on_cpu(config: RunConfig) -> Result:
    """Hash and samples."""
    return _stepped(config, lambda network, dt_ms, comm: RegionEngine(network, dt_ms, comm, 1), 1, 10**9)


def on_device(config: RunConfig, device: Device, chunk: int = 10**9) -> Result:
    """Hash and samples of one rank."""
    return _stepped(config, lambda network, dt_ms, comm: DeviceRegions(network, dt_ms, comm, device), 1, chunk)


def on_shim(config: RunConfig, *, ranks: int = 1, chunk: int = 10**9, backwards: bool = False) -> Result:
    """Hash and samples; ranks have a device each."""

    def engine(network: RegionNetwork, dt_ms: float, comm: Any) -> DeviceRegions:
        return DeviceRegions(network, dt_ms, comm, ShimDevice(backwards=backwards))

    return _stepped(config, engine, ranks, chunk)


def _stepped(config: RunConfig, make: Callable[..., Any], ranks: int, chunk: int) -> Result:
    network, n_steps, dt_ms = regions_of(config)

    def run(comm: Any) -> Result:
        engine = make(network, dt_ms, comm)
        parts: list[list[Any]] = [[] for _ in network.samples]
        for start in range(0, n_steps, chunk):
            engine.advance(start, min(start + chunk, n_steps))
            for found, series, sample in zip(parts, engine.series(), network.samples, strict=True):
                nodes = network.populations[sample.population].n_nodes
                found.append(gathered(series, nodes, network.members.n, comm))
        hashed = engine.hashed().combined(comm)
        engine.close()
        return hashed, [np.concatenate(found) for found in parts] if comm.is_root else []

    if ranks == 1:
        return run(SerialComm())
    results: list[Result] = run_ranks(ranks, run)
    assert len({result[0] for result in results}) == 1
    return results[0]


def _function(kind: str) -> dict[str, Any]:
    return {"kind": kind if kind in ("difference", "kuramoto", "jansen_rit") else "linear"}


def _population(name: str, integrator: str | None, kind: str, state: str) -> dict[str, Any]:
    tau = {"tau_ms": 3.0} if kind == "ornstein_uhlenbeck" else {}
    given: dict[str, Any] = {"model": name, "regions": "all", "noise": {state: {"kind": kind, "sigma": 0.001, **tau}}}
    return given if integrator is None else given | {"integrator": integrator}


def _couplings(population: str, name: str) -> dict[str, Any]:
    model = get_region_model(name)
    return {
        f"{population}_{k}": {
            "source": population, "target": population, "variable": variable, "input": arrives, "strength": 0.001,
            "function": _function(model.coupling), "delay_ms": {"tract_velocity_m_per_s": 800.0},
        }
        for k, (variable, arrives) in enumerate(model.couples)
    }  # fmt: skip


def _config(folder: Path, populations: dict[str, Any], couplings: dict[str, Any]) -> RunConfig:
    rng = np.random.default_rng(2)
    weights, lengths = np.round(rng.random((N, N)), 3) * (1 - np.eye(N)), np.round(rng.uniform(8.0, 60.0, (N, N)), 1)
    first = next(iter(populations))
    variables = [row.name for row in get_region_model(populations[first]["model"]).states]
    data = {
        "atlas": str(small_atlas(folder, weights, lengths)), "seed": 11,
        "simulation": {"dt_ms": DT_MS, "duration_ms": DT_MS * STEPS},
        "populations": populations, "couplings": couplings,
        "record": {"states": [{"population": first, "variables": variables, "interval_ms": 2 * DT_MS}]},
    }  # fmt: skip
    return RunConfig.model_validate(data)


def one_of_each(folder: Path) -> RunConfig:
    """A network with a population of every model, with noise on its first state."""
    names = list_region_models()
    populations = {name: _population(name, None, "additive", get_region_model(name).targets[0]) for name in names}
    couplings: dict[str, Any] = {}
    for name in names:
        couplings |= _couplings(name, name)
    return _config(folder, populations, couplings)


def cases_of(name: str, folder: Path) -> list[Case]:
    """Every integrator of a model with every kind of noise, on a state and, where there is one, on an input."""
    model, found = get_region_model(name), []
    states = [row.name for row in model.states if row.name in model.targets]
    inputs = [target for target in model.targets if target not in states]
    for integrator in model.integrators:
        for kind, target in (
            ("additive", states[0]), ("multiplicative", states[-1]), ("ornstein_uhlenbeck", states[0]),
            *(("ornstein_uhlenbeck", target) for target in inputs[:1]),
        ):  # fmt: skip
            populations = {"nodes": _population(name, integrator, kind, target)}
            label = f"{name} {integrator} {kind} {target}"
            found.append(Case(label, _config(folder, populations, _couplings("nodes", name))))
    return found


def hashes_of(config: RunConfig, device: Device | None = None) -> dict[str, str]:
    """SHA-256 of all states of each population at the end; of the CPU without a device."""
    network, n_steps, dt_ms = regions_of(config)
    comm = SerialComm()
    one: RegionStepper = RegionEngine(network, dt_ms, comm, 1)
    if device is not None:
        one = DeviceRegions(network, dt_ms, comm, device)
    one.advance(0, n_steps)
    state = one.state()
    one.close()
    found = {}
    for population in network.populations:
        rows = [state[f"regions/{population.name}/{row.name}"] for row in population.model.states]
        assert np.isfinite(rows).all(), population.name
        found[population.name] = hashlib.sha256(np.array(rows, "<f4").tobytes()).hexdigest()[:32]
    return found
