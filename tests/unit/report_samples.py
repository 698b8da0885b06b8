"""Plausible report data without a simulation: a whole-brain run and a microcircuit."""

from __future__ import annotations

import numpy as np
from report_found import Found, made

from dtbsim.report import data as d
from dtbsim.report.hull import hemisphere_hulls

NETWORKS = ["Visual", "Somatomotor", "Attention", "Limbic", "Default"]
LAYERS = ["L23E", "L23I", "L4E", "L4I", "L5E", "L5I", "L6E", "L6I"]
LAYER_RATES = [0.903, 2.965, 4.414, 5.876, 7.569, 8.633, 1.105, 7.829]


def run_info(name: str, description: str, **summary: object) -> d.RunInfo:
    return d.RunInfo(
        name=name,
        description=description,
        config_text=f"schema_version: 1\nname: {name}\nsimulation:\n  dt_ms: 1.0\n  duration_ms: 700000.0\n",
        command=f"dtbsim run examples/{name}.yaml --out runs/{name}",
        provenance={
            "dtbsim": "0.1.0",
            "commit": "6180d45aa0",
            "seed": 1,
            "started": "2026-11-24T09:12:44+00:00",
            "host": "bench-01",
            "cpu": "AMD EPYC 9B45",
            "gpus": [],
            "packages": {"numpy": "2.4.6", "numba": "0.68.1"},
        },
        summary={"ranks": 2, "threads": 1, "backend": "cpu", "spike_hash": "9f" * 32, **summary},
        network={"atlas": None, "regions": [], "populations": []},
    )


def centroids(rng: np.random.Generator, n: int) -> tuple[np.ndarray, list[str]]:
    """Return xyz_mm [2 n, 3] on two half ellipsoids, left and right in turn, and hemisphere labels."""
    height = np.linspace(-0.9, 0.95, n)
    angle = np.arange(n) * np.pi * (3 - 5**0.5)
    ring = np.sqrt(1 - height**2)
    left = np.stack([-8 - 44 * np.abs(ring * np.cos(angle)), -15 + 72 * ring * np.sin(angle), 18 + 45 * height], axis=1)
    left += rng.normal(0, 2, left.shape)
    both = np.stack([left, left * [-1, 1, 1]], axis=1).reshape(-1, 3)
    return both, ["L", "R"] * n


