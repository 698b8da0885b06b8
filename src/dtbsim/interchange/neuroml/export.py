"""`dtbsim export CONFIG --to neuroml DIR --lossy`: equations of its models, a small network, and a LEMS simulation."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

from dtbsim.build.as_built import BuiltNetwork
from dtbsim.clock import time_of
from dtbsim.errors import InputError
from dtbsim.interchange.base import Exporter, Loss, Written, refuse_losses
from dtbsim.interchange.folder import new_folder
from dtbsim.interchange.losses import plasticity_loss, run_losses, source_losses
from dtbsim.interchange.neuroml.cells import Cells, cells_of, component
from dtbsim.interchange.neuroml.network import NetworkWriter
from dtbsim.interchange.neuroml.types import CORE, component_types, form_of, lems_name, write_xml
from dtbsim.spec.network import Network

_NAMESPACE = "http://www.neuroml.org/schema/neuroml2"
_SCHEMA = "http://www.w3.org/2001/XMLSchema-instance"
_LOCATION = f"{_NAMESPACE} https://raw.github.com/NeuroML/NeuroML2/development/Schemas/NeuroML2/NeuroML_v2.3.xsd"
MOST_TRACES = 100


class NeuroMLExporter(Exporter):
    """models.xml (ComponentTypes), cells.xml (components), NAME.net.nml, and LEMS_NAME.xml, which runs them."""

    takes = "network"
    summary = "NeuroML 2 and LEMS: equations of the models and a small network, for jNeuroML (spikes differ: --lossy)"

    def write(self, source: BuiltNetwork, target: Path, *, lossy: bool, **options: Any) -> Written:
        """Write `target`, a new folder."""
        losses = tuple(losses_of(source))
        refuse_losses(losses, lossy)
        network = source.network
        cells = cells_of(source)
        name = "".join(letter if letter.isalnum() or letter == "_" else "_" for letter in network.name)
        with new_folder(target) as root:
            writer = NetworkWriter(source, cells)
            element = writer.element()
            write_xml(root / "models.xml", component_types([item.model for item in cells.values()]))
            neurons = [component(item, part) for item in cells.values() for part in range(len(item.names))]
            parts = [*neurons, *writer.synapses.values(), *writer.sources]
            own = [item for item in parts if item.tag == "Component"]
            if own:
                write_xml(root / "cells.xml", _components(own))
            write_xml(root / f"{name}.net.nml", _document(name, parts, element))
            write_xml(root / f"LEMS_{name}.xml", _simulation(network, name, cells, own=bool(own)))
        sizes = {
            "neurons": sum(sum(item.sizes) for item in cells.values()),
            "connections": writer.n_connections,
            "input spikes": writer.n_spikes,
        }
        return Written(target, sizes, losses, (f"pynml {target}/LEMS_{name}.xml -nogui runs it with jNeuroML",))


NEUROML = NeuroMLExporter()


def losses_of(built: BuiltNetwork) -> Iterator[Loss]:
    """Everything of a network that is lost."""
    network = built.network
    if network.regions is not None:
        raise InputError(
            "mean-field regions have no form here", where="populations", remedy="export populations of neurons"
        )
    yield Loss(
        "LEMS gives equations to integrate, not the steps of dtbsim", "populations",
        "equations; spikes come near those of dtbsim as both steps get small", True,
    )  # fmt: skip
    yield from source_losses(network)
    for family in network.families:
        if not family.declared.is_source:
            try:
                form_of(family.declared)
            except InputError as error:
                raise InputError(error.message, where=f"{family.key_path}.model", remedy=error.remedy) from None
    for projection in network.projections:
        yield from plasticity_loss(projection)
    for drive in network.drives:
        if drive.kind in ("noise", "trains"):
            yield Loss(
                f"a drive of kind '{drive.kind}' is drawn while the network runs",
                drive.key_path or f"drives.{drive.name}", "it is left out", True,
                "give its input as spike_trains or step_current",
            )  # fmt: skip
        model = network.families[network.populations[drive.population].family].declared
        if drive.kind == "current" and model.current_unit != "pA":
            yield Loss(
                f"a current in {model.current_unit}, which NeuroML has not", drive.key_path or f"drives.{drive.name}",
                "it is left out", True,
            )  # fmt: skip
    yield from run_losses(network)


def _components(own: list[ET.Element]) -> ET.Element:
    """The components of types of LEMS, which the schema of NeuroML does not know."""
    root = ET.Element("Lems")
    ET.SubElement(root, "Include", file="models.xml")
    root.extend(own)
    return root


_ORDER = (
    "alphaCurrentSynapse", "alphaSynapse", "expOneSynapse", "pulseGenerator", "spikeArray", "IF_curr_alpha",
    "IF_curr_exp", "IF_cond_alpha", "IF_cond_exp", "expCurrSynapse",
)  # fmt: skip
"""In which the schema wants elements."""


def _document(name: str, parts: list[ET.Element], element: ET.Element) -> ET.Element:
    root = ET.Element(
        "neuroml",
        {"xmlns": _NAMESPACE, "xmlns:xsi": _SCHEMA, "xsi:schemaLocation": _LOCATION, "id": f"doc_{name}"},
    )
    core = [item for item in parts if item.tag != "Component"]
    root.extend(sorted(core, key=lambda item: _ORDER.index(item.tag)))
    root.append(element)
    return root


def _simulation(network: Network, name: str, cells: dict[int, Cells], *, own: bool) -> ET.Element:
    """A simulation that saves all spikes, and the potentials that the configuration records."""
    root = ET.Element("Lems")
    ET.SubElement(root, "Target", component="simulation")
    for file in (*CORE, *(["cells.xml"] if own else []), f"{name}.net.nml"):
        ET.SubElement(root, "Include", file=file)
    made = ET.SubElement(
        root, "Simulation", id="simulation", length=f"{time_of(network.n_steps, network.dt_ms):g}ms",
        step=f"{network.dt_ms:g}ms", target=name,
    )  # fmt: skip
    spikes = ET.SubElement(made, "EventOutputFile", id="spikes", fileName="spikes.dat", format="ID_TIME")
    for item in cells.values():
        for neuron, (part, index) in enumerate(zip(item.part.tolist(), item.index.tolist(), strict=True)):
            where = f"{item.names[part]}[{index}]"
            ET.SubElement(spikes, "EventSelection", id=str(item.gid0 + neuron), select=where, eventPort="spike")
    columns = [*_recorded(network, cells)]
    if columns:
        output = ET.SubElement(made, "OutputFile", id="states", fileName="states.dat")
        for column, quantity in columns[:MOST_TRACES]:
            ET.SubElement(output, "OutputColumn", id=column, quantity=quantity)
    return root


def _recorded(network: Network, cells: dict[int, Cells]) -> Iterator[tuple[str, str]]:
    """Columns of the states that `record.states` names, where the equations have them."""
    for request in network.samples[: network.records.states]:
        item = cells.get(request.family)
        if item is None:
            continue
        chosen = range(min(request.neurons, item.part.size)) if isinstance(request.neurons, int) else request.neurons
        for state in request.variables:
            if state in form_of(item.model).states:
                for neuron in chosen:
                    where = f"{item.names[int(item.part[neuron])]}[{int(item.index[neuron])}]"
                    yield f"{state}_{item.gid0 + neuron}", f"{where}/{lems_name(state)}"
