"""`dtbsim map CONFIG --to CHIP`: check, partition, convert, place, estimate, and write it all as one folder."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from dtbsim.arguments import path as path_argument
from dtbsim.arguments import refuse as refuse_argument
from dtbsim.chips.chip import Chip
from dtbsim.chips.registry import load_chip
from dtbsim.errors import InputError, did_you_mean
from dtbsim.mapping import check
from dtbsim.mapping.energy import energy_of
from dtbsim.mapping.links import F64, I64, Links, links_of
from dtbsim.mapping.loads import loads_of, reach_of
from dtbsim.mapping.mapping import Mapping, Placed, slots_within
from dtbsim.mapping.partition import METHODS, partition
from dtbsim.mapping.placement import mesh_of, place
from dtbsim.mapping.traffic import matrix_of, traffic_of

if TYPE_CHECKING:
    from dtbsim.build.as_built import BuiltNetwork
    from dtbsim.chips.conversion import Conversion
    from dtbsim.config import Overrides
    from dtbsim.given import Source


@dataclass(frozen=True)
class Wanted:
    """What was asked for: the chip, how many of them, how neurons are put together, bits of weights."""

    chip: Chip
    chips: int
    method: str
    weight_bits: int | None


def map_network(
    source: Source,
    *,
    to: str | os.PathLike[str] | Chip,
    out: str | os.PathLike[str],
    partition: str = "regions",
    weight_bits: int | None = None,
    rates: str | os.PathLike[str] | None = None,
    chips: int | None = None,
    set: Overrides = (),
) -> Mapping:
    """Map a network to a neuromorphic chip, and write the mapping as a new folder, as a whole or not at all.

        mapping = dtbsim.map_network("net.yaml", to="loihi", out="net_on_loihi")
        mapping.placed.core, mapping.traffic.messages, mapping.energy.joules

    Args:
        source: a configuration, as of `run`.
        to: name of a chip, a YAML file that describes one, or what `load_chip` returned.
        out: the folder, new or empty.
        partition: `regions`, `sequential` or `km1` (needs mtkahypar), see `dtbsim.mapping.partition`.
        weight_bits: bits of weights (default: those of the chip).
        rates: folder of a run of the same network, whose spikes tell the traffic (default: a run of a second).
        chips: how many chips there are (default: those of a board, or one).
        set: overrides of the configuration.

    Raises:
        InputError: something is wrong with the arguments, or the network does not fit: every limit that it breaks, and
            everything that the chip cannot say, has a line with population, number, limit and its source.
    """
    chip = load_chip(to)
    if partition not in METHODS:
        raise InputError(
            f"unknown partition '{partition}'", where="--partition", remedy=did_you_mean(partition, METHODS)
        )
    for name, value in (("weight_bits", weight_bits), ("chips", chips)):
        if value is not None and (isinstance(value, bool) or not isinstance(value, int) or value < 1):
            raise refuse_argument(value, name, "a whole number above 0")
    wanted = Wanted(chip, chips or chip.whole("size.chips_per_board") or 1, partition, weight_bits)
    _check_bits(wanted)
    from dtbsim.interchange.folder import new_folder
    from dtbsim.mapping.folder import keep_config, write_mapping

    target = path_argument(out, "out")
    built, duration_ms = _built(source, set)
    links = links_of(built)
    _refuse_early(built, links, wanted)
    with new_folder(target) as folder:
        config = keep_config(source, set, folder)
        told = _rates(rates, links, config, duration_ms)
        made = _mapped(built, links, wanted, told, target)
        write_mapping(made, folder)
    return made


def _check_bits(wanted: Wanted) -> None:
    most = wanted.chip.whole("numbers.weight_bits_max") or wanted.chip.whole("numbers.weight_bits")
    if wanted.weight_bits is not None and most is not None and wanted.weight_bits > most:
        raise InputError(
            f"weights of {wanted.weight_bits} bits; {wanted.chip.name} has {most} at most "
            f"({wanted.chip.cited('numbers.weight_bits_max')})",
            where="--weight-bits", remedy=f"give 1 to {most}",
        )  # fmt: skip


def _built(source: Any, overrides: Any) -> tuple[BuiltNetwork, float]:
    from dtbsim.api import build

    built = build(source, set=overrides)
    network = built.network
    return built, network.n_steps * network.dt_ms


def _rates(run: Any, links: Links, config: Path, duration_ms: float) -> Callable[[], F64]:
    """What gives the rates, float64[n], when they are needed; a run that is given is read at once."""
    from dtbsim.mapping.rates import rates_of_run, short_run
    from dtbsim.store import open_run

    if run is not None:
        given = rates_of_run(open_run(path_argument(run, "rates")), links.n)
        return lambda: given
    found: list[F64] = []

    def made() -> F64:
        if not found:
            found.append(short_run(config, links.n, duration_ms))
        return found[0]

    return made


def _refuse_early(built: BuiltNetwork, links: Links, wanted: Wanted) -> None:
    """Raise InputError for limits that no placement can keep, together with what the conversion refuses."""
    chip = wanted.chip
    violations = list(check.of_network(links, chip))
    needed = check.chips_needed(links, chip)
    if needed is not None and needed > wanted.chips:
        violations.append(
            check.Violation(
                "network", f"chips for {int(links.placed.sum()):,} neurons and {links.n_synapses:,} synapses",
                needed, wanted.chips, "--chips", "option, or chips of a board",
            )
        )  # fmt: skip
    if violations:
        _, further = _converted(built, wanted, None)
        check.refuse(chip, violations, check.what_would_fit(links, chip, wanted.chips, 0), further)


def _converted(built: BuiltNetwork, wanted: Wanted, core_of: I64 | None) -> tuple[Conversion | None, list[InputError]]:
    """The network in the chip's numbers, None where its arithmetic is not known; or what the chip cannot say."""
    if wanted.chip.model is None:
        return None, []
    from dtbsim.chips.conversion import convert

    try:
        return convert(built, wanted.chip, core_of_neuron=core_of, weight_bits=wanted.weight_bits), []
    except InputError as error:
        return None, list(error.mistakes)


