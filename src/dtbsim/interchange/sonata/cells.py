"""Types of SONATA nodes as populations: the model that a template means, its parameters, and where every node goes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dtbsim.errors import InputError, did_you_mean
from dtbsim.interchange.base import Loss
from dtbsim.interchange.sonata.glif import MECHANISMS, as_glif_psc
from dtbsim.interchange.sonata.models import FROM_NEST, MODELS, NestModel, from_nest_lists, nest_name, own_names
from dtbsim.interchange.sonata.nodes_read import Nodes
from dtbsim.interchange.sonata.simulation import read_json
from dtbsim.models import NeuronModel, get_model

I64 = NDArray[np.int64]
GLIF = {
    (False, False, False): "glif1_psc",
    (True, False, False): "glif2_psc",
    (False, True, False): "glif3_psc",
    (True, True, False): "glif4_psc",
    (True, True, True): "glif5_psc",
}
"""By the flags of NEST's glif_psc."""
_FLAGS = ("spike_dependent_threshold", "after_spike_currents", "adapting_threshold")
_WITHOUT_EFFECT = {
    *_FLAGS, "V_dynamics_method", "consistent_integration", "tau_minus", "tau_minus_triplet", "n_synapses", "type",
}  # fmt: skip
POINT = ("point_neuron", "point_process")
_NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9_]+")


@dataclass(eq=False)
class Cell:
    """A population to be: the nodes of one type. `places`: their positions among those of the SONATA population.

    `model` is None for virtual nodes; `drive`: the name of the drive that they were in dtbsim.
    """

    name: str
    nodes: Nodes
    places: I64
    order: tuple[float, int]
    model: NeuronModel | None = None
    entry: NestModel | None = None
    ports: dict[str, float] = field(default_factory=dict)
    parameters: dict[str, Any] = field(default_factory=dict)
    initial: dict[str, Any] = field(default_factory=dict)
    drive: str | None = None

    @property
    def size(self) -> int:
        """Number of neurons."""
        return int(self.places.size)


@dataclass(frozen=True, eq=False)
class Placed:
    """Where the nodes of a SONATA population are: `cell` int32[n] among all cells, `index` int64[n] within it."""

    nodes: Nodes
    cell: NDArray[np.int32]
    index: I64


def cells_of(populations: list[Nodes], directory: Path | None, losses: list[Loss]) -> list[Cell]:
    """Return a cell for every type of node, in the order of populations and types.

    Raises InputError for a template that is unknown (with the nearest), parameters that the model lacks, or a file of
    them that is missing.
    """
    found: list[Cell] = []
    taken: set[str] = set()
    for nodes in populations:
        ids, first = np.unique(nodes.type_id, return_index=True)
        for type_id in ids[np.argsort(first)].tolist():
            row = nodes.types.get(type_id, {})
            where = f"{nodes.path}: {nodes.name}, node_type_id {type_id}"
            places = np.flatnonzero(nodes.type_id == type_id)
            name = _name(row, nodes.name, type_id, ids.size, taken)
            order = (float(row["dtbsim_order"]) if "dtbsim_order" in row else np.inf, len(found))
            cell = Cell(name, nodes, places, order)
            _fill(cell, row, directory, where, losses)
            found.append(cell)
    return sorted(found, key=lambda cell: cell.order)


def placed(populations: list[Nodes], cells: list[Cell]) -> dict[str, Placed]:
    """Return where the nodes of every SONATA population are."""
    made = {
        nodes.name: Placed(nodes, np.full(nodes.ids.size, -1, np.int32), np.zeros(nodes.ids.size, np.int64))
        for nodes in populations
    }
    for number, cell in enumerate(cells):
        where = made[cell.nodes.name]
        where.cell[cell.places] = number
        where.index[cell.places] = np.arange(cell.size)
    return made


def _name(row: Mapping[str, Any], population: str, type_id: int, n_types: int, taken: set[str]) -> str:
    """That of the type where it has one, else of the SONATA population; each once."""
    given = str(row.get("pop_name") or (population if n_types == 1 else f"{population}_{type_id}"))
    name = _NOT_IN_NAMES.sub("_", given).strip("_") or "population"
    name = name if name[0].isalpha() else f"p_{name}"
    while name in taken:
        name = f"{name}_{type_id}"
    taken.add(name)
    return name


def _fill(cell: Cell, row: Mapping[str, Any], directory: Path | None, where: str, losses: list[Loss]) -> None:
    kind = row.get("model_type")
    if kind == "virtual":
        cell.drive = None if row.get("dtbsim_drive") is None else str(row["dtbsim_drive"])
        return
    if kind not in POINT:
        raise InputError(
            f"nodes of model_type '{kind}' cannot be simulated here", where=where,
            remedy=f"allowed: {', '.join(POINT)}, virtual",
        )  # fmt: skip
    given = _parameters(row, directory, where)
    template = str(row.get("model_template") or "")
    model_name, given = find_model(template, given, where)
    cell.entry = MODELS[model_name]
    given = _per_node(cell, given)
    if cell.entry.ports == "number":
        cell.ports = _ports(row, given, where)
        given.pop("tau_syn", None)
    cell.model = get_model(model_name, cell.ports or None)
    _take(cell, from_nest_lists(given, list(cell.ports)), where, losses)


def _parameters(row: Mapping[str, Any], directory: Path | None, where: str) -> dict[str, Any]:
    name = row.get("dynamics_params")
    if name is None:
        return {}
    if directory is None:
        raise InputError(f"parameters are in {name}, and the circuit names no point_neuron_models_dir", where=where)
    values = read_json(directory / str(name))
    if not isinstance(values, dict):
        raise InputError("holds no parameters", where=str(directory / str(name)))
    return values


