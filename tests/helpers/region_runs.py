"""Reference trajectories (tests/data/regions) as configurations of the network, and what the engine makes of them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from tests.helpers.region_references import CASES, FOLDER, parameters_of

from dtbsim.atlas import Atlas, save_atlas
from dtbsim.backends.regions.engine import RegionEngine
from dtbsim.config import RunConfig
from dtbsim.mpi.comm import SerialComm
from dtbsim.spec import compile_network

Array = np.ndarray[Any, np.dtype[np.float64]]


def small_atlas(folder: Path, weights: Any, lengths_mm: Any) -> Path:
    """An atlas of regions r0, r1, ... with these connections."""
    n = len(weights)
    lengths = np.where(np.asarray(weights) > 0, np.maximum(lengths_mm, 1e-9), lengths_mm)
    names = tuple(f"r{k}" for k in range(n))
    xyz = np.arange(3.0 * n).reshape(n, 3)
    atlas = Atlas(name="small", region_names=names, xyz_mm=xyz, weights=np.asarray(weights), lengths_mm=lengths)
    return save_atlas(atlas, folder / "small.npz")


def function_of(d: Mapping[str, Any]) -> tuple[dict[str, Any], float]:
    """Function and strength of a coupling of TVB."""
    c = {key[2:]: float(np.ravel(d[key])[0]) for key in d if key.startswith("c_")}
    kind = str(d["coupling"])
    if kind == "Linear":
        return {"kind": "linear", "offset": c["b"]}, c["a"]
    if kind == "HyperbolicTangent":
        return {"kind": "hyperbolic_tangent", "scale": c["b"], "midpoint": c["midpoint"], "sigma": c["sigma"]}, c["a"]
    if kind == "SigmoidalJansenRit":
        return {
            "kind": "jansen_rit", "low": c["cmin"], "high": c["cmax"], "midpoint": c["midpoint"], "slope": c["r"]
        }, c["a"]  # fmt: skip
    return {"kind": kind.lower()}, c["a"]


def reference_config(name: str, folder: Path, **changes: Any) -> RunConfig:
    """A file as a configuration."""
    case, d = CASES["_".join(name.split("_")[:2])], np.load(FOLDER / f"{name}.npz")
    dt = float(d["dt"])
    tvb = name.startswith("tvb")
    initial = d["initial"] if tvb else np.array([d[key] for key in d if key.startswith("i_")])
    n = initial.shape[1]
    names = [f"r{k}" for k in range(n)]
    if tvb:
        function, strength = function_of(d)
    else:
        function = {"kind": "linear" if "wc" in name else "difference"}
        strength = float(d["p_K_gl"])
    from dtbsim.models.region_registry import get_region_model

    model = get_region_model(case.model)
    parameters = {
        key: float(value) if np.size(value) == 1 else {"regions": dict(zip(names, map(float, value), strict=True))}
        for key, value in parameters_of(name).items()
    }
    start = {
        row.name: {"regions": dict(zip(names, map(float, values), strict=True))}
        for row, values in zip(model.states, initial, strict=True)
    }
    delay: Any = {"tract_velocity_m_per_s": float(d["speed_mm_per_ms"])} if d["lengths_mm"].any() else 0.0
    couplings = {
        f"c{k}": {
            "source": "nodes", "target": "nodes", "variable": variable, "input": arrives, "function": function,
            "strength": strength, "delay_ms": delay,
        }
        for k, (variable, arrives) in enumerate(case.links)
    }  # fmt: skip
    return RunConfig.model_validate(
        {
            "atlas": str(small_atlas(folder, d["weights"], d["lengths_mm"])),
            "simulation": {"dt_ms": dt, "duration_ms": dt * len(d["sampled"]) * int(d["every"])},
            "populations": {
                "nodes": {
                    "model": case.model, "regions": "all", "parameters": parameters, "initial": start,
                    "integrator": str(d["scheme"]) if tvb else "euler",
                }
            },
            "couplings": couplings,
            "record": {
                "states": [{"population": "nodes", "variables": [row.name for row in model.states]}]
            },
            **changes,
        }
    )  # fmt: skip


def trajectory(config: RunConfig, chunk: int = 10**9) -> Array:
    """float32[steps, states, regions]: all states of all steps."""
    network = compile_network(config)
    assert network.regions is not None
    engine = RegionEngine(network.regions, network.dt_ms, SerialComm(), 1)
    found = []
    for start in range(0, network.n_steps, chunk):
        engine.advance(start, min(start + chunk, network.n_steps))
        found.append(engine.series()[0].values[:, :, 0, :].transpose(0, 2, 1))
    engine.close()
    return np.concatenate(found)
