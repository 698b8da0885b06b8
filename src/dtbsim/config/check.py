"""Checks across a configuration that need neither models nor atlas: names, delays, times, and what needs an atlas."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from dtbsim.arguments import path_problem
from dtbsim.config.locate import KeyPath, Locator, Problem, raise_all
from dtbsim.config.network import Projection, TractDelay
from dtbsim.config.run import RunConfig, Simulation
from dtbsim.config.settling import SETTLING, followers, is_given
from dtbsim.config.sources import PER_REGION, FromFile, RegionMap, Spreading, spreads
from dtbsim.config.times import off_the_grid
from dtbsim.config.values import Constant, Exponential, Lognormal, Normal, TruncatedNormal, Uniform
from dtbsim.config.walk import files_of_numbers, sources_of
from dtbsim.errors import InputError, did_you_mean
from dtbsim.registry import Later

PARTITIONERS = Later("dtbsim.partition:PARTITIONERS")


def population_names(config: RunConfig) -> list[str]:
    """Return the names that a configuration can refer to: populations, CIRCUIT.POP, and those that drives make."""
    circuits = [f"{name}.{part}" for name, circuit in config.circuits.items() for part in circuit.population_names()]
    sources = [source for name, drive in config.drives.items() for source in drive.sources(name).values()]
    return [*config.populations, *circuits, *sources]


def projection_names(config: RunConfig) -> dict[str, Projection]:
    """Return every name that means one projection: NAME, or NAME.SOURCE and the like of one with lists of ends."""
    return {pair: item for name, item in config.projections.items() for pair, _, _ in item.pairs(name)}


def check_references(config: RunConfig, where: Locator | None = None) -> None:
    """Raise InputError if parts of the configuration do not fit together; every problem, with its place.

    Without `where` (a configuration built in Python) places are key paths.
    """
    locator = where or Locator()
    raise_all(find_problems(config), locator)


def find_problems(config: RunConfig) -> Iterator[Problem]:
    """Yield everything that does not fit together."""
    yield from _paths(config)
    yield from _partitioner(config)
    yield from _names(config)
    yield from _plastic_projections(config)
    yield from _delays(config)
    yield from _times(config)
    yield from _rates(config)
    yield from _atlas(config)


def _partitioner(config: RunConfig) -> Iterator[Problem]:
    """Yield a partitioner that neither dtbsim nor an installed package has, or that cannot be used."""
    name = config.simulation.partitioner
    if name == Simulation.model_fields["partitioner"].default:
        return
    try:
        PARTITIONERS.load().find(name)
    except InputError as error:
        yield Problem(("simulation", "partitioner"), error.message, error.remedy)


NAMED_SERIES = {"bold": "BOLD", "rates": "rates"}
"""Series that have no entry in `signals`, and what they are."""


def _paths(config: RunConfig) -> Iterator[Problem]:
    """Yield what no file can be called."""
    given: list[tuple[KeyPath, str | None]] = [(("atlas",), config.atlas)]
    for key, population in config.populations.items():
        model = population.model if isinstance(population.model, str) else None
        given += [
            (("populations", key, "model"), model),
            (("populations", key, "spikes_file"), population.spikes_file),
            (("populations", key, "positions", "file"), getattr(population.positions, "file", None)),
        ]
    for key, drive in config.drives.items():
        given += [(("drives", key, field), text) for field, text in drive.files().items()]
    for key, projection in config.projections.items():
        given += [(("projections", key, "rule", field), text) for field, text in projection.rule.files().items()]
    for key, signal in config.signals.items():
        given += [(("signals", key, field), text) for field, text in signal.files().items()]
    given += files_of_numbers(config)
    for path, text in given:
        problem = None if text is None else path_problem(text)
        if problem is not None:
            yield Problem(path, problem)


def _names(config: RunConfig) -> Iterator[Problem]:
    known = dict.fromkeys(population_names(config))
    for path, names in _references(config):
        if isinstance(names, str):
            yield from _unknown(path, names, known, config)
            continue
        before: set[str] = set()
        for index, name in enumerate(names):
            yield from _unknown((*path, str(index)), name, known, config)
            if name in before:
                yield Problem((*path, str(index)), f"'{name}' is named twice")
            before.add(name)
    for name in sorted(NAMED_SERIES.keys() & config.signals.keys()):
        message = f"'{name}' is what other signals and results call the run's own {NAMED_SERIES[name]}"
        yield Problem(("signals", name), message, "give it another name")
    for key, controller in config.controllers.items():
        named = None if controller.needs_plastic else controller.projection_named()
        if named is not None and named not in (projections := projection_names(config)):
            yield _no_projection(("controllers", key, str(controller.projection_key)), named, projections, config)


def _no_projection(path: KeyPath, name: str, meant: Iterable[str], config: RunConfig) -> Problem:
    """Return the problem of a name that is none of those `meant`."""
    several = config.projections.get(name)
    if several is not None:
        names = ", ".join(pair for pair, _, _ in several.pairs(name))
        return Problem(path, f"projection '{name}' has several sources or targets", f"name one of its parts: {names}")
    advice = did_you_mean(name, meant) if config.projections else "there are no projections"
    return Problem(path, f"no projection '{name}'", advice)


def _plastic_projections(config: RunConfig) -> Iterator[Problem]:
    """Yield what needs a projection whose weights change and names another one."""
    projections = projection_names(config)
    plastic = [name for name, p in projections.items() if p.synapse is not None and p.synapse.plastic]
    named: list[tuple[KeyPath, str]] = [
        (("record", "weights", str(index), "projection"), weights.projection)
        for index, weights in enumerate(config.record.weights)
    ]
    for key, controller in config.controllers.items():
        projection = controller.projection_named() if controller.needs_plastic else None
        if projection is not None:
            named.append((("controllers", key, str(controller.projection_key)), projection))
    for path, name in named:
        if name not in projections:
            yield _no_projection(path, name, plastic, config)
        elif name not in plastic:
            yield Problem(
                path,
                f"the weights of projection '{name}' do not change",
                f"name one with a kind of STDP ({', '.join(plastic)})" if plastic else "give it a kind of STDP",
            )


def _references(config: RunConfig) -> Iterator[tuple[KeyPath, str | list[str]]]:
    for key, projection in config.projections.items():
        yield ("projections", key, "source"), projection.source
        yield ("projections", key, "target"), projection.target
        for parameter, name in projection.synapse.populations() if projection.synapse else ():
            yield ("projections", key, "synapse", *parameter.split(".")), name
    for key, coupling in config.couplings.items():
        yield ("couplings", key, "source"), coupling.source
        yield ("couplings", key, "target"), coupling.target
    for key, drive in config.drives.items():
        yield ("drives", key, "target"), drive.target
    for key, controller in config.controllers.items():
        population = controller.population_named()
        if population is not None:
            yield ("controllers", key, str(controller.population_key)), population
    for key, change in config.changes.items():
        if change.population is not None:
            yield ("changes", key, "population"), change.population
    spikes = config.record.spikes
    if spikes is not None and spikes.populations != "all":
        yield ("record", "spikes", "populations"), spikes.populations
    for index, states in enumerate(config.record.states):
        yield ("record", "states", str(index), "population"), states.population
    for index, pair in enumerate(config.record.correlations):
        yield ("record", "correlations", str(index), "first"), pair.first
        yield ("record", "correlations", str(index), "second"), pair.second
    if config.bold is not None:
        yield ("bold", "population"), config.bold.population
    for name, item in config.signals.items():
        yield from ((("signals", name, key), getattr(item, key)) for key in item.names_populations)


def _unknown(path: KeyPath, name: str, known: Iterable[str], config: RunConfig) -> Iterator[Problem]:
    if name in known:
        return
    if name in config.circuits:
        parts = [f"{name}.{part}" for part in config.circuits[name].population_names()]
        yield Problem(path, f"'{name}' is a circuit", f"give one of its populations: {', '.join(parts)}")
    else:
        yield Problem(path, f"no population '{name}'", did_you_mean(name, known))


def value_bounds(value: object) -> tuple[float, float] | None:
    """Return the smallest and largest value that `value` gives; where a side is open, the mean stands for it.

    None where the atlas or a file says, or a spread: what these give is checked when the network is compiled.
    """
    if isinstance(value, Constant):
        return value.value, value.value
    if isinstance(value, Uniform):
        return value.low, value.high
    if isinstance(value, RegionMap) and value.low is not None and value.high is not None and not spreads(value):
        return min(value.low, value.high), max(value.low, value.high)
    if isinstance(value, Spreading | FromFile):
        return None
    if isinstance(value, list):
        return min(value), max(value)
    if isinstance(value, Normal | TruncatedNormal | Lognormal):
        inside = [bound for bound in (value.low, value.mean, value.high) if bound is not None]
        low = value.low if value.low is not None else min(inside)
        return low, value.high if value.high is not None else max(inside)
    if isinstance(value, Exponential):
        mean = value.low + value.mean
        return (mean, mean) if value.high is None else (min(mean, value.high), value.high)
    assert isinstance(value, int | float)
    return float(value), float(value)


def _delays(config: RunConfig) -> Iterator[Problem]:
    dt, longest = config.simulation.dt_ms, config.simulation.max_delay_ms
    if longest < dt:
        yield _under_one_step(("simulation", "max_delay_ms"), longest, dt)
        return
    allowed = f"allowed: from dt_ms ({dt:g}) to simulation.max_delay_ms ({longest:g})"
    for path, delay in _given_delays(config):
        low, high = value_bounds(delay) or (dt, longest)
        if low < dt:
            yield Problem(_bound(path, delay, "low"), f"a delay of {low:g} ms is shorter than one step", allowed)
        elif high > longest:
            yield Problem(_bound(path, delay, "high"), f"a delay of {high:g} ms is longer than the maximum", allowed)


def _bound(path: KeyPath, value: object, key: str) -> KeyPath:
    """Return the key path of a value's bound, or of the value itself if it has none."""
    if isinstance(value, Constant):
        return (*path, "value")
    return (*path, key) if getattr(value, key, None) is not None else path


