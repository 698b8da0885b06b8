"""An estimate for people: lines of a label and a sentence, without what is the same for everybody."""

from __future__ import annotations

from dtbsim.estimation.result import Band, Estimate, Measured, Network, Spread
from dtbsim.report.text import count, milliseconds, plural, seconds, significant, size_of

WAYS = {
    "none": "one rank, nothing travels",
    "shared_memory": "shared memory of the node",
    "packets": "messages between ranks that share synapses",
    "two_level": "node leaders (numbers are those of leaders)",
    "gpu": "messages between GPUs of ranks that share populations",
}


def lines_of(estimate: Estimate) -> list[tuple[str, str]]:
    """Return labels and what is said of them."""
    network = estimate.network
    rows = [
        ("network", f"{_what(network)}, {milliseconds(network.duration_ms)} in steps of {network.dt_ms:g} ms"),
        ("machine", _machine(estimate)),
        ("ranks", _ranks(estimate)),
        *_of_neurons(estimate),
        *_memory(estimate),
        *_exchange(estimate),
        *_time(estimate),
        ("results", _results(estimate)),
        *_measured(estimate.measured),
    ]  # fmt: skip
    return rows


def _what(network: Network) -> str:
    neurons = f"{count(network.neurons)} neurons, {count(network.synapses)} synapses"
    if not network.regions:
        return neurons
    members = "" if network.members == 1 else f" in {count(network.members)} members"
    regions = f"{count(network.regions)} mean-field regions{members}"
    return f"{neurons}, {regions}" if network.neurons else regions


def _of_neurons(estimate: Estimate) -> list[tuple[str, str]]:
    if not estimate.network.neurons:
        return []
    return [
        ("neurons", _spread(estimate.neurons, count)),
        ("synapses", _spread(estimate.synapses, count)),
        ("balance", f"the busiest rank has {estimate.imbalance:.3f} times the mean work" + _split(estimate)),
    ]


def _measured(measured: Measured | None) -> list[tuple[str, str]]:
    """Of the rank that was built and stepped here."""
    if measured is None:
        return []
    window = f"{significant(measured.messages_per_window)} messages and {size_of(measured.bytes_per_window)}"
    return [
        (
            f"rank {measured.rank} here",
            f"{count(measured.neurons)} neurons, {count(measured.synapses)} synapses in "
            f"{size_of(measured.allocated_bytes)} ({size_of(measured.peak_rss_bytes)} with all of this process), "
            f"built in {seconds(measured.build_s)}",
        ),
        (
            "its steps",
            f"real-time factor {significant(measured.real_time_factor)} over {milliseconds(measured.duration_ms)}, "
            f"firing at {significant(measured.rate_hz)} Hz, without what a network adds",
        ),
        (
            "its exchange",
            f"{significant(measured.exchange_us)} us of the host each time, sends {window} to "
            f"{plural(measured.neighbours, 'rank')}, "
            f"receives {count(measured.spikes_received_per_s)} spikes per second",
        ),
    ]


def untested(estimate: Estimate) -> str | None:
    """Return what is to be said of numbers that nobody has measured; None: they were measured."""
    if not estimate.machine.untested:
        return None
    return "prediction of an untested configuration: numbers of this machine are taken from data sheets"


def _machine(estimate: Estimate) -> str:
    machine = estimate.machine
    gpus = f", {plural(machine.gpus_per_node, 'GPU')} each" if machine.gpus_per_node else ""
    return f"{plural(machine.nodes, 'node')} of '{machine.name}'{gpus} ({machine.description})"


def _ranks(estimate: Estimate) -> str:
    machine, looked = estimate.machine, estimate.ranks_looked_at
    text = (
        f"{count(machine.ranks)}, {count(machine.ranks_per_node)} on a node, {plural(machine.threads, 'thread')} each"
    )
    if looked == machine.ranks:
        return text
    return f"{text}; memory, exchange and time of {count(looked)} of them, the heaviest included"


