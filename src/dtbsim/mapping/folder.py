"""The folder of a mapping.

map.json        sizes, traffic, energy, losses, in plain numbers, with the checksum of map.npz
map.npz         arrays: where every neuron is, what every core holds, messages, and all numbers of the chip
chip.yaml       the description of the chip that was used
config.yaml     the configuration of the network; inputs/ and models/ hold what it names
network/        the configuration that runs as the chip does, with its lists
report.html     all of it to look at
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from dtbsim.chips.chip import Chip
from dtbsim.chips.read import chip_text, read_chip
from dtbsim.errors import InputError
from dtbsim.files import read_npz
from dtbsim.interchange.base import Loss
from dtbsim.mapping.energy import Cost, Energy
from dtbsim.mapping.loads import Loads
from dtbsim.mapping.mapping import Mapping, Placed
from dtbsim.mapping.placement import mesh_of
from dtbsim.mapping.traffic import Traffic
from dtbsim.paths import user_path
from dtbsim.store.files import read_checked, sha256_of_file, storage_errors, write_checked, write_text

JSON, ARRAYS, CHIP, CONFIG, NETWORK, REPORT = (
    "map.json",
    "map.npz",
    "chip.yaml",
    "config.yaml",
    "network",
    "report.html",
)
VERSION = 1
_WHOLE = "map the network again"
_LOADS = ("neurons", "synapses", "bytes", "axons_in", "axons_out")


def keep_config(source: Any, overrides: Any, folder: Path) -> Path:
    """Write the configuration of the network, with what it names beside it as in run folders; return its path."""
    from dtbsim.config.dump import dump_config
    from dtbsim.given import resolve
    from dtbsim.run_folder.claim import RunFolder
    from dtbsim.run_folder.inputs import find_inputs, keep_inputs
    from dtbsim.simulate.own_models import own_models

    config, base_dir, _ = resolve(source, overrides)
    kept = RunFolder(folder, "")
    models = own_models(config, base_dir)
    models.write(kept)
    config, _ = keep_inputs(find_inputs(config, base_dir), models.config, kept)
    write_text(folder / CONFIG, dump_config(config))
    return folder / CONFIG


def write_mapping(made: Mapping, folder: Path) -> None:
    """Write everything of a mapping to a folder that is there and holds its configuration."""
    from dtbsim.mapping.page import write_page

    write_text(folder / CHIP, chip_text(made.chip))
    arrays = dict(arrays_of(made))
    with storage_errors(folder / ARRAYS):
        np.savez_compressed(folder / ARRAYS, **arrays)
    if made.conversion is not None:
        made.conversion.write(folder / NETWORK)
    write_checked(folder / JSON, summary_of(made) | {"arrays_sha256": sha256_of_file(folder / ARRAYS)})
    write_page(made, folder / REPORT)


def summary_of(made: Mapping) -> dict[str, Any]:
    """Return what map.json holds."""
    placed = made.placed
    return {
        "mapping": VERSION,
        "network": made.name,
        "chip": made.chip.name,
        "dt_ms": made.dt_ms,
        "partition": made.method,
        "sizes": made.sizes,
        "populations": {name: int(gids.size) for name, gids in made.populations.items()},
        "traffic": asdict(made.traffic),
        "traffic_before_placement": asdict(made.before),
        "energy": [asdict(cost) for cost in made.energy.costs],
        "energy_joules": made.energy.joules,
        "exponents": _exponents(made),
        "n_chips": placed.n_chips,
        "losses": [asdict(loss) for loss in made.losses],
        "notes": list(made.notes),
    }


def _exponents(made: Mapping) -> list[dict[str, Any]]:
    if made.conversion is None:
        return []
    found = sorted(made.conversion.exponents.items())
    return [{"core": core, "receptor": receptor, "exponent": value} for (core, receptor), value in found]


def arrays_of(made: Mapping) -> Iterator[tuple[str, Any]]:
    """Yield names and arrays of map.npz: by gid, by used core, messages, and the numbers of the chip."""
    placed = made.placed
    for name, values in (("chip", placed.chip), ("core", placed.core), ("slot", placed.slot)):
        yield name, values.astype(np.int32)
    yield "rate_hz", made.rates_hz
    yield "core_number", placed.order.astype(np.int32)
    for name in _LOADS:
        values = getattr(made.loads, name)
        if values is not None:
            yield f"core_{name}", values
    between = made.between.tocoo()
    yield "message_from", between.row.astype(np.int32)
    yield "message_to", between.col.astype(np.int32)
    yield "messages_hz", between.data
    for name, gids in made.populations.items():
        yield f"population/{name}/gid", gids
    yield from made.numbers.items()


def conversion_arrays(conversion: Any) -> Iterator[tuple[str, Any]]:
    """Yield names and arrays of a conversion: parameters of neurons, synapses, input from outside."""
    if conversion is None:
        return
    for name, population in conversion.populations.items():
        kinds = ("parameter", population.parameters), ("initial", population.initial), ("wanted", population.wanted)
        for what, values in kinds:
            for key, value in values.items():
                yield f"population/{name}/{what}/{key}", value
    for name, projection in conversion.projections.items():
        for key in ("source_gid", "target_gid", "mantissa", "exponent", "delay_steps", "wanted"):
            yield f"projection/{name}/{key}", getattr(projection, key)
    for name, drive in conversion.drives.items():
        for key in ("step", "gid", "weight", "mantissa", "exponent"):
            yield f"drive/{name}/{key}", getattr(drive, key)


def open_mapping(folder: str | os.PathLike[str]) -> Mapping:
    """Return the mapping in a folder that `map_network` wrote. Raises InputError where it is none, or damaged."""
    path = user_path(os.fspath(folder))
    if not (path / JSON).is_file():
        raise InputError(
            "this is no mapping", where=str(path), remedy="`dtbsim map CONFIG --to CHIP --out MAP` makes one"
        )
    found = read_checked(path / JSON, missing=_WHOLE, old=False)
    if found.get("mapping") != VERSION:
        raise InputError(
            f"mapping {found.get('mapping')}; this version reads {VERSION}", where=str(path), remedy=_WHOLE
        )
    try:
        digest = sha256_of_file(path / ARRAYS)
    except OSError:
        digest = None
    if digest != found["arrays_sha256"]:
        raise InputError("it is missing, or not as it was written", where=str(path / ARRAYS), remedy=_WHOLE)
    return _mapping(path, found, read_npz(path / ARRAYS), read_chip(path / CHIP))


def _loads(arrays: dict[str, Any]) -> Loads:
    neurons, synapses, axons_in, axons_out = (arrays[f"core_{name}"] for name in _LOADS if name != "bytes")
    return Loads(neurons, synapses, arrays.get("core_bytes"), axons_in, axons_out)


def _mapping(path: Path, found: dict[str, Any], arrays: dict[str, Any], chip: Chip) -> Mapping:
    from scipy.sparse import coo_array

    used = arrays["core_number"].size
    entries = (arrays["messages_hz"], (arrays["message_from"], arrays["message_to"]))
    return Mapping(
        path=path,
        chip=chip,
        name=found["network"],
        dt_ms=found["dt_ms"],
        method=found["partition"],
        placed=Placed(
            arrays["core"].astype(np.int64), arrays["slot"].astype(np.int64), used, found["n_chips"],
            mesh_of(chip, found["n_chips"]), arrays["core_number"].astype(np.int64),
        ),
        populations={name: arrays[f"population/{name}/gid"] for name in found["populations"]},
        loads=_loads(arrays),
        between=coo_array(entries, shape=(used, used)).tocsr(),
        rates_hz=arrays["rate_hz"],
        traffic=Traffic(**found["traffic"]),
        before=Traffic(**found["traffic_before_placement"]),
        energy=Energy(tuple(Cost(**cost) for cost in found["energy"])),
        losses=tuple(Loss(**loss) for loss in found["losses"]),
        notes=tuple(found["notes"]),
        numbers={name: values for name, values in arrays.items() if "/" in name},
    )  # fmt: skip
