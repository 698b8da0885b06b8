"""A multi-area model in the form of Schmidt et al. (2018): areas of eight populations, coupled layer by layer.

    python examples/multi_area.py --out mam              # writes mam/net.yaml and the tables that it names
    dtbsim run mam/net.yaml

Every area is a microcircuit of Potjans and Diesmann (2014) with sizes of its own. Areas are coupled by matrices of
in-degrees, one for each pair of populations and direction; delays follow distances, with a spread of half their mean.
The strengths between areas, their sizes and distances are INVENTED for this example: they have the structure of the
published data (https://github.com/INM-6/multi-area-model, CC BY-NC-SA), not the numbers. To use those, write the same
tables from them. Neurons and in-degrees are scaled down; weights and a constant current keep the input that they take
away (van Albada et al. 2015).
"""

from __future__ import annotations

import argparse
import csv
import math
from pathlib import Path

import numpy as np

import dtbsim
from dtbsim.atlas import Atlas, save_atlas
from dtbsim.config import dump_config

POPULATIONS = ("L23E", "L23I", "L4E", "L4I", "L5E", "L5I", "L6E", "L6I")
SIZES = np.array([20683, 5834, 21915, 5479, 4850, 1065, 14395, 2948])
PROBABILITIES = np.array(
    [  # target x source
        (0.1009, 0.1689, 0.0437, 0.0818, 0.0323, 0.0, 0.0076, 0.0),
        (0.1346, 0.1371, 0.0316, 0.0515, 0.0755, 0.0, 0.0042, 0.0),
        (0.0077, 0.0059, 0.0497, 0.1350, 0.0067, 0.0003, 0.0453, 0.0),
        (0.0691, 0.0029, 0.0794, 0.1597, 0.0033, 0.0, 0.1057, 0.0),
        (0.1004, 0.0622, 0.0505, 0.0057, 0.0831, 0.3726, 0.0204, 0.0),
        (0.0548, 0.0269, 0.0257, 0.0022, 0.0600, 0.3158, 0.0086, 0.0),
        (0.0156, 0.0066, 0.0211, 0.0166, 0.0572, 0.0197, 0.0396, 0.2252),
        (0.0364, 0.0010, 0.0034, 0.0005, 0.0277, 0.0080, 0.0658, 0.1443),
    ]
)
EXTERNAL = np.array([1600, 1500, 2100, 1900, 2000, 1900, 2900, 2100])
RATES_HZ = np.array([0.97, 2.87, 4.75, 5.40, 8.14, 9.08, 0.99, 7.52])
"""Of Potjans and Diesmann: what the current makes up for."""
J_PA, G, TAU_SYN_S, BACKGROUND_HZ = 87.8, -4.0, 0.5e-3, 8.0
NEURON = {"C_m_pF": 250, "tau_m_ms": 10, "E_L_mV": -65, "V_th_mV": -50, "V_reset_mV": -65, "t_ref_ms": 2}
NEURON |= {"tau_syn_ex_ms": 0.5, "tau_syn_in_ms": 0.5}

AREAS = ("V1", "V2", "V4", "MT")
LEVELS = (0, 1, 2, 2)
"""Invented, as are all numbers of areas below: the level in the hierarchy says which way is forward."""
AREA_SIZE = np.array([1.0, 0.8, 0.7, 0.6])
DISTANCES_MM = np.array([[0, 12, 24, 21], [12, 0, 15, 18], [24, 15, 0, 16], [21, 18, 16, 0]], dtype=float)
SHARES = np.array([[0, 0.6, 0.2, 0.2], [0.6, 0, 0.25, 0.15], [0.3, 0.5, 0, 0.2], [0.4, 0.4, 0.2, 0]])
"""Of the long-range input of an area (row) from each other one."""
LONG_RANGE = 0.15
"""Long-range in-degree over the local excitatory one."""
ORIGIN = {"ff": {"L23E": 0.8, "L5E": 0.05, "L6E": 0.15}, "fb": {"L23E": 0.2, "L5E": 0.3, "L6E": 0.5}}
TARGET = {"ff": np.array([0.5, 0.5, 1, 1, 0.5, 0.5, 0.5, 0.5]), "fb": np.array([1, 1, 0.1, 0.1, 1, 1, 1, 1])}
"""How much of each direction reaches each population."""
SPREAD = {"distribution": "normal", "mean": 1, "sd": 0.5}


def local_indegrees() -> np.ndarray:
    """Float64[target, source]: in-degrees within an area, at full scale."""
    pairs = np.multiply.outer(SIZES, SIZES)
    return np.log1p(-PROBABILITIES) / np.log1p(-1.0 / pairs) / SIZES[:, None]


def long_range_indegrees() -> dict[str, np.ndarray]:
    """Float64[target area, source area] for every direction, source and target population, at full scale."""
    excitatory = local_indegrees()[:, ::2].sum(axis=1)
    step = np.subtract.outer(LEVELS, LEVELS)
    found = {}
    for direction, chosen in (("ff", step >= 0), ("fb", step < 0)):
        for source, origin in ORIGIN[direction].items():
            for t, target in enumerate(POPULATIONS):
                degree = LONG_RANGE * excitatory[t] * TARGET[direction][t] * origin
                found[f"{direction}_{source}_{target}"] = degree * SHARES * chosen
    return found


def write_table(path: Path, columns: dict[str, np.ndarray]) -> None:
    """Write numbers of all areas, one column for each name."""
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["region", *columns])
        for area, name in enumerate(AREAS):
            writer.writerow([name, *(float(values[area]) for values in columns.values())])


