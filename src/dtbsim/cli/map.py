"""`dtbsim map`: a mapping is made, run as the chip would, or written for tools."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from dtbsim.cli.needs import installed
from dtbsim.cli.output import pairs, show, table, write
from dtbsim.errors import EXIT_OK, InputError
from dtbsim.report.text import count, significant

if TYPE_CHECKING:
    from dtbsim.interchange.base import Loss
    from dtbsim.mapping.compare import Comparison
    from dtbsim.mapping.mapping import Mapping


@dataclass(frozen=True)
class MapOptions:
    """What the command line gave."""

    source: Path
    to: str | None
    out: Path | None
    partition: str | None
    weight_bits: int | None
    rates: Path | None
    chips: int | None
    overrides: tuple[str, ...]
    run: bool
    against: Path | None
    seeds: int | None
    export: str | None
    lossy: bool


def work(options: MapOptions) -> int:
    """Do what the options ask for; InputError where they do not go together."""
    with installed():
        if options.export is not None:
            return _export(options)
        return _run(options) if options.run else _map(options)


def _refuse(options: MapOptions, names: tuple[str, ...], why: str) -> None:
    for name in names:
        value = getattr(options, name)
        if value not in (None, False, ()):
            option = "--set" if name == "overrides" else f"--{name.replace('_', '-')}"
            raise InputError(why, where=option, remedy="leave it out")


def _map(options: MapOptions) -> int:
    from dtbsim.mapping.folder import REPORT
    from dtbsim.mapping.make import map_network

    _refuse(options, ("against", "seeds", "lossy"), "this belongs to a mapping that is run or exported")
    if options.source.is_dir() and (options.source / "map.json").is_file():
        raise InputError(
            "this is a mapping: say what to do with it",
            where=str(options.source),
            remedy="add --run or --export FORMAT",
        )
    for name, value in (("--to CHIP", options.to), ("--out DIR", options.out)):
        if value is None:
            raise InputError(
                f"{name} is missing", where="dtbsim map CONFIG", remedy="`dtbsim map --help` shows examples"
            )
    made = map_network(
        options.source,
        to=str(options.to),
        out=str(options.out),
        partition=options.partition or "regions",
        weight_bits=options.weight_bits,
        rates=options.rates,
        chips=options.chips,
        set=options.overrides,
    )
    write(f"{made.path}\n")
    _show(made)
    _show_losses(made.losses)
    write(f"report: {made.path / REPORT}\n")
    return EXIT_OK


def _show(made: Mapping) -> None:
    sizes, traffic, before = made.sizes, made.traffic, made.before
    rows = [
        (
            "neurons",
            f"{count(sizes['neurons'])} on {count(sizes['cores'])} cores of {count(sizes['chips'])} {made.chip.name}",
        ),
        ("synapses", f"{count(sizes['synapses'])}, at most {count(int(made.loads.synapses.max()))} on a core"),
        ("partition", made.method),
        ("messages", f"{count(traffic.messages)} per second, {count(traffic.between_cores)} of them between cores"),
        ("links", f"{count(traffic.hops)} per second; in the order of the partition {count(before.hops)}"),
    ]
    if made.energy.joules > 0:
        rows.append(("energy", f"{significant(1e3 * made.energy.joules)} mJ per second, an estimate"))
    show(pairs(rows))
    for note in made.notes:
        write(f"{note}\n")


def _show_losses(losses: tuple[Loss, ...]) -> None:
    if losses:
        rows = [(loss.what, loss.where, loss.instead, "yes" if loss.spikes else "no") for loss in losses]
        show(table(("otherwise on the chip", "where", "instead", "spikes differ"), rows))


def _run(options: MapOptions) -> int:
    from dtbsim.mapping.folder import REPORT
    from dtbsim.mapping.run import SEEDS, run_mapping

    others = ("to", "out", "partition", "weight_bits", "rates", "chips", "lossy")
    _refuse(options, others, "this belongs to the making of a mapping, or to --export")
    seeds = SEEDS if options.seeds is None else options.seeds
    found = run_mapping(options.source, against=options.against, seeds=seeds, set=options.overrides)
    _show_comparison(found)
    write(f"report: {options.source / REPORT}\n")
    return EXIT_OK


def _show_comparison(found: Comparison) -> None:
    write(
        f"{found.n_spikes[1]:,} spikes on the chip, {found.n_spikes[0]:,} unrounded "
        f"({found.spike_change_percent:+.2f} %)"
    )
    write(f"; other seeds: {found.seeds_text}\n{found.first_difference_text}\n")
    rows = []
    for name in found.names:
        one, chip = found.reference[name], found.chip[name]
        cells = [name]
        for key in ("rate_hz", "cv_isi", "correlation"):
            cells += ["" if (v := getattr(item, key)) is None else f"{v:.4g}" for item in (one, chip)]
        rows.append(cells)
    header = ("population", "rate (Hz)", "chip", "CV of ISI", "chip", "correlation", "chip")
    show(table(header, rows, numbers=header[1:]))
    for what, value, others in found.agreements:
        around = f"; other seeds {min(others):.3f} to {max(others):.3f}" if others else ""
        write(f"{what}: {value:.3f}{around}\n")
    for text in found.warnings:
        write(f"warning: {text}\n")


def _export(options: MapOptions) -> int:
    from dtbsim.mapping.export import export_mapping

    others = ("to", "partition", "weight_bits", "rates", "chips", "overrides", "run", "against", "seeds")
    _refuse(options, others, "this does not go with --export")
    written = export_mapping(options.source, to=str(options.export), out=options.out, lossy=options.lossy)
    write(f"{written.path}\n")
    if written.sizes:
        write(", ".join(f"{count(n)} {what}" for what, n in written.sizes.items()) + "\n")
    for note in written.notes:
        write(f"{note}\n")
    _show_losses(written.losses)
    return EXIT_OK
