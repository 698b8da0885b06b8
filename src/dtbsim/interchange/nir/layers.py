"""The neurons of a network as one layer of NIR, and what of them it cannot say."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from dtbsim.build.as_built import BuiltNetwork
from dtbsim.errors import InputError
from dtbsim.interchange.base import Loss
from dtbsim.interchange.losses import plasticity_loss, run_losses, source_losses
from dtbsim.interchange.nir.readers import Layer, Reader
from dtbsim.models import get_model
from dtbsim.models.integration import propagator_exp, refractory_steps
from dtbsim.spec.network import Network

KINDS = {"iaf_psc_delta": "LIF", "iaf_psc_exp": "CubaLIF"}
_PORTS = ("ex", "in")


@dataclass(frozen=True)
class Place:
    """Neurons of a population of the configuration in the layer: `first` to `first + size`."""

    family: int
    name: str
    gid0: int
    first: int
    size: int


def places_of(network: Network) -> list[Place]:
    """Return where neurons go, in the order of gids; InputError where they are no one layer."""
    found: list[Place] = []
    first = 0
    for index, family in enumerate(network.families):
        members = [network.populations[k] for k in family.populations.tolist()]
        size = sum(member.size for member in members)
        if family.declared.is_source:
            continue
        if family.declared.name not in KINDS:
            known = ", ".join(f"{name} ({kind})" for name, kind in KINDS.items())
            raise InputError(
                f"NIR has no neurons as those of '{family.declared.name}'", where=f"{family.key_path}.model",
                remedy=f"use one of {known}",
            )  # fmt: skip
        found.append(Place(index, family.name, members[0].gid0, first, size))
        first += size
    if not first:
        raise InputError("there are no neurons", where="populations", remedy="add a population of neurons")
    models = sorted({network.families[place.family].declared.name for place in found})
    if len(models) > 1:
        raise InputError(
            f"populations of {' and '.join(models)} are no one layer", where="populations", remedy="use one model"
        )
    return found


def layer_of(built: BuiltNetwork, places: list[Place]) -> Layer:
    """Return the constants of all neurons."""
    tables = [built.populations[place.name].parameters for place in places]
    values = {name: np.concatenate([table[name].to_numpy(np.float64) for table in tables]) for name in tables[0]}
    dt_ms, tau_m = built.dt_ms, values["tau_m_ms"]
    constants = get_model(built.populations[places[0].name].model).derive(values, dt_ms)
    tau_syn = _tau_syn(built, places, values) if "tau_syn_ex_ms" in values else None
    return Layer(
        tau_m_ms=tau_m,
        tau_syn_ms=tau_syn,
        **{name: values[name] for name in ("C_m_pF", "E_L_mV", "V_th_mV", "V_reset_mV", "I_e_pA")},
        P22=np.asarray(constants["P22"]),
        P20=np.asarray(constants["P20"]),
        P11=None if tau_syn is None else np.exp(-dt_ms / tau_syn),
        P21=None if tau_syn is None else np.asarray(propagator_exp(tau_syn, tau_m, values["C_m_pF"], dt_ms)),
    )


def used_ports(built: BuiltNetwork, place: Place) -> list[str]:
    """Ports of a population that synapses or drives feed, in the order of the model."""
    network, used = built.network, set()
    family = network.families[place.family]
    for projection in network.projections:
        if projection.target_family == place.family:
            used |= set(built.projections[projection.name].receptors)
    for drive in network.drives:
        if network.populations[drive.population].family == place.family and drive.channel >= 0:
            fed = dict(family.channels[drive.channel].mix)
            used |= {row.name for row in family.model.receptors if row.channel in fed}
    return [name for name in _PORTS if name in used] or ["ex"]


def _tau_syn(built: BuiltNetwork, places: list[Place], values: dict[str, np.ndarray]) -> np.ndarray:
    """Time constant of the port that is used; of both where they are the same."""
    parts = [
        values[f"tau_syn_{used_ports(built, place)[0]}_ms"][place.first : place.first + place.size] for place in places
    ]
    return np.concatenate(parts)


def losses_of(built: BuiltNetwork, reader: Reader) -> Iterator[Loss]:
    """Everything of a network that is lost with this reader."""
    network = built.network
    if network.regions is not None:
        raise InputError(
            "mean-field regions have no form in NIR", where="populations", remedy="export populations of neurons"
        )
    places = places_of(network)
    if not reader.steps:
        yield Loss(
            "NIR has no time step: each program integrates in its own way", "--reader", "the equations", True,
            "choose --reader norse or snntorch",
        )  # fmt: skip
    for place in places:
        yield from _neuron_losses(built, place, reader)
    if reader.name == "snntorch":
        _check_one_threshold(built, places)
    yield from source_losses(network)
    for projection in network.projections:
        yield from plasticity_loss(projection)
        yield from _delay_losses(network, projection.index, reader)
    for drive in network.drives:
        yield from _drive_losses(network, drive.index, reader)
    yield from run_losses(network)


def _neuron_losses(built: BuiltNetwork, place: Place, reader: Reader) -> Iterator[Loss]:
    where = built.network.families[place.family].key_path
    population = built.populations[place.name]
    p, states = population.parameters, population.initial_states
    if np.any(refractory_steps(p["t_ref_ms"].to_numpy(), built.dt_ms) > 0):
        yield Loss("the refractory period", f"{where}.parameters.t_ref_ms", "none", True, "set it to 0")
    if reader.steps and not np.array_equal(p["V_reset_mV"], p["E_L_mV"]):
        yield Loss(
            f"{reader.name} resets to 0, the resting potential", f"{where}.parameters.V_reset_mV", "E_L_mV", True,
            "set it to E_L_mV",
        )  # fmt: skip
    if not np.array_equal(states["V_m_mV"], p["E_L_mV"]):
        yield Loss("initial potentials", f"{where}.initial.V_m_mV", "E_L_mV", True, "begin at E_L_mV")
    for name in states:
        if name.startswith("I_syn") and np.any(states[name] != 0):
            yield Loss("initial currents", f"{where}.initial.{name}", "0", True, "begin at 0")
    if population.model != "iaf_psc_exp":
        return
    if reader.steps and np.any(p["I_e_pA"] != 0):
        yield Loss(
            "a constant current, which readers lead through the synapse", f"{where}.parameters.I_e_pA", "none", True,
            "set it to 0, or use iaf_psc_delta",
        )  # fmt: skip
    ports = used_ports(built, place)
    if len(ports) == 2 and not np.array_equal(p["tau_syn_ex_ms"], p["tau_syn_in_ms"]):
        yield Loss(
            "CubaLIF has one synaptic time constant", f"{where}.parameters.tau_syn_in_ms", "tau_syn_ex_ms for both",
            True, "set both to one value",
        )  # fmt: skip


def _check_one_threshold(built: BuiltNetwork, places: list[Place]) -> None:
    for place in places:
        p = built.populations[place.name].parameters
        first = built.populations[places[0].name].parameters
        above = (p["V_th_mV"] - p["E_L_mV"]).to_numpy(np.float32)
        if np.any(above != np.float32(first["V_th_mV"].iloc[0] - first["E_L_mV"].iloc[0])):
            raise InputError(
                "snnTorch takes one threshold (V_th - E_L) for all neurons",
                where=f"{built.network.families[place.family].key_path}.parameters.V_th_mV",
                remedy="give one value, or choose --reader norse",
            )


def _delay_losses(network: Network, index: int, reader: Reader) -> Iterator[Loss]:
    """Between neurons the delay of a reader is one step, where the potential jumps; it has none with currents."""
    projection = network.projections[index]
    source = network.families[projection.source_family].declared
    if source.is_source:
        return
    where = projection.key_path
    low, high = projection.delay_range(network.dt_ms)
    if not reader.steps:
        if low != high:
            yield Loss("delays that differ", f"{where}.delay_ms", "the shortest", True, "give one delay")
        return
    if not reader.recurrent:
        yield Loss(
            f"{reader.name} does not read recurrent layers rightly", where, "a recurrent layer", True,
            "choose --reader norse",
        )  # fmt: skip
    if network.families[projection.target_family].declared.name == "iaf_psc_exp":
        yield Loss(
            "readers let a spike act on the potential one step earlier than the shortest delay does", where,
            "a recurrent layer", True, "use iaf_psc_delta, or only input from spike_source and drives",
        )  # fmt: skip
    elif (low, high) != (1, 1):
        yield Loss("delays other than one step", f"{where}.delay_ms", "one step", True, f"set it to {network.dt_ms:g}")


def _drive_losses(network: Network, index: int, reader: Reader) -> Iterator[Loss]:
    parts = [drive for drive in network.drives if drive.index == index]
    drive = parts[0]
    where = drive.key_path or f"drives.{drive.name}"
    if drive.kind in ("noise", "trains"):
        yield Loss(
            f"a drive of kind '{drive.kind}' is drawn while the network runs", where, "it is left out", True,
            "give its input as spike_trains or step_current",
        )  # fmt: skip
    model = network.families[network.populations[drive.population].family].declared.name
    if drive.kind == "current" and model == "iaf_psc_exp":
        yield Loss(
            "a current, which readers lead through the synapse", where, "it is left out", True, "use iaf_psc_delta"
        )
