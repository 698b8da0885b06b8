"""`dtbsim map MAP --export spynnaker`: a script of PyNN for sPyNNaker with lists of neurons and connections.

sPyNNaker rounds for itself: it gets parameters and weights as the network has them, in the units of PyNN (nA, uS, nF,
mV, ms). Poisson drives become sources that the chip draws; so spikes are others than here, with the same statistics.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from dtbsim.errors import InputError, MultipleInputError
from dtbsim.interchange.base import Loss, Written
from dtbsim.interchange.folder import new_folder
from dtbsim.mapping.export import MapExporter
from dtbsim.mapping.folder import CONFIG
from dtbsim.mapping.mapping import Mapping
from dtbsim.mapping.tools.spynnaker_script import SCRIPT, VIRTUAL
from dtbsim.store.files import storage_errors, write_text

if TYPE_CHECKING:
    import pandas as pd

    from dtbsim.build.as_built import BuiltNetwork, BuiltPopulation
    from dtbsim.build.built_drives import BuiltDrive

_MEMBRANE = {
    "cm": ("C_m_pF", 1e-3), "tau_refrac": ("t_ref_ms", 1.0), "v_rest": ("E_L_mV", 1.0), "v_reset": ("V_reset_mV", 1.0),
    "v_thresh": ("V_th_mV", 1.0), "i_offset": ("I_e_pA", 1e-3),
}  # fmt: skip
_SYNAPSES = {"tau_syn_E": ("tau_syn_ex_ms", 1.0), "tau_syn_I": ("tau_syn_in_ms", 1.0)}
_REVERSAL = {"e_rev_E": ("E_ex_mV", 1.0), "e_rev_I": ("E_in_mV", 1.0)}
_TAU = {"tau_m": ("tau_m_ms", 1.0)}
CELLS: dict[str, tuple[str, dict[str, tuple[str, float]], float]] = {
    "iaf_psc_exp": ("IF_curr_exp", _MEMBRANE | _TAU | _SYNAPSES, 1e-3),
    "iaf_psc_alpha": ("IF_curr_alpha", _MEMBRANE | _TAU | _SYNAPSES, 1e-3),
    "iaf_psc_delta": ("IF_curr_delta", _MEMBRANE | _TAU, 1.0),
    "iaf_cond_exp": ("IF_cond_exp", _MEMBRANE | _SYNAPSES | _REVERSAL, 1e-3),
}
"""By model here: the cell of PyNN, its parameters with factors, and the factor of weights."""
_CHIPS = ("spinnaker1", "spinnaker2")


class SpynnakerExporter(MapExporter):
    """`run_spynnaker.py` with `network.npz` and `network.json`; `--virtual` maps without a machine."""

    summary = "PyNN script for sPyNNaker with lists of connections"

    def write(self, made: Mapping, target: Path, *, lossy: bool) -> Written:
        """Write a new folder; InputError, a line for each, for what sPyNNaker cannot say. Losses are never refused."""
        from dtbsim.api import build

        if made.chip.name not in _CHIPS:
            raise InputError(
                f"sPyNNaker is not for {made.chip.name}", where=str(made.path), remedy=f"map to {' or '.join(_CHIPS)}"
            )
        built = build(made.path / CONFIG)
        _refuse(built)
        arrays, listing = dict(_neurons(built)), _listing(built, made)
        with new_folder(target) as folder:
            n_synapses = 0
            for name, values in _synapses(built):
                arrays |= values
                n_synapses += next(iter(values.values())).shape[0]
                listing["projections"].append(name)
            for name, values in _drives(built):
                arrays |= values
                listing["drives"].append(name)
            with storage_errors(folder):
                np.savez(folder / "network.npz", **arrays)
                (folder / "virtual").mkdir()
            write_text(folder / "network.json", json.dumps(listing, indent=2) + "\n")
            write_text(folder / "virtual" / ".spynnaker.cfg", VIRTUAL.format(version=_board(made)))
            write_text(folder / "run_spynnaker.py", SCRIPT)
        notes = (
            "run it with: python run_spynnaker.py, in an environment with sPyNNaker; --virtual only maps it",
            f"expected: {sum(_slices(listing).values())} cores with neurons",
        )
        sizes = {"populations": len(listing["populations"]), "synapses": n_synapses}
        return Written(target, sizes, tuple(_losses(built)), notes)


def _board(made: Mapping) -> int:
    if made.chip.name == "spinnaker1":
        return 5
    return 201 if made.placed.n_chips == 1 else 248


def _slices(listing: dict[str, Any]) -> dict[str, int]:
    most = listing["neurons_per_core"]
    return {item["name"]: -(-item["size"] // most) for item in listing["populations"] if item["cell"] in _CELL_NAMES}


_CELL_NAMES = tuple(cell for cell, _, _ in CELLS.values())


def _families(built: BuiltNetwork) -> Iterator[tuple[str, Any, BuiltPopulation]]:
    for family in built.network.families:
        population = built.populations[family.name]
        if population.size:
            yield family.name, family, population


def _refuse(built: BuiltNetwork) -> None:
    mistakes = []
    for name, family, _ in _families(built):
        emits = family.declared.emits
        if emits == "its own" and family.declared.name not in CELLS:
            mistakes.append(
                InputError(
                    f"the model {family.declared.name} is no cell of sPyNNaker here", where=f"populations.{name}",
                    remedy=f"allowed: {', '.join(CELLS)}",
                )
            )  # fmt: skip
        if emits == "poisson":
            mistakes.append(
                InputError("poisson_source has no form here", where=f"populations.{name}", remedy="use a drive")
            )
    for projection in built.network.projections:
        if projection.dynamics is not None:
            mistakes.append(
                InputError(
                    f"synapses of kind '{projection.dynamics.model.name}' are not written", where=projection.key_path,
                    remedy="map static synapses",
                )
            )  # fmt: skip
    for name, drive in built.drives.items():
        if drive.kind not in ("poisson", "events"):
            mistakes.append(
                InputError(
                    f"input of kind '{drive.kind}' is not written", where=f"drives.{name}",
                    remedy="use Poisson input, listed spikes, or I_e_pA",
                )
            )  # fmt: skip
    if mistakes:
        raise mistakes[0] if len(mistakes) == 1 else MultipleInputError(mistakes)


def _listing(built: BuiltNetwork, made: Mapping) -> dict[str, Any]:
    populations = []
    for name, family, population in _families(built):
        cell = CELLS[family.declared.name][0] if family.declared.emits == "its own" else "SpikeSourceArray"
        populations.append({"name": name, "cell": cell, "size": population.size})
    network = built.network
    return {
        "name": network.name,
        "dt_ms": network.dt_ms,
        "duration_ms": network.n_steps * network.dt_ms,
        "neurons_per_core": round(made.chip["size.neurons_per_core"]),
        "populations": populations,
        "projections": [],
        "drives": [],
    }


def _neurons(built: BuiltNetwork) -> Iterator[tuple[str, Any]]:
    """Yield arrays of parameters, initial potentials, and listed spikes, by neuron of each population."""
    for name, family, population in _families(built):
        if family.declared.emits != "its own":
            spikes = population.spikes
            yield f"{name}/spike_neuron", np.searchsorted(population.gids, spikes["gid"].to_numpy())
            yield f"{name}/spike_ms", spikes["time_ms"].to_numpy()
            continue
        table = population.parameters
        _, parameters, _ = CELLS[family.declared.name]
        for key, (own, factor) in parameters.items():
            yield f"{name}/{key}", _shortened(table[own].to_numpy() * factor)
        if "g_L_nS" in table:
            yield f"{name}/tau_m", _shortened((table["C_m_pF"] / table["g_L_nS"]).to_numpy())
        yield f"{name}/v", _shortened(population.initial_states["V_m_mV"].to_numpy())


def _shortened(values: Any) -> Any:
    """One number where all are equal."""
    return values[:1] if values.size and (values == values[0]).all() else values


def _synapses(built: BuiltNetwork) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """Yield an entry and its list for each projection and sign: source, target, weight (its size), delay in ms."""
    import pandas as pd

    for name, projection in built.projections.items():
        family = built.network.families[built.network.projections[_index(built, name)].target_family]
        factor = CELLS[family.declared.name][2]
        whole = pd.concat(list(projection.synapses()), ignore_index=True)
        ends = [
            np.searchsorted(built.populations[end].gids, whole[f"{side}_gid"].to_numpy())
            for end, side in ((projection.source, "source"), (projection.target, "target"))
        ]
        for sign, receptor in _signs(projection.receptors, whole):
            key = f"{name}/{receptor}"
            columns = [ends[0][sign], ends[1][sign], np.abs(whole["weight"].to_numpy()[sign]) * factor]
            listed = np.column_stack([*columns, whole["delay_ms"].to_numpy()[sign]])
            entry = {"name": key, "source": projection.source, "target": projection.target, "receptor": receptor}
            if len(listed):
                yield entry, {f"connections/{key}": listed}


def _signs(receptors: dict[str, float], whole: pd.DataFrame) -> Iterator[tuple[Any, str]]:
    """Which synapses go to which receptor of PyNN; the port that is named counts, else the sign."""
    weight = whole["weight"].to_numpy()
    if set(receptors) == {"in"}:
        yield np.ones(weight.size, np.bool_), "inhibitory"
        return
    yield weight >= 0, "excitatory"
    yield weight < 0, "inhibitory"


def _index(built: BuiltNetwork, name: str) -> int:
    return [projection.name for projection in built.network.projections].index(name)


def _drives(built: BuiltNetwork) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    for name, drive in built.drives.items():
        reached = drive.neurons
        for family, _, population in _families(built):
            inside = reached[reached.index.isin(population.gids)]
            if not len(inside):
                continue
            declared = built.network.families[[f.name for f in built.network.families].index(family)].declared.name
            neuron = np.searchsorted(population.gids, inside.index.to_numpy())
            weight = inside["weight"].to_numpy() * CELLS[declared][2]
            key = f"{name}/{family}"
            values = {f"drives/{key}/neuron": neuron, f"drives/{key}/weight": weight}
            yield {"name": key, "target": family, "kind": drive.kind}, values | _input(drive, built, inside, key)


def _input(drive: BuiltDrive, built: BuiltNetwork, inside: pd.DataFrame, key: str) -> dict[str, Any]:
    if drive.kind == "poisson":
        middle = built.network.n_steps // 2 * built.dt_ms
        rates = drive.rates_hz([middle])[inside.index.to_numpy()].to_numpy()[0]
        return {f"drives/{key}/rate_hz": rates}
    events = drive.events
    at = np.searchsorted(inside.index.to_numpy(), events["gid"].to_numpy())
    own = events["gid"].isin(inside.index).to_numpy()
    return {f"drives/{key}/spike_neuron": at[own], f"drives/{key}/spike_ms": events["time_ms"].to_numpy()[own]}


def _losses(built: BuiltNetwork) -> Iterator[Loss]:
    yield Loss("floating point", "populations, projections", "fixed point, as sPyNNaker rounds", True)
    for name, drive in built.drives.items():
        if drive.kind == "poisson":
            yield Loss("the draws of a Poisson drive", f"drives.{name}", "sources that draw others, at one rate", True)


SPYNNAKER = SpynnakerExporter()
