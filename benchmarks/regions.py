"""Mean-field regions: nanoseconds of one core per region, step and member, noise included, by model and members.

    python benchmarks/regions.py [MODEL ...] [--members 1,16,64] [--json benchmarks/results/regions.json]

80 regions of aal2 (dense), 10 mm/ms where there are delays; process time of one thread, the best of five stretches,
after compiling. `--scan` measures a whole 10-minute run of the dynamic mean field at dt 1 ms, as `dtbsim run` does it.
`--large` measures other sizes: 400 regions, 100,000 voxels with sparse connections, and one minute of 256 members, from
which the time for 10,000 follows.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import common
from partitioners_networks import voxels
from scipy.sparse import csr_array

from dtbsim.atlas import Atlas, save_atlas
from dtbsim.backends.regions.engine import RegionEngine
from dtbsim.config import load_config_data
from dtbsim.mpi.comm import SerialComm
from dtbsim.simulate import run
from dtbsim.spec import compile_network

TRACTS = {"tract_velocity_m_per_s": 10.0}


@dataclass(frozen=True)
class Case:
    """A model with its scheme and noise; `goal_ns` for many members, of which one alone may take 1.6 times as long."""

    model: str
    dt_ms: float
    integrator: str
    noise: dict[str, float]
    goal_ns: float
    delays: bool = False
    strength: float = 0.01
    parameters: dict[str, float] = field(default_factory=dict)
    atlas: str = "aal2"
    normalise: str = "none"


CASES = {
    "dmf": Case("deco_2014", 0.1, "euler", {"S_E": 0.01, "S_I": 0.01}, 10.0),
    "hopf": Case("hopf", 0.1, "euler", {"x": 0.02, "y": 0.02}, 5.0),
    "jansen_rit": Case("jansen_rit", 0.1, "heun", {"y4": 1e-4}, 14.0, delays=True),
    "wilson_cowan": Case("wilson_cowan", 0.1, "heun", {"E": 1e-3, "I": 1e-3}, 14.0, delays=True),
    "kuramoto": Case("kuramoto", 0.1, "euler", {"theta": 0.01}, 18.0, delays=True),
    "epileptor": Case("epileptor", 0.05, "heun", {"x2": 1e-4, "y2": 1e-4}, 20.0, delays=True),
}


def config_of(case: Case, members: int, duration_ms: float) -> Any:
    """The configuration of a case; members differ in the strength and have seeds of their own."""
    data: dict[str, Any] = {
        "atlas": case.atlas,
        "simulation": {"dt_ms": case.dt_ms, "duration_ms": duration_ms, "threads": 1},
        "populations": {
            "x": {
                "model": case.model,
                "regions": "all",
                "integrator": case.integrator,
                "noise": {name: {"sigma": sigma} for name, sigma in case.noise.items()},
                "parameters": case.parameters,
            }
        },
        "couplings": {
            "c": {
                "source": "x",
                "target": "x",
                "strength": case.strength,
                "delay_ms": TRACTS if case.delays else 0.0,
                "normalise": case.normalise,
            }
        },
    }
    if members > 1:
        values = [case.strength * (1.0 + 0.001 * k) for k in range(members)]
        data["ensemble"] = {"grid": {"couplings.c.strength": values}, "seeds": "own"}
    return load_config_data(data)


def measured(case: Case, members: int, n_regions: int = 80) -> dict[str, float]:
    """Nanoseconds per region, step and member, and seconds to compile and begin."""
    steps = max(200, 40_000 // members) if n_regions <= 80 else max(20, 3_200_000 // (members * n_regions))
    network = compile_network(config_of(case, members, 8 * steps * case.dt_ms))
    assert network.regions is not None
    began_s = time.perf_counter()
    engine = RegionEngine(network.regions, network.dt_ms, SerialComm(), 1)
    engine.advance(0, steps)
    begin_s = time.perf_counter() - began_s
    best_s, at = float("inf"), steps
    for _ in range(5):
        start_s = time.process_time()
        engine.advance(at, at + steps)
        best_s = min(best_s, time.process_time() - start_s)
        at += steps
    engine.check_finite(0, at)
    engine.close()
    return {"ns": best_s / (steps * network.regions.n_nodes * members) * 1e9, "begin_s": begin_s}


def scan() -> dict[str, float]:
    """Seconds of the stages of a 10-minute run of the dynamic mean field with feedback inhibition and BOLD."""
    case = Case("deco_2014", 1.0, "euler", {"S_E": 0.01, "S_I": 0.01}, 10.0, strength=0.44)
    config = config_of(case, 1, 600_000.0)
    plain = config.model_dump(exclude_none=True)
    plain["bold"] = {"population": "x"}
    plain["controllers"] = {"balance": {"kind": "feedback_inhibition", "population": "x"}}
    with tempfile.TemporaryDirectory() as folder:
        result = run(load_config_data(plain), out=Path(folder) / "run", report=False)
    stages = {name: stage["max_s"] for name, stage in result.summary["stages"].items()}
    return {**stages, "fc_correlation": result.summary["fc_correlation"]}


def large() -> dict[str, Any]:
    """Networks of other sizes."""
    found: dict[str, Any] = {}
    for name, members in (("dmf", 16), ("dmf", 1), ("hopf", 16)):
        found[f"{name}, 400 regions/{members}"] = measured(
            replace(CASES[name], atlas="schaefer400", normalise="total"), members, 400
        )
    brain = voxels(100_000)
    with tempfile.TemporaryDirectory() as folder:
        links = csr_array(brain.synapses)
        names = tuple(f"v{k}" for k in range(links.shape[0]))
        atlas = Atlas(name="voxels", region_names=names, xyz_mm=brain.blocks.xyz_mm, weights=links)
        path = str(save_atlas(atlas, Path(folder) / "voxels.npz"))
        result = measured(replace(CASES["hopf"], atlas=path, normalise="total"), 1, len(names))
    found[f"hopf, {brain.name}/1"] = result | {"step_s": result["ns"] * 1e-9 * len(names)}
    case = replace(CASES["dmf"], dt_ms=1.0, strength=0.4)
    config = config_of(case, 256, 60_000.0).model_dump(exclude_none=True)
    config |= {"bold": {"population": "x"}, "simulation": config["simulation"] | {"threads": 2}}
    with tempfile.TemporaryDirectory() as folder:
        begun_s = time.perf_counter()
        run(load_config_data(config), out=Path(folder) / "run", report=False)
        took_s = time.perf_counter() - begun_s
    found["a minute of dmf, 256 members, 2 threads"] = {"s": took_s, "s_for_10000": took_s * 10_000 / 256}
    return found


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="*", choices=[*CASES, []], help="default: all")
    parser.add_argument("--members", default="1,16,64")
    parser.add_argument("--scan", action="store_true")
    parser.add_argument("--large", action="store_true")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write results here")
    given = parser.parse_args()
    found: dict[str, Any] = {}
    for name in given.models or CASES:
        case = CASES[name]
        for members in map(int, given.members.split(",")):
            result = measured(case, members)
            goal = case.goal_ns * (1.6 if members == 1 else 1.0)
            text = f"{result['ns']:7.2f} ns (goal {goal:g}), began in {result['begin_s']:.1f} s"
            print(f"{name:14s} {members:4d} members {text}")
            found[f"{name}/{members}"] = result
    if given.scan:
        found["scan"] = scan()
        print("10-minute scan:", ", ".join(f"{name} {value:.3g}" for name, value in found["scan"].items()))
    if given.large:
        for name, result in large().items():
            print(f"{name}:", ", ".join(f"{key} {value:.4g}" for key, value in result.items()))
            found[name] = result
    if given.json is not None:
        common.write_json(given.json, common.origin("regions", "numpy", "numba") | {"results": found})


if __name__ == "__main__":
    main()