def _under_one_step(path: KeyPath, given: float, dt: float) -> Problem:
    return Problem(path, f"{given:g} ms is less than one step", f"allowed: at least dt_ms ({dt:g})")


def _given_delays(config: RunConfig) -> Iterator[tuple[KeyPath, object]]:
    for key, projection in config.projections.items():
        delay = projection.delay_ms
        if delay is None:
            continue
        if not isinstance(delay, TractDelay):
            yield ("projections", key, "delay_ms"), delay
        elif delay.minimum_ms is not None:
            yield ("projections", key, "delay_ms", "minimum_ms"), delay.minimum_ms
    for key, circuit in config.circuits.items():
        given = ((("circuits", key, name), getattr(circuit, name)) for name in circuit.delay_keys)
        yield from ((path, value) for path, value in given if value is not None)
    for key, drive in config.drives.items():
        if getattr(drive, "delay_ms", None) is not None:
            yield ("drives", key, "delay_ms"), getattr(drive, "delay_ms", None)


def _times(config: RunConfig) -> Iterator[Problem]:
    dt, duration = config.simulation.dt_ms, config.simulation.duration_ms
    off_grid = list(off_the_grid(config))
    if duration < dt:
        yield _under_one_step(("simulation", "duration_ms"), duration, dt)
        return
    for path, start in _starts(config):
        if start >= duration:
            yield Problem(
                path, f"{start:g} ms is not before the end of the run", f"simulation.duration_ms is {duration:g}"
            )
    yield from _windows(config)
    short = {path: _under_one_step(path, interval, dt) for path, interval in _intervals(config) if interval < dt}
    yield from short.values()
    yield from (problem for problem in off_grid if problem.path not in short)
    bold = config.bold
    if bold is not None and bold.discard_ms < duration < bold.discard_ms + bold.tr_ms:
        kept = duration - bold.discard_ms
        yield Problem(
            ("bold", "tr_ms"),
            f"no volume fits: tr_ms is {bold.tr_ms:g} and {kept:g} ms are left after discard_ms",
            "make the run longer, or tr_ms or discard_ms smaller, or leave out bold (bold: null)",
        )


