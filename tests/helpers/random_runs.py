"""Whole runs of one configuration, divided and computed in different ways: all that they record must be equal."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from tests.helpers.shim_device import ShimDevice

from dtbsim.backends.cuda.plan import choose_plan
from dtbsim.build import lanes
from dtbsim.build.kinds import find_kinds
from dtbsim.config import load_config_data
from dtbsim.config.yaml_write import to_yaml
from dtbsim.errors import NumericsError
from dtbsim.mpi import run_ranks
from dtbsim.simulate import run
from dtbsim.spec import Network
from dtbsim.store import open_run

NUMBERS = ("neurons", "synapses", "spikes", "events", "spike_hash")
INVALID = "a state became NaN or infinite"


@dataclass(frozen=True)
class Way:
    """How a network is computed."""

    backend: str = "cpu"
    threads: int = 1
    ranks: int = 1
    settings: tuple[str, ...] = ()
    most_slots: int | None = None
    """Input slots of a lane of 4-byte synapses; fewer than usual give many lanes."""

    def __str__(self) -> str:
        lanes = [] if self.most_slots is None else [f"lanes of {self.most_slots} slots"]
        return " ".join([self.backend, f"{self.ranks} rank(s) x {self.threads} thread(s)", *lanes, *self.settings])


def ways_of(network: Network) -> Iterator[Way]:
    """All ways that apply; the first is what the others are compared with."""
    blocks = int((-(-network.sizes // network.block_size)).sum())
    few = _few_slots(network)
    general, persistent = (f"simulation.gpu_plan={plan}" for plan in ("general", "persistent"))
    packets = "simulation.exchange=packets"
    small = choose_plan(network, 0, 1, ShimDevice().limits, "auto").name == "persistent"
    yield Way()
    yield Way(threads=3, most_slots=few)
    yield Way("cuda", settings=(general,))
    yield Way("cuda", settings=(general,), most_slots=few)
    if small:
        yield Way("cuda", settings=(persistent,))
    if blocks >= 2:
        yield Way(ranks=2, settings=("simulation.exchange=shared_memory", "simulation.partitioner=contiguous"))
        yield Way("cuda", ranks=2, settings=(packets, persistent if small else general))
    if blocks >= 3:
        yield Way(ranks=3, threads=2, settings=(packets,))
        yield Way("cuda", ranks=3, settings=(packets, general))


def _few_slots(network: Network) -> int:
    """As many slots as give some four lanes, with the padding that every lane has."""
    channels = np.array([len(network.families[population.family].channels) for population in network.populations])
    padding = lanes.ALIGN * sum(len(kind.channels) for kind in find_kinds(network))
    return padding + max(64, int((network.sizes * channels).sum()) // 3)


@contextlib.contextmanager
def _lanes_of(most_slots: int | None) -> Iterator[None]:
    usual = lanes.PACKED_SLOTS
    lanes.PACKED_SLOTS = usual if most_slots is None else most_slots
    try:
        yield
    finally:
        lanes.PACKED_SLOTS = usual


def recorded(data: dict[str, Any], way: Way, folder: Path) -> dict[str, Any] | str:
    """Everything that a run records, by name; INVALID where it ends for that reason."""
    settings = [f"simulation.backend={way.backend}", f"simulation.threads={way.threads}", *way.settings]
    config = load_config_data(data, settings)
    out = folder / "run"
    shutil.rmtree(out, ignore_errors=True)
    try:
        with _lanes_of(way.most_slots):
            results = run_ranks(way.ranks, lambda comm: run(config, out=out, base_dir=folder, comm=comm, report=False))
    except NumericsError:
        return INVALID
    found: dict[str, Any] = {name: results[0].summary[name] for name in NUMBERS}
    done = open_run(out)
    found["spike times"] = np.stack(done.spike_steps(), axis=1)
    found["rates"] = done.rates().values
    for k in range(len(config.record.states)):
        states = done.states(k)
        found |= {f"states {k} {name}": array.values for name, array in {**states.variables}.items()}
    for k in range(len(config.record.weights)):
        weights = done.weights(k)
        found |= {f"weights {k} {name}": coordinate.values for name, coordinate in weights.coords.items()}
        found[f"weights {k}"] = weights.values
    return found


def assert_all_ways_agree(seed: int, data: dict[str, Any], network: Network, folder: Path) -> dict[str, Any] | str:
    """Compare all ways with the first, whose results are returned; the error names the seed and shows the network."""
    first, *others = ways_of(network)
    expected = recorded(data, first, folder)
    for way in others:
        different = differences(recorded(data, way, folder), expected)
        if different:
            shown = "\n".join(different)
            raise AssertionError(f"seed {seed}: {way} differs from {first} in\n{shown}\n\n{to_yaml(data)}")
    return expected


def differences(found: dict[str, Any] | str, expected: dict[str, Any] | str) -> list[str]:
    """What is not equal bit for bit, and how much of it."""
    if isinstance(found, str) or isinstance(expected, str):
        return [] if found is expected else [f"{_short(found)} instead of {_short(expected)}"]
    lines = [f"{name} is missing" for name in expected.keys() ^ found.keys()]
    for name in expected.keys() & found.keys():
        one, other = found[name], expected[name]
        if not isinstance(other, np.ndarray) or other.dtype.kind not in "iufb":
            if np.any(one != other):
                lines.append(f"{name}: {one} instead of {other}")
        elif one.shape != other.shape or one.dtype != other.dtype:
            lines.append(f"{name}: {one.dtype}{one.shape} instead of {other.dtype}{other.shape}")
        elif one.tobytes() != other.tobytes():
            lines.append(f"{name}: {int((one != other).sum())} of {other.size} values")
    return sorted(lines)


def _short(found: dict[str, Any] | str) -> str:
    return found if isinstance(found, str) else f"{found['spikes']} spikes"