def write_data(folder: Path, scale: float, indegree_scale: float) -> list[str]:
    """Write atlas, sizes, in-degrees and currents; return the names of the matrices."""
    xyz = np.array([[0.0, 0, 0], [12, 0, 0], [12, 15, 0], [12, 9, 15]])
    areas = Atlas(
        name="areas", region_names=AREAS, xyz_mm=xyz, weights=SHARES, lengths_mm=DISTANCES_MM,
        lengths_source="measured", hemisphere=("L",) * len(AREAS),
    )  # fmt: skip
    save_atlas(areas, folder / "areas.npz")
    write_table(folder / "sizes.csv", {name: SIZES[t] * AREA_SIZE * scale for t, name in enumerate(POPULATIONS)})
    local, between = local_indegrees(), long_range_indegrees()
    degrees = {}
    for t, target in enumerate(POPULATIONS):
        for s, source in enumerate(POPULATIONS):
            if local[t, s] > 0:
                degrees[f"{source}_{target}"] = np.full(len(AREAS), np.rint(local[t, s] * indegree_scale))
    write_table(folder / "indegrees.csv", degrees)
    np.savez(folder / "between.npz", **{name: matrix * indegree_scale for name, matrix in between.items()})
    missing = 1.0 - math.sqrt(indegree_scale)
    signs = np.where([name.endswith("E") for name in POPULATIONS], 1.0, G)
    currents = {}
    for t, target in enumerate(POPULATIONS):
        weights = J_PA * signs * np.where((target == "L23E") & (np.array(POPULATIONS) == "L4E"), 2.0, 1.0)
        input_hz = (local[t] * weights * RATES_HZ).sum() + EXTERNAL[t] * J_PA * BACKGROUND_HZ
        of_areas = np.full(len(AREAS), input_hz)
        for name, matrix in between.items():
            _, source, end = name.split("_")
            if end == target:
                of_areas += matrix.sum(axis=1) * J_PA * RATES_HZ[POPULATIONS.index(source)]
        currents[target] = missing * TAU_SYN_S * of_areas
    write_table(folder / "currents.csv", currents)
    return [name for name, matrix in between.items() if matrix.any()]


def normal(mean: float, sd: float, **bounds: float) -> dtbsim.Normal:
    """Return a normal distribution within bounds."""
    return dtbsim.Normal(mean=mean, sd=sd, **bounds)


def model(names: list[str], indegree_scale: float) -> dtbsim.RunConfig:
    """Return the configuration; its numbers are in the tables."""
    weight = J_PA / math.sqrt(indegree_scale)
    populations, projections, drives = {}, {}, {}
    for t, target in enumerate(POPULATIONS):
        populations[target] = dtbsim.Population(
            model="iaf_psc_exp",
            size={"regions": "sizes.csv", "column": target},
            regions="all",
            parameters={**NEURON, "I_e_pA": {"regions": "currents.csv", "column": target}},
            initial={"V_m_mV": normal(-63, 5, high=-50)},
        )
        rate_hz = float(EXTERNAL[t] * BACKGROUND_HZ * indegree_scale)
        drives[f"background_{target}"] = dtbsim.PoissonDrive(target=target, rate_hz=rate_hz, weight_pA=weight)
        for s, source in enumerate(POPULATIONS):
            if PROBABILITIES[t, s] == 0:
                continue
            mean = weight * (1 if source.endswith("E") else G) * (2 if (source, target) == ("L4E", "L23E") else 1)
            delay = 1.5 if source.endswith("E") else 0.75
            projections[f"{source}_{target}"] = dtbsim.Projection(
                source=source, target=target, scope="same_region",
                rule=dtbsim.FixedIndegree(indegree={"regions": "indegrees.csv", "column": f"{source}_{target}"}),
                weight_pA=normal(mean, abs(mean) * 0.1, **({"low": 0} if mean > 0 else {"high": 0})),
                delay_ms=normal(delay, delay / 2, low=0.1),
            )  # fmt: skip
    for name in names:
        _, source, target = name.split("_")
        projections[name] = dtbsim.Projection(
            source=source, target=target, scope="all",
            rule=dtbsim.FixedIndegree(indegree=dtbsim.Matrix(matrix="between.npz", array=name)),
            weight_pA=normal(weight, weight * 0.1, low=0),
            delay_ms=dtbsim.TractDelay(tract_velocity_m_per_s=3.5, relative_spread=SPREAD),
        )  # fmt: skip
    return dtbsim.RunConfig(
        name="multi_area",
        description="Areas of eight populations, in the form of Schmidt et al. (2018); numbers of areas are invented",
        simulation={"dt_ms": 0.1, "duration_ms": 1500, "settling_ms": 500},
        atlas="areas.npz",
        populations=populations,
        projections=projections,
        drives=drives,
    )


def main() -> None:
    """Write configuration and tables."""
    parser = argparse.ArgumentParser(description="Write a multi-area model: net.yaml and the tables that it names.")
    parser.add_argument("--out", type=Path, required=True, help="folder, new or empty")
    parser.add_argument("--scale", type=float, default=0.01, help="factor on neurons (default: 0.01)")
    parser.add_argument("--indegree-scale", type=float, default=0.1, help="factor on in-degrees (default: 0.1)")
    given = parser.parse_args()
    if not (0.001 <= given.scale <= 1 and 0 < given.indegree_scale <= 1):
        parser.error("--scale is from 0.001 to 1, --indegree-scale above 0 and at most 1")
    if given.out.exists() and any(given.out.iterdir()):
        parser.error(f"{given.out} is not empty")
    given.out.mkdir(parents=True, exist_ok=True)
    names = write_data(given.out, given.scale, given.indegree_scale)
    (given.out / "net.yaml").write_text(dump_config(model(names, given.indegree_scale)), encoding="utf-8")
    print(given.out / "net.yaml")


if __name__ == "__main__":
    main()