def _windows(config: RunConfig) -> Iterator[Problem]:
    """Yield windows of recording that end before the network has settled."""
    settling = config.simulation.settling_ms
    for path, item, key in followers(config):
        stop = getattr(item, "stop_ms", None)
        if stop is not None and not is_given(item, key) and stop <= settling:
            remedy = f"simulation.settling_ms is {settling:g}; give start_ms to begin earlier"
            yield Problem((*path[:-1], "stop_ms"), f"{stop:g} ms is not after the settling time", remedy)


def _starts(config: RunConfig) -> Iterator[tuple[KeyPath, float]]:
    yield SETTLING, config.simulation.settling_ms
    yield from ((path, getattr(item, key)) for path, item, key in followers(config) if is_given(item, key))


def _intervals(config: RunConfig) -> Iterator[tuple[KeyPath, float]]:
    for index, states in enumerate(config.record.states):
        if states.interval_ms is not None:
            yield ("record", "states", str(index), "interval_ms"), states.interval_ms
    for index, weights in enumerate(config.record.weights):
        if weights.interval_ms is not None:
            yield ("record", "weights", str(index), "interval_ms"), weights.interval_ms
    if config.record.rate_bin_ms is not None:
        yield ("record", "rate_bin_ms"), config.record.rate_bin_ms
    if config.bold is not None:
        yield ("bold", "tr_ms"), config.bold.tr_ms
    for name, item in config.signals.items():
        given = ((("signals", name, key), getattr(item, key)) for key in item.intervals)
        yield from ((path, interval) for path, interval in given if interval is not None)
    for key, controller in config.controllers.items():
        given = ((("controllers", key, name), getattr(controller, name)) for name in controller.intervals)
        yield from ((path, interval) for path, interval in given if interval is not None)
    for key, change in config.changes.items():
        for name, sine in change.sine.items():
            yield ("changes", key, "sine", name, "interval_ms"), sine.interval_ms