def whole_brain(seed: int = 0, n: int = 40) -> Found:
    rng = np.random.default_rng(seed)
    xyz, hemisphere = centroids(rng, n)
    regions = [f"Region_{i:02d}_{side}" for i in range(n) for side in "LR"]
    network = np.array([NETWORKS[i * len(NETWORKS) // n] for i in range(n) for _ in "LR"])
    keys = [(hemisphere[i], list(NETWORKS).index(network[i])) for i in range(2 * n)]
    order = np.array(sorted(range(2 * n), key=keys.__getitem__))
    names = [f"{hemisphere[i]} {network[i]}" for i in order]
    starts = [i for i in range(2 * n) if i == 0 or names[i] != names[i - 1]]
    groups = d.Groups([names[i] for i in starts], [*starts, 2 * n])

    distance = np.linalg.norm(xyz[:, None] - xyz[None], axis=2)
    covariance = 0.15 + 0.85 * np.exp(-distance / 30) + 0.35 * (network[:, None] == network[None])
    empirical = covariance / np.sqrt(np.outer(np.diag(covariance), np.diag(covariance)))
    noisy = np.clip(empirical + (e := rng.normal(0, 0.06, empirical.shape)) + e.T, -1, 1)
    np.fill_diagonal(noisy, 1)
    samples = 833
    factor = np.linalg.cholesky(empirical + 0.02 * np.eye(2 * n))
    noise = rng.normal(size=(samples + 40, 2 * n)) @ factor.T
    kernel = np.exp(-np.arange(40) / 6.0)
    percent = np.stack([np.convolve(noise[:, i], kernel, "valid")[:samples] for i in range(2 * n)], axis=1) * 0.35

    families = ["E", "I"]
    rates = np.concatenate([rng.gamma(30, 4.0 / 30, 2 * n), rng.gamma(25, 6.6 / 25, 2 * n)])
    course_time = np.arange(0, 700, 1.0)
    mean = np.array([4, 6.6])[:, None] * (1 + 0.1 * np.convolve(rng.normal(size=709), np.ones(10) / 10, "valid"))
    value = lambda label, unit, v, note="": d.RegionValue(label, unit, np.asarray(v, dtype=float), note)  # noqa: E731
    pairs = np.argwhere(np.triu(np.exp(-distance / 20), 1) > 0.35)[:160]
    info = run_info(
        "resting_state",
        "A resting human brain: 80 cortical regions of 200 excitatory and 50 inhibitory neurons, coupled by a measured "
        "connectome.",
        neurons=20000,
        synapses=2_700_000,
        bytes_per_synapse=4.9,
        spikes=63_112_938,
        biological_s=700.0,
        rtf=0.071,
        simulate_s=49.8,
        mean_rate_hz=4.52,
        peak_rss_bytes={"sum": 610e6, "max": 322e6},
        fc_correlation=0.612,
    )
    info.network.update(atlas="aal2", regions=regions, populations=[{}] * 160)
    matrix, fcd_time = _fcd(rng)
    edges = np.linspace(-1, 1, 101)
    centres = 0.5 * (edges[1:] + edges[:-1])
    density = lambda mu, sd: np.exp(-0.5 * ((centres - mu) / sd) ** 2) / (sd * np.sqrt(2 * np.pi))  # noqa: E731
    f = np.geomspace(0.003, 0.69, 80)
    return made(
        run=info,
        raster=_raster(rng, groups, families, 160, 10.0),
        population_rates=d.PopulationRates(
            names=[f"{fam}@{r}" for fam in families for r in regions],
            families=[fam for fam in families for _ in regions],
            regions=regions * 2,
            sizes=np.repeat([200, 50], 2 * n),
            rate_hz=rates,
            start_s=100,
            stop_s=700,
        ),
        rate_course=d.RateCourse(
            time_s=course_time,
            families=families,
            mean_hz=mean,
            low_hz=mean * 0.8,
            high_hz=mean * 1.22,
            bin_ms=1000,
        ),
        region_rates=d.RegionRates(
            time_s=course_time[: 30_000 // n],
            hz=4 + 0.6 * percent[: min(700, 30_000 // n), order].T,
            family="E",
            regions=[regions[i] for i in order],
            groups=groups,
            bin_ms=1000,
        ),
        neurons=d.NeuronStatistics(
            families=families,
            rate_hz=[rng.lognormal(1.2, 0.6, 16000), rng.lognormal(1.7, 0.5, 4000)],
            cv_isi=[rng.normal(0.98, 0.09, 16000), rng.normal(0.94, 0.1, 4000)],
            start_s=100,
            stop_s=130,
            min_spikes=10,
        ),
        spectra=[
            d.SpectrumGroup("bold", "%² / Hz", [d.Spectrum("BOLD", f, p := 1 / (0.02 + f**2), p * 0.4, p * 2.1)]),
            d.SpectrumGroup(
                "rate",
                "Hz² / Hz",
                [d.Spectrum("E", g := np.geomspace(0.1, 50, 120), 1 / (1 + g)), d.Spectrum("I", g, 2 / (1 + g))],
            ),
        ],
        bold=d.Bold(np.arange(samples) * 0.72 + 100, percent, regions, order, groups, 0.72),
        fc=d.FunctionalConnectivity(
            simulated=noisy,
            empirical=empirical,
            regions=regions,
            order=order,
            groups=groups,
            hemisphere=hemisphere,
            correlation=0.612,
            baselines=[
                d.Baseline("structural connectivity", 0.34, "the connectome's weights themselves"),
                d.Baseline("log structural connectivity", 0.46, "their logarithm"),
                d.Baseline("best linear network", 0.68, "the best analytic linear network on this connectome"),
                d.Baseline("one person, the others", 0.83, "each person's FC to the mean of others", 0.78, 0.88),
            ],
        ),
        fcd=d.FcDynamics(
            matrix=matrix,
            time_s=fcd_time,
            bin_edges=edges,
            density=density(0.52, 0.16),
            window_s=60,
            step_s=2.16,
            empirical_density=density(0.45, 0.14),
            ks=0.21,
            ks_single_scans=np.array([0.11, 0.2, 0.31]),
        ),
        brain=d.Brain(
            left_x=-1,
            atlas="aal2",
            regions=regions,
            xyz_mm=xyz,
            values=[
                value("FC strength", "r", empirical.mean(axis=1), "Mean correlation with all other regions."),
                value("mean rate, E", "Hz", rates[: 2 * n], "Mean over neurons and time."),
                value("BOLD variance", "%²", percent.var(axis=0)),
                value("T1w/T2w", "", np.where(np.arange(2 * n) == 3, np.nan, xyz[:, 1])),
            ],
            hulls=hemisphere_hulls(xyz, hemisphere),
            edges=[d.Edges("strongest structural", pairs, np.ones(len(pairs)))],
        ),
        performance=d.Performance(
            stages=[
                d.Stage("build", 6.2, 3.3),
                d.Stage("compile", 4.4, 2.3),
                d.Stage("update", 42.0, 21.9),
                d.Stage("deliver", 38.4, 20.7),
                d.Stage("exchange", 11.2, 6.4),
                d.Stage("record", 3.1, 1.9),
            ],
            ranks=[d.RankShare(0, 10112, 1_360_000, 0.51), d.RankShare(1, 9888, 1_340_000, 0.49)],
            n_ranks=2,
        ),
    )


def microcircuit(seed: int = 0) -> Found:
    rng = np.random.default_rng(seed)
    sizes = np.array([20683, 5834, 21915, 5479, 4850, 1065, 14395, 2948])
    rows = np.maximum(sizes // 48, 4)
    groups = d.Groups(LAYERS, [0, *np.cumsum(rows).tolist()])
    time = np.arange(0, 5, 0.02)
    rates = np.array(LAYER_RATES)
    info = run_info(
        "microcircuit",
        "One square millimetre of early sensory cortex (Potjans and Diesmann 2014).",
        neurons=77169,
        synapses=298_880_941,
        bytes_per_synapse=4.6,
        spikes=1_271_004,
        biological_s=5.5,
        rtf=1.07,
        simulate_s=5.9,
        mean_rate_hz=3.29,
        ranks=1,
        threads=2,
        peak_rss_bytes={"sum": 1.9e9, "max": 1.9e9},
    )
    info.network.update(populations=[{}] * 8)
    return made(
        run=info,
        raster=_raster(rng, groups, LAYERS, int(groups.edges[-1]) // 1, 2.0, rates),
        population_rates=d.PopulationRates(
            names=LAYERS,
            families=LAYERS,
            regions=[None] * 8,
            sizes=sizes,
            rate_hz=rates * rng.normal(1, 0.02, 8),
            start_s=0.5,
            stop_s=5.5,
            published_hz=dict(zip(LAYERS, LAYER_RATES, strict=True)),
            published_source="mean rates of the published full-scale model",
        ),
        rate_course=d.RateCourse(
            time_s=time,
            families=LAYERS,
            mean_hz=rates[:, None] * rng.normal(1, 0.2, (8, len(time))),
            low_hz=None,
            high_hz=None,
            bin_ms=20,
        ),
        neurons=d.NeuronStatistics(
            families=LAYERS,
            rate_hz=[r * np.exp(rng.normal(0, 0.8, n)) for r, n in zip(rates, rows, strict=True)],
            cv_isi=[np.abs(rng.normal(0.72, 0.15, n)) for n in rows],
            start_s=0.5,
            stop_s=2.5,
            min_spikes=4,
        ),
        spectra=[
            d.SpectrumGroup(
                "rate",
                "Hz² / Hz",
                [
                    d.Spectrum(name, g := np.geomspace(1, 500, 100), r / (1 + (g - 80) ** 2 / 900) + 0.01 * r)
                    for name, r in zip(LAYERS, rates, strict=True)
                ],
            )
        ],
        performance=d.Performance(
            stages=[
                d.Stage("build", 16.2, 16.2),
                d.Stage("compile", 2.1, 2.1),
                d.Stage("deliver", 3.6, 3.6),
                d.Stage("update", 2.2, 2.2),
            ],
            ranks=[d.RankShare(0, 77169, 298_880_941, 1.0)],
            n_ranks=1,
        ),
        absent=["BOLD and functional connectivity (the network has no atlas)"],
    )


def _raster(
    rng: np.random.Generator,
    groups: d.Groups,
    families: list[str],
    n_rows: int,
    seconds: float,
    rates: np.ndarray | None = None,
) -> d.Raster:
    if rates is None:  # rows: per region a few E, then one I
        per = max(3, 1200 // groups.edges[-1])
        n_rows = groups.edges[-1] * per
        groups = d.Groups(groups.labels, [edge * per for edge in groups.edges])
        family_of_row = np.where(np.arange(n_rows) % per < round(0.8 * per), 0, 1)
        rate = np.where(family_of_row == 0, 4.0, 6.6)
    else:
        family_of_row = np.repeat(np.arange(len(families)), np.diff(groups.edges))
        rate = rates[family_of_row]
    counts = rng.poisson(rate * seconds)
    row = np.repeat(np.arange(n_rows), counts)
    return d.Raster(
        time_s=rng.uniform(0, seconds, len(row)),
        row=row,
        family=family_of_row[row],
        families=families,
        groups=groups,
        n_rows=n_rows,
        n_neurons=20000,
        start_s=0.0,
        stop_s=seconds,
    )


def _fcd(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    state = np.convolve(rng.normal(size=(280)), np.ones(30) / 5, "valid")[:250]
    matrix = np.clip(0.75 - 0.3 * np.abs(state[:, None] - state[None]), -1, 1)
    return matrix, 130 + 2.16 * np.arange(250)
