"""A network with every kind of drive, on all, chosen and drawn neurons, in windows and all the time."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from tests.helpers.networks import network_of
from tests.helpers.small_atlas import save_small_atlas

from dtbsim.spec import Network

DRIVE_ZOO = """\
simulation: {dt_ms: 0.1, duration_ms: 50, block_size: 16}
atlas: small.npz
seed: 21
populations:
  E: {model: iaf_psc_exp, size: 45, regions: all, initial: {V_m_mV: {distribution: uniform, low: -70, high: -56}}}
  N: {model: iaf_psc_exp, size: 70, parameters: {tau_syn_in_ms: 6.0}}
  Z: {model: izhikevich, size: 26}
  Q2: {model: izhikevich, size: 5}
  P: {model: poisson_source, size: 45, regions: [A_L, D_R], parameters: {rate_hz: {map: gradient, low: 90, high: 700}}}
  Q: {model: poisson_source, size: 20, parameters: {rate_hz: {distribution: uniform, low: 0, high: 900}}}
  S: {model: spike_source, size: 4, spikes: {neuron: [0, 3, 3, 1], time_ms: [3, 4.5, 9, 30.1]}}
  R: {model: parrot_neuron, size: 19}
projections:
  PE: {source: P, target: E, scope: same_region, rule: {kind: one_to_one}, weight_pA: 90, delay_ms: 0.9}
  QR: {source: Q, target: R, rule: {kind: fixed_indegree, indegree: 2}, weight: 1, delay_ms: 0.3}
  SR: {source: S, target: R, rule: {kind: all_to_all}, weight: 0.5, delay_ms: 1.2}
  RN: {source: R, target: N, rule: {kind: fixed_indegree, indegree: 3}, weight_pA: 150, delay_ms: 0.5}
  EN: {source: E, target: N, rule: {kind: fixed_indegree, indegree: 9}, weight_pA: 60, delay_ms: 0.7}
  NE:
    source: N
    target: E
    rule: {kind: fixed_indegree, indegree: 7}
    weight_pA: {distribution: normal, mean: 50, sd: 10}
    delay_ms: {distribution: uniform, low: 0.4, high: 2}
    receptor: ex
  NZ: {source: N, target: Z, rule: {kind: fixed_indegree, indegree: 5}, weight_mV: 0.8, delay_ms: 1.1}