def find_model(template: str, given: dict[str, Any], where: str) -> tuple[str, dict[str, Any]]:
    """Return the name here of the model that a template means, and its parameters as NEST calls them."""
    schema, _, name = template.rpartition(":")
    known = [f"nest:{nest}" for nest in (*FROM_NEST, "glif_psc", *MECHANISMS)]
    if schema not in ("nest", ""):
        raise InputError(
            f"'{template}' is no model of NEST", where=where,
            remedy="SONATA's point neurons are simulated; biophysical and other templates are not",
        )  # fmt: skip
    if name in MECHANISMS:
        try:
            given = as_glif_psc(name, given) if given.get("type") == "GLIF" or "coeffs" in given else given
        except (KeyError, TypeError, ValueError, ZeroDivisionError) as error:
            raise InputError(f"its parameters are not those of a GLIF model: {error}", where=where) from None
        name, given = "glif_psc", dict(zip(_FLAGS, MECHANISMS[name], strict=True)) | given
    if name == "glif_psc":
        flags = tuple(bool(given.get(flag, False)) for flag in _FLAGS)
        variant = GLIF.get(flags)  # type: ignore[arg-type]
        if variant is None or variant not in MODELS:
            raise InputError(
                f"glif_psc with {', '.join(f for f, on in zip(_FLAGS, flags, strict=True) if on)} is not known here",
                where=where, remedy=f"known: {', '.join(v for v in GLIF.values() if v in MODELS)}",
            )  # fmt: skip
        return variant, dict(given)
    if name not in FROM_NEST:
        raise InputError(
            f"unknown model template '{template}'", where=where, remedy=did_you_mean(f"nest:{name}", known)
        )
    return FROM_NEST[name], dict(given)


def _per_node(cell: Cell, given: dict[str, Any]) -> dict[str, Any]:
    """Parameters with those that the nodes have themselves in their place, as arrays where they differ."""
    names = {
        name.removeprefix("dynamics_params/")
        for columns in cell.nodes.groups.values()
        for name in columns
        if name.startswith("dynamics_params/")
    }
    for name in sorted(names):
        values = _own(cell, name)
        if values is None:
            continue
        default = given.get(name)
        if np.isnan(values).any() and isinstance(default, int | float):
            values = np.where(np.isnan(values), float(default), values)
        given[name] = float(values[0]) if (values == values[0]).all() else values
    return given


def _own(cell: Cell, name: str) -> NDArray[np.float64] | None:
    """A parameter of the nodes themselves, NaN for those without it; None where no node has it."""
    values = np.full(cell.size, np.nan)
    for number, columns in cell.nodes.groups.items():
        mine = cell.nodes.group[cell.places] == number
        key = f"dynamics_params/{name}"
        if key in columns:
            values[mine] = columns[key][cell.nodes.row[cell.places[mine]]]
    return None if np.isnan(values).all() else values


def _ports(row: Mapping[str, Any], given: dict[str, Any], where: str) -> dict[str, float]:
    """Names and time constants of numbered ports."""
    arrays = sorted(name for name in given if re.fullmatch(r"tau_syn_\d+", name))
    taus = given.get("tau_syn")
    taus = taus if isinstance(taus, list) else [taus] if isinstance(taus, int | float) else None
    if taus is None and arrays:
        taus = [float(np.ravel(given[name])[0]) for name in sorted(arrays, key=lambda x: int(x.rpartition("_")[2]))]
    if taus is None:
        taus = [2.0]  # NEST's default: one port
    named = str(row["dtbsim_ports"]).split(",") if "dtbsim_ports" in row else []
    names = named if len(named) == len(taus) else [f"port_{k + 1}" for k in range(len(taus))]
    for name in arrays:
        given[f"tau_syn_{names[int(name.rpartition('_')[2]) - 1]}"] = given.pop(name)
    if not all(isinstance(tau, int | float) and tau > 0 for tau in taus):
        raise InputError(f"tau_syn is {taus}; times above 0 are needed", where=where)
    return {name: float(tau) for name, tau in zip(names, taus, strict=True)}


def _take(cell: Cell, given: Mapping[str, Any], where: str, losses: list[Loss]) -> None:
    """Parameters and initial states by their names here."""
    assert cell.model is not None
    assert cell.entry is not None
    names = own_names(cell.model, cell.entry)
    parameters = {row.name for row in cell.model.parameters}
    for name, value in given.items():
        if name in _WITHOUT_EFFECT or (name == "asc_init" and not np.any(value)):
            continue
        if name == "asc_init" and isinstance(value, list):
            cell.initial |= {f"ASCurrent_{k + 1}_pA": float(item) for k, item in enumerate(value)}
            continue
        if name not in names or not isinstance(value, int | float | np.ndarray) or isinstance(value, bool):
            raise InputError(
                f"NEST's {cell.entry.nest} has no parameter '{name}' that is known here", where=where,
                remedy=did_you_mean(name, list(names)),
            )  # fmt: skip
        target = cell.parameters if names[name] in parameters else cell.initial
        target[names[name]] = value if isinstance(value, np.ndarray) else float(value)
    _start(cell)


def _start(cell: Cell) -> None:
    """NEST starts V_m at its own default, whatever E_L is."""
    assert cell.model is not None
    if "V_m_mV" in cell.initial or not any(row.name == "V_m_mV" for row in cell.model.states):
        return
    default = {row.name: row.default for row in cell.model.parameters}.get("E_L_mV")
    if default is not None and "E_L_mV" in cell.parameters and not np.all(cell.parameters["E_L_mV"] == default):
        cell.initial["V_m_mV"] = float(default)


def nest_names(model: NeuronModel) -> dict[str, str]:
    """States here by their names in NEST."""
    return {nest_name(row.name): row.name for row in model.states}
