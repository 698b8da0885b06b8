"""What a run would leave on the disk: bytes and inodes of its stores (docs/run_folder.md), as they are compressed."""

from __future__ import annotations

import math

from dtbsim.estimation.costs import firing_rates
from dtbsim.estimation.result import Results
from dtbsim.spec.network import Network

RUN_FILES, STORE_FILES, SPIKE_FILES = 9, 11, 9
"""Inodes of a run folder without stores, of a store beside its chunks, and of a store of spikes."""
ROWS_OF_CHUNK = 1 << 20
VALUE_BYTES = 3.0
"""Of a float32 that was sampled or counted, compressed."""
POPULATION_BYTES, RANK_BYTES = 200, 100
"""In network.json and summary.json."""
STATE_BYTES = 4


def results_of(network: Network, n_ranks: int, rate_hz: float, keep: int | None, available: float | None) -> Results:
    """Bytes and inodes; `keep`: checkpoints that stay (None: none are written). `available`: bytes, where known."""
    parts = {"network": float(POPULATION_BYTES * len(network.populations) + RANK_BYTES * n_ranks + 50_000)}
    inodes = RUN_FILES
    biological_s = network.n_steps * network.dt_ms * 1e-3
    records, sizes = network.records, network.sizes
    if (spikes := records.spikes) is not None:
        rates = firing_rates(network, rate_hz)
        chosen = [spikes.families is None or p.family in spikes.families for p in network.populations]
        per_s = float((rates * sizes)[chosen].sum())
        number = per_s * max(0, min(spikes.stop, network.n_steps) - spikes.start) * network.dt_ms * 1e-3
        parts["spikes"] = number * spike_bytes(float(sizes.sum()), per_s * network.dt_ms * 1e-3)
        inodes += n_ranks * (SPIKE_FILES + 2 * max(1, math.ceil(number / n_ranks / ROWS_OF_CHUNK))) + 1
    for sample in network.samples[: records.states]:
        family = network.families[sample.family]
        few = sample.neurons if isinstance(sample.neurons, int) else len(sample.neurons)
        neurons = sum(min(few, int(sizes[k])) for k in family.populations.tolist())
        rows = max(0, min(sample.stop, network.n_steps) - sample.start) / sample.interval
        parts["states"] = parts.get("states", 0.0) + rows * neurons * len(sample.variables) * VALUE_BYTES
        inodes += n_ranks * (STORE_FILES + 2)
    series = {"rates": 0.0}
    if records.rate_bin is not None:
        series["rates"] = network.n_steps / records.rate_bin * len(network.families) * VALUE_BYTES
        inodes += STORE_FILES + 2
    regions = len({population.region for population in network.populations})
    if records.bold is not None:
        series["bold"] = network.n_steps / records.bold.tr * regions * VALUE_BYTES
        inodes += STORE_FILES + 2
    for request in network.signals:
        interval_ms = float(getattr(request.options, "interval_ms", network.dt_ms))
        series["signals"] = series.get("signals", 0.0) + biological_s * 1e3 / interval_ms * 64 * VALUE_BYTES
        inodes += STORE_FILES + 2
    parts |= {name: size for name, size in series.items() if size}
    for record in records.weights:
        entries = network.entries
        mine = entries.projection == record.projection
        targets = sum(int(sizes[k]) for k in set(entries.target[mine].tolist()))
        few = record.neurons if isinstance(record.neurons, int) else len(record.neurons)
        populations = len(set(entries.target[mine].tolist()))
        share = min(1.0, few * populations / targets) if targets else 0.0
        times = 2 + (network.n_steps / record.interval if record.interval else 0)
        parts["weights"] = parts.get("weights", 0.0) + float(entries.synapses[mine].sum()) * share * times * STATE_BYTES
        inodes += n_ranks * (STORE_FILES + 3)
    if keep is not None:
        parts["checkpoints"] = float((keep + 1) * checkpoint_bytes(network))
        inodes += (keep + 1) * (n_ranks + 2)
    return Results(sum(parts.values()), inodes, parts, available)


def spike_bytes(neurons: float, spikes_per_step: float) -> float:
    """Of a stored spike: the digits that tell a neuron from the one before it in its step, and some of the step."""
    gap = neurons / max(spikes_per_step, 1e-9)
    return (8.0 + math.log2(1.0 + min(gap, neurons))) / 8.0


def checkpoint_bytes(network: Network) -> int:
    """States of all neurons, and weights of plastic synapses."""
    total = 0
    for population in network.populations:
        states = len(network.families[population.family].model.states)
        total += population.size * STATE_BYTES * (1 + states)
    each = network.entries.per_projection(network.entries.synapses, len(network.projections))
    plastic = [n for n, p in zip(each.tolist(), network.projections, strict=True) if p.dynamics and p.dynamics.plastic]
    return total + int(STATE_BYTES * sum(plastic))