drives:
  bg: {kind: poisson, target: [E, N], receptor: ex, rate_hz: 7000, weight_pA: 55}
  some: {kind: poisson, target: E, receptor: ex, fraction: 0.4, rate_hz: 3000, weight_pA: 70, regions: [A_L, Mid]}
  odd: {kind: poisson, target: N, receptor: in, neurons: {start: 1, stop: 70, step: 2}, rate_hz: 900, weight_pA: -60}
  middle: {kind: poisson, target: N, receptor: ex, neurons: {start: 10, stop: 40}, rate_hz: 2000, weight_pA: 40}
  bursts:
    kind: poisson
    target: E
    receptor: ex
    rate_hz: {map: gradient, low: 2000, high: 9000}
    regions: left
    weight_pA: 30
    start_ms: 3
    windows_ms: [[0, 7.3], [11.2, 20], [30, 90]]
  drawn:
    kind: poisson
    target: [N, E]
    receptor: ex
    rate_hz: {distribution: lognormal, mean: 900, sd: 1500}
    weight_pA: 33
    windows_ms: [[1.1, 17], [19.5, 50]]
  each: {kind: poisson, target: Q2, rate_hz: [0, 300, 12000, 90, 45000], weight_mV: 0.5, neurons: [0, 2, 3, 4]}
  one_train: {kind: poisson, target: [E, N], receptor: ex, shared: true, rate_hz: 400, weight_pA: 35}
  stairs_of_rate:
    kind: inhomogeneous_poisson
    target: [N, E]
    receptor: ex
    times_ms: [1, 4.03, 12.57, 12.6, 30]
    rates_hz: [3000, 9000, 0, 4000.5, 100]
    weight_pA: 45
    fraction: 0.9
  waves_of_rate:
    kind: sinusoidal_poisson
    target: N
    receptor: in
    rate_hz: 800
    amplitude_hz: 1500
    frequency_hz: 70
    phase_deg: 25
    weight_pA: -40
    windows_ms: [[2.2, 21], [22.5, 50]]
  one_wave:
    kind: sinusoidal_poisson
    target: Z
    rate_hz: 5000
    amplitude_hz: 5000
    frequency_hz: 33.3
    weight_mV: 1.5
    shared: true
  lift: {kind: dc, target: [E, N], amplitude: 150}
  pulses: {kind: dc, target: [N, Z], fraction: 0.3, amplitude: 9, windows_ms: [[1, 2], [5, 9.5], [30, 31]]}
  wave: {kind: sinusoidal, target: Z, amplitude: 8, frequency_hz: 40, offset: 4, neurons: [3, 4, 5, 17]}
  stairs: {kind: step_current, target: [E, Z], times_ms: [2, 3.5, 20, 40], amplitudes: [5, -2, 9, 0], fraction: 0.8}
  ramp: {kind: ramp, target: N, from_amplitude: -50, to_amplitude: 120, duration_ms: 30, start_ms: 5, stop_ms: 45}
  ac: {kind: ac, target: N, amplitude: 60, frequency_hz: 90, phase_deg: 80, windows_ms: [[3, 20], [22, 45]]}
  white: {kind: noise_current, target: [E, N], mean: 20, std: 300, dt_ms: 0.5, windows_ms: [[1.3, 9], [12, 50]]}
  same: {kind: noise_current, target: [N, E], std: 60, shared: true, fraction: 0.7}
  ou: {kind: ou_current, target: [N, E], mean: 30, sigma: 90, tau_ms: 4, windows_ms: [[0.7, 30], [31, 50]]}
  together: {kind: ou_current, target: Z, mean: 1, sigma: 3, tau_ms: 10, shared: true, neurons: {start: 1, stop: 25}}
  written: {kind: spike_trains, target: R, spikes: {neuron: [2, 2, 7], time_ms: [1, 9.9, 33]}, weight: 2}
  listed:
    kind: spike_trains
    target: N
    file: in.csv
    off_grid_spikes: nearest
    weight_pA: 400
    fraction: 0.5
    windows_ms: [[4, 9], [12, 49]]
"""


OTHERWISE = (
    "drives.bg.rate_hz=9000",
    "drives.bursts.windows_ms=[[0, 21], [26, 50]]",
    "drives.drawn.rate_hz={distribution: lognormal, mean: 1400, sd: 900}",
    "drives.each.rate_hz=[0, 9000, 12000, 8000, 45000]",
    "drives.one_train.rate_hz=900",
    "drives.stairs_of_rate.rates_hz=[3000, 2000, 7000, 4000.5, 6000]",
    "drives.waves_of_rate.amplitude_hz=400",
    "drives.lift.amplitude=190",
    "drives.wave.amplitude=5",
    "drives.stairs.amplitudes=[5, 3, 2, 9]",
    "drives.ramp.to_amplitude=90",
    "drives.white.std=200",
    "drives.ou.sigma=140",
    "drives.together.mean=2",
    "drives.written.spikes={neuron: [2, 4, 7], time_ms: [1, 19.9, 38]}",
)
"""Overrides that change most of the drives, none of their weights."""


def drive_zoo(folder: Path, *overrides: str, text: str = DRIVE_ZOO) -> Network:
    """The network; its atlas and spike trains are written into `folder`."""
    save_small_atlas(folder)
    draw = np.random.default_rng(5)
    rows = [f"{draw.integers(0, 70)},{time:.2f}" for time in np.sort(draw.uniform(0, 50, 400))]
    (folder / "in.csv").write_text("\n".join(["neuron,time_ms", *rows]), encoding="utf-8")
    return network_of(text, *overrides, base_dir=folder)