def _rates(config: RunConfig) -> Iterator[Problem]:
    for key, drive in config.drives.items():
        for name in drive.per_neuron:
            given = getattr(drive, name)
            low, _ = (None if isinstance(given, list) else value_bounds(given)) or (0.0, 0.0)  # items have a bound
            if low < 0:
                path = _bound(("drives", key, name), given, "low")
                yield Problem(path, f"a rate of {low:g} Hz", "allowed: at least 0")


def _atlas(config: RunConfig) -> Iterator[Problem]:
    """Yield what refers to regions without an atlas, and maps for populations that live in no region."""
    if config.atlas is None:
        for path, what in _needs_atlas(config):
            yield Problem(path, f"{what} needs an atlas", "give `atlas`, a bundled one (`dtbsim atlas list`) or a path")
        return
    for path, value, regions in _maps(config):
        if regions is None:
            what = "a map of the atlas" if isinstance(value, RegionMap) else "a number by region"
            yield Problem(path, f"{what} needs a population in regions", "give its `regions`")


def _needs_atlas(config: RunConfig) -> Iterator[tuple[KeyPath, str]]:
    for key, population in config.populations.items():
        if population.regions is not None:
            yield ("populations", key, "regions"), "a population in regions"
    for key, circuit in config.circuits.items():
        if getattr(circuit, "regions", None) is not None:
            yield ("circuits", key, "regions"), "a circuit in regions"
    for key, projection in config.projections.items():
        if projection.scope == "connectome":
            yield ("projections", key, "scope"), "scope: connectome"
        if isinstance(projection.delay_ms, TractDelay):
            yield ("projections", key, "delay_ms"), "a delay from tract lengths"
    for key, drive in config.drives.items():
        if drive.regions is not None:
            yield ("drives", key, "regions"), "a drive in regions"
    for key, change in config.changes.items():
        if change.regions is not None:
            yield ("changes", key, "regions"), "a change in regions"
    for path, source in sources_of(config):
        if not isinstance(source, FromFile):
            yield path, "a map" if isinstance(source, RegionMap) else "a number by region"


def _maps(config: RunConfig) -> Iterator[tuple[KeyPath, object, object]]:
    """Yield key path, source and regions of its population of every number of a population that follows regions."""
    regions: dict[KeyPath, object] = {
        ("populations", key): population.regions for key, population in config.populations.items()
    }
    regions |= {("circuits", key): getattr(circuit, "regions", None) for key, circuit in config.circuits.items()}
    for path, value in sources_of(config):
        if path[:2] in regions and isinstance(value, PER_REGION):
            yield path, value, regions[path[:2]]