def _mapped(built: BuiltNetwork, links: Links, wanted: Wanted, told: Callable[[], F64], path: Path) -> Mapping:
    chip, n_slots = wanted.chip, wanted.chips * round(wanted.chip["size.cores"])
    known = told() if wanted.method == "km1" else np.ones(links.n)
    from dtbsim.mapping.folder import conversion_arrays

    core, used, method = partition(links, chip, wanted.method, n_slots, known)
    reach = reach_of(links, core, used)
    loads = loads_of(links, chip, core, reach)
    violations = list(check.of_cores(links, chip, core, loads, reach))
    if used > n_slots:
        what = f"cores for {int(links.placed.sum()):,} neurons ({method})"
        violations.append(
            check.Violation(
                "network", what, used, n_slots, "size.cores", f"{wanted.chips} chips; {chip.cited('size.cores')}"
            )
        )
    n_chips = max(1, -(-used // round(chip["size.cores"])))
    violations += check.of_chips(chip, loads, n_chips)
    conversion, further = _converted(built, wanted, core)
    check.refuse(chip, violations, check.what_would_fit(links, chip, wanted.chips, used), further)
    rates = np.where(links.placed, told(), 0.0) if not (~links.placed).any() else told()
    between = matrix_of(reach, core, rates)
    mesh = mesh_of(chip, n_chips)
    order, notes = _places(between, mesh, chip, loads, n_chips)
    plain = np.arange(used)
    on_chip = np.where(core >= 0, order[np.maximum(core, 0)], -1)
    traffic = traffic_of(links, reach, core, rates, between, mesh, order)
    energy = energy_of(
        chip, traffic, n_neurons=int(links.placed.sum()), n_cores=used, n_chips=n_chips, dt_ms=built.dt_ms
    )
    return Mapping(
        path=path,
        chip=chip,
        name=built.network.name,
        dt_ms=built.dt_ms,
        method=method,
        placed=Placed(on_chip, slots_within(on_chip), used, n_chips, mesh, order),
        populations={name: links.gids_of(name) for name in links.families},
        loads=loads,
        between=between,
        rates_hz=rates,
        traffic=traffic,
        before=traffic_of(links, reach, core, rates, between, mesh, plain),
        energy=energy,
        losses=() if conversion is None else conversion.losses,
        notes=(*notes, *_notes(conversion, chip)),
        conversion=None if conversion is None else _renumbered(conversion, order),
        numbers=dict(conversion_arrays(conversion)) | dict(_outside(built, links)),
    )


def _outside(built: BuiltNetwork, links: Links) -> Iterator[tuple[str, Any]]:
    """Yield listed spikes of populations that are not on the chip."""
    for name in links.families:
        spikes = built.populations[name].spikes
        if not links.placed[links.gids_of(name)].any() and len(spikes):
            yield f"outside/{name}/step", spikes["step"].to_numpy(np.int64)
            yield f"outside/{name}/gid", spikes["gid"].to_numpy(np.int64)


def _places(between: Any, mesh: Any, chip: Chip, loads: Any, n_chips: int) -> tuple[I64, list[str]]:
    """int64[used]: the place of each core; where moving would overfill a chip they stay in order, and it is said."""
    order = place(between, mesh)
    moved = replace(loads, **{name: _by_slot(getattr(loads, name), order) for name in ("neurons", "synapses", "bytes")})
    if any(True for _ in check.of_chips(chip, moved, n_chips)):
        return np.arange(order.size), ["cores stay in the order of the partition: other places would overfill a chip"]
    notes = [] if mesh.known else [f"how the cores of {chip.name} are arranged is not checked: links are between chips"]
    return order, notes


def _by_slot(values: I64 | None, order: I64) -> I64 | None:
    if values is None:
        return None
    found = np.zeros_like(values)
    found[order] = values
    return found


def _notes(conversion: Conversion | None, chip: Chip) -> tuple[str, ...]:
    if conversion is not None:
        return conversion.notes
    return (f"the arithmetic of {chip.name} is not known: nothing is quantised, and --run is not possible",)


def _renumbered(conversion: Conversion, order: I64) -> Conversion:
    """The same with the numbers of cores where they are on the chip."""
    exponents = {(int(order[core]), receptor): value for (core, receptor), value in conversion.exponents.items()}
    return replace(conversion, exponents=exponents)