def _spread(spread: Spread, show: object) -> str:
    shown = show if callable(show) else str
    if spread.smallest == spread.largest:
        return f"{shown(spread.largest)} on every rank"
    low, mean, high = (shown(value) for value in (spread.smallest, spread.mean, spread.largest))
    return f"{low} / {mean} / {high} (smallest, mean, largest: rank {spread.rank})"


def _split(estimate: Estimate) -> str:
    if estimate.regions_split is None or estimate.machine.ranks == 1:
        return ""
    return f"; {plural(estimate.regions_split, 'region')} on several ranks"


def _memory(estimate: Estimate) -> list[tuple[str, str]]:
    memory = estimate.memory
    rows = [
        ("memory of a rank", _spread(memory.peak, size_of) + ": " + _parts(memory.parts)),
        ("memory of a node", f"{size_of(memory.node_bytes)} of {size_of(memory.node_available)}"),
    ]
    if memory.device is not None and memory.device_peak is not None:
        have = size_of(memory.device_available or 0.0)
        rows.append(("memory of a GPU", f"{_spread(memory.device_peak, size_of)} of {have}: {_parts(memory.device)}"))
    return rows


def _parts(parts: dict[str, Spread]) -> str:
    """The parts of the heaviest rank, those that matter."""
    largest = max((part.largest for part in parts.values()), default=0.0)
    shown = {name: part.largest for name, part in parts.items() if part.largest >= 0.001 * largest}
    return ", ".join(f"{name} {size_of(size)}" for name, size in sorted(shown.items(), key=lambda item: -item[1]))


def _exchange(estimate: Estimate) -> list[tuple[str, str]]:
    exchange = estimate.exchange
    if exchange.window_ms is None:
        silent = exchange.way != "none"
        return [("exchange", "nothing travels between ranks" if silent else WAYS["none"])]
    often = ", ".join(
        f"{significant(window.ms)} ms with {significant(window.links)} rank(s)" for window in exchange.windows
    )
    rows = [
        ("exchange", f"{WAYS[exchange.way]}, every {often}"),
        ("neighbours", _spread(exchange.neighbours, significant)),
    ]
    window = f"in {significant(exchange.window_ms)} ms"
    if exchange.way != "shared_memory":
        messages = _spread(exchange.messages_per_window, significant)
        rows.append(("messages sent", f"{messages} {window}"))
    rows.append(("bytes sent", f"{_spread(exchange.bytes_per_window, size_of)} {window}"))
    rows.append(("spikes received", f"{_spread(exchange.spikes_received_per_s, count)} per second"))
    return rows


def _time(estimate: Estimate) -> list[tuple[str, str]]:
    time = estimate.time
    parts = sorted(time.parts.items(), key=lambda item: -item[1])
    total = sum(time.parts.values())
    shares = ", ".join(f"{name} {100 * part / total:.0f} %" for name, part in parts if part >= 0.005 * total)
    rate = significant(estimate.network.rate_hz)
    firing = f" if neurons fire at {rate} Hz" if estimate.network.neurons else ""
    return [
        ("build", _band(time.build_s)),
        (
            "real-time factor",
            f"{significant(time.real_time_factor.expected)} ({significant(time.real_time_factor.low)} to "
            f"{significant(time.real_time_factor.high)}){firing}: {shares}",
        ),
        ("limited by", time.limit),
        ("whole run", _band(time.run_s)),
    ]


def _band(band: Band) -> str:
    return f"{seconds(band.expected)} ({seconds(band.low)} to {seconds(band.high)})"


def _results(estimate: Estimate) -> str:
    results = estimate.results
    most = sorted(results.parts.items(), key=lambda item: -item[1])[:3]
    free = f" ({size_of(results.available)} free here)" if results.available is not None else ""
    named = ", ".join(f"{name} {size_of(size)}" for name, size in most)
    return f"about {size_of(results.bytes)}{free} in {count(results.inodes)} files and folders: {named}"
