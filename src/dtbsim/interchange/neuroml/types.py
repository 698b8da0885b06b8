"""ComponentTypes of LEMS for neuron models: `component_types` makes them from the equations (`forms`)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from xml.etree import ElementTree as ET

from dtbsim.errors import InputError
from dtbsim.interchange.neuroml.equations import FORMS
from dtbsim.interchange.neuroml.equations_hh import FORMS_HH
from dtbsim.interchange.neuroml.forms import Form, Jump, Synapse
from dtbsim.interchange.neuroml.formulas import Writer, results_of
from dtbsim.interchange.neuroml.units import NONE, OWN, OWN_UNITS, Exponents, unit_of, unit_with
from dtbsim.models import NeuronModel
from dtbsim.models.language import ir
from dtbsim.models.tables import Parameter, State

ALL_FORMS = FORMS | FORMS_HH
PREFIX = "dtbsim_"
CORE = ("Cells.xml", "Synapses.xml", "Inputs.xml", "PyNN.xml", "Networks.xml", "Simulation.xml")
_UNIT = re.compile(
    r"_(mV_per_ms|pA_per_ms|per_ms|uF_per_cm2|mS_per_cm2|uA_per_cm2|mV|ms|pA|nS|pF|mM)$"
)  # fmt: skip
_FIRST = ("V_m_mV",)
NMDA = f"{PREFIX}nmda_synapse"


def form_of(model: NeuronModel) -> Form:
    """Return the equations of a model; InputError where it has none that LEMS could say."""
    if model.name not in ALL_FORMS:
        known = ", ".join(sorted(ALL_FORMS))
        raise InputError(
            f"the model '{model.name}' has no equations that LEMS could say", remedy=f"those of {known} are known"
        )
    return ALL_FORMS[model.name]


def ports_of(model: NeuronModel) -> dict[str, Synapse | Jump]:
    """Return how spikes act, by port of the model."""
    form = form_of(model)
    if form.each_port is not None:
        return {row.name: Synapse(form.each_port, f"tau_syn_{row.name}_ms") for row in model.receptors}
    return dict(form.ports)


def lems_name(name: str) -> str:
    """Return the name of a parameter or state in LEMS: without its unit, the membrane potential is v."""
    return "v" if name in _FIRST else _UNIT.sub("", name)


def cell_parameters(model: NeuronModel) -> list[str]:
    """Return the parameters that the ComponentType of the cell has; those of its synapses are theirs."""
    of_synapses = {
        name
        for port in ports_of(model).values()
        if isinstance(port, Synapse)
        for name in (port.tau, port.reversal, port.magnesium)
    }
    return [row.name for row in model.parameters if row.name not in of_synapses and row.unit != "mM"] + [
        row.name for row in model.parameters if row.unit == "mM" and row.name not in of_synapses
    ]


def cell_type(model: NeuronModel) -> ET.Element:
    """Return the ComponentType of the neurons of a model, of the name `PREFIX` + name of the model."""
    return _Cell(model).element()


class _Cell:
    """Makes one ComponentType."""

    def __init__(self, model: NeuronModel) -> None:
        self._model, self._form, self._ports = model, form_of(model), ports_of(model)
        self._parameters = [model.parameter(name) for name in cell_parameters(model)]
        self._states = [model.state(name) for name in self._form.states]
        rows: list[Parameter | State] = [*self._parameters, *self._states]
        known = {row.name: (lems_name(row.name), _exponents(row.unit)) for row in rows}
        self._attached = model.current_unit == "pA"
        known["I"] = ("i_in", _exponents(model.current_unit))
        known["slope"] = ("slope", _per_ms(known[self._form.states[0]][1]))
        self._writer = Writer(known)
        self._types: dict[str, ir.Type] = dict.fromkeys(known, "f32")

    def element(self) -> ET.Element:
        """Return the whole type."""
        model = self._model
        potential = self._states[0].name in _FIRST
        root = ET.Element(
            "ComponentType", name=PREFIX + model.name, extends="baseCellMembPot" if potential else "baseSpikingCell",
            description=f"{model.summary} ({model.citation})",
        )  # fmt: skip
        for row in self._parameters:
            ET.SubElement(
                root, "Parameter", name=lems_name(row.name), dimension=_dimension(row.unit), description=row.description
            )
        for state in self._states:
            ET.SubElement(
                root, "Parameter", name=f"{lems_name(state.name)}_0", dimension=_dimension(state.unit),
                description=f"{state.description} at the beginning",
            )  # fmt: skip
        for name, port in self._ports.items():
            if isinstance(port, Jump):
                ET.SubElement(
                    root, "Parameter", name=f"weight_{name}", dimension=_dimension(model.state(port.state).unit),
                    description=f"what an event at {name} adds to {lems_name(port.state)}",
                )  # fmt: skip
        dynamics = self._dynamics()
        for exponents in sorted(self._writer.units):
            unit = unit_with(exponents)
            ET.SubElement(
                root, "Constant", name=f"ONE_{unit.symbol}", dimension=unit.dimension, value=f"1{unit.symbol}"
            )
        for state in self._states[int(potential) :]:
            ET.SubElement(root, "Exposure", name=lems_name(state.name), dimension=_dimension(state.unit))
        for name, port in self._ports.items():
            if isinstance(port, Jump):
                ET.SubElement(root, "EventPort", name=name, direction="in")
        if self._attached:
            ET.SubElement(root, "Attachments", name="synapses", type="basePointCurrent")
        root.append(dynamics)
        return root

    def _dynamics(self) -> ET.Element:
        form, writer = self._form, self._writer
        made = ET.Element("Dynamics")
        for state in self._states:
            name = lems_name(state.name)
            ET.SubElement(made, "StateVariable", name=name, dimension=_dimension(state.unit), exposure=name)
        if form.t_ref is not None:
            ET.SubElement(made, "StateVariable", name="ready", dimension="time")
        if self._attached:
            ET.SubElement(
                made, "DerivedVariable", name="i_in", dimension="current", select="synapses[*]/i", reduce="add"
            )
        rates = self._expressions(form.rates)
        held: list[tuple[str, str, str]] = []
        derivatives: list[tuple[str, str]] = []
        for state, rate in zip(self._states, rates, strict=True):
            name, exponents = lems_name(state.name), _per_ms(_exponents(state.unit))
            writer.prefix = f"part_of_{name}"
            text = writer.value(rate, exponents)
            if state.name in form.held and form.t_ref is not None:
                held.append((f"rate_{name}", unit_with(exponents).dimension, text))
                text = f"rate_{name}"
            derivatives.append((name, text))
        uses_slope = self._uses_slope()
        if uses_slope:
            dimension = unit_with(_per_ms(_exponents(self._states[0].unit))).dimension
            ET.SubElement(made, "DerivedVariable", name="slope", dimension=dimension, value=derivatives[0][1])
        spike = writer.condition(self._expressions(form.spike)[0])
        for choice in writer.choices:
            item = ET.SubElement(made, "ConditionalDerivedVariable", name=choice.name, dimension=choice.dimension)
            ET.SubElement(item, "Case", condition=choice.condition, value=choice.then)
            ET.SubElement(item, "Case", condition=choice.opposite, value=choice.otherwise)
        for name, dimension, text in held:
            item = ET.SubElement(made, "ConditionalDerivedVariable", name=name, dimension=dimension)
            ET.SubElement(item, "Case", condition="t .lt. ready", value="0")
            ET.SubElement(item, "Case", condition="t .geq. ready", value=text)
        for name, text in derivatives:
            ET.SubElement(made, "TimeDerivative", variable=name, value="slope" if uses_slope and name == "v" else text)
        self._events(made, spike)
        return made

    def _events(self, made: ET.Element, spike: str) -> None:
        """What happens at the beginning, at events, and at spikes."""
        form, writer = self._form, self._writer
        start = ET.SubElement(made, "OnStart")
        for state in self._states:
            name = lems_name(state.name)
            ET.SubElement(start, "StateAssignment", variable=name, value=f"{name}_0")
        if form.t_ref is not None:
            ET.SubElement(start, "StateAssignment", variable="ready", value="0")
        for name, port in self._ports.items():
            if isinstance(port, Jump):
                event = ET.SubElement(made, "OnEvent", port=name)
                jumping = lems_name(port.state)
                ET.SubElement(event, "StateAssignment", variable=jumping, value=f"{jumping} + weight_{name}")
        test = spike if form.t_ref is None else f"({spike} .and. (t .geq. ready))"
        condition = ET.SubElement(made, "OnCondition", test=test)
        resets = () if form.reset is None else self._expressions(form.reset)
        for state_name, value in zip(form.changed, resets, strict=True):
            exponents = _exponents(self._model.state(state_name).unit)
            ET.SubElement(
                condition, "StateAssignment", variable=lems_name(state_name), value=writer.value(value, exponents)
            )
        if form.t_ref is not None:
            ET.SubElement(condition, "StateAssignment", variable="ready", value=f"t + {lems_name(form.t_ref)}")
        ET.SubElement(condition, "EventOut", port="spike")

    def _expressions(self, function: object) -> tuple[ir.Expr, ...]:
        found = results_of(function, self._types, self._form.helpers)  # type: ignore[arg-type]
        return found if self._attached else tuple(_without_current(x) for x in found)

    def _uses_slope(self) -> bool:
        return "slope" in self._form.spike.__code__.co_varnames


def _without_current(x: ir.Expr) -> ir.Expr:
    """With no injected current where it is none of NeuroML, in pA."""
    match x:
        case ir.Name(name="I"):
            return ir.Constant(0.0, "f32")
        case ir.Binary():
            a, b = _without_current(x.a), _without_current(x.b)
            return a if b == ir.Constant(0.0, "f32") and x.op in "+-" else ir.Binary(x.op, a, b, x.type)
        case ir.Unary():
            return ir.Unary(x.op, _without_current(x.x), x.type)
    return x


def _exponents(unit: str) -> Exponents:
    return NONE if unit == "mM" else unit_of(unit).exponents


def _dimension(unit: str) -> str:
    return "none" if unit == "mM" else unit_of(unit).dimension


def _per_ms(exponents: Exponents) -> Exponents:
    return exponents[0], exponents[1] - 1, exponents[2], exponents[3]


def synapse_types(kinds: Iterable[str]) -> list[ET.Element]:
    """Return the ComponentTypes of synapses that the core types of NeuroML lack, of those that are needed."""
    return [ET.fromstring(_NMDA)] if "nmda_conductance" in kinds else []


_NMDA = f"""\
<ComponentType name="{NMDA}" extends="baseConductanceBasedSynapse"
  description="Conductance that decays exponentially, with the block by magnesium of Jahr and Stevens 1990">
  <Property name="weight" dimension="none" defaultValue="1"/>
  <Parameter name="tauDecay" dimension="time"/>
  <Parameter name="conc_Mg2" dimension="none" description="in mM"/>
  <Constant name="ONE_mV" dimension="voltage" value="1mV"/>
  <Dynamics>
    <StateVariable name="g" dimension="conductance" exposure="g"/>
    <DerivedVariable name="i" exposure="i" dimension="current"
      value="g * (erev - v) / (1 + conc_Mg2 / 3.57 * exp(-0.062 * v / ONE_mV))"/>
    <TimeDerivative variable="g" value="(-1 * g) / tauDecay"/>
    <OnStart><StateAssignment variable="g" value="0"/></OnStart>
    <OnEvent port="in"><StateAssignment variable="g" value="g + weight * gbase"/></OnEvent>
  </Dynamics>
</ComponentType>"""


def component_types(models: Iterable[NeuronModel]) -> ET.Element:
    """Return a LEMS document with the ComponentTypes of models and of their synapses."""
    models = list(models)
    root = ET.Element("Lems")
    for name in CORE:
        ET.SubElement(root, "Include", file=name)
    for name, exponents in OWN.items():
        ET.SubElement(root, "Dimension", name=name, **dict(re.findall(r'(\w)="(-?\d+)"', exponents)))
    for symbol, (dimension, power) in OWN_UNITS.items():
        ET.SubElement(root, "Unit", symbol=symbol, dimension=dimension, power=str(power))
    ports = [port for model in models for port in ports_of(model).values()]
    for element in synapse_types({port.kind for port in ports if isinstance(port, Synapse)}):
        root.append(element)
    for model in {model.name: model for model in models}.values():
        root.append(cell_type(model))
    return root


def xml_text(root: ET.Element) -> str:
    """Return a document as text, indented."""
    ET.indent(root)
    return f'<?xml version="1.0" encoding="utf-8"?>\n{ET.tostring(root, encoding="unicode")}\n'


def write_xml(path: Path, root: ET.Element) -> None:
    """Write a document."""
    path.write_text(xml_text(root), encoding="utf-8")
