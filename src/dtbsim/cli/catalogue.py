"""`dtbsim models` and `dtbsim schema`: what a configuration can name."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

from dtbsim.cli.needs import installed
from dtbsim.cli.output import can_show, show, table, width, write
from dtbsim.errors import EXIT_OK, InputError
from dtbsim.runtime.streams import say

if TYPE_CHECKING:
    from dtbsim.models import NeuronModel, RegionModel
    from dtbsim.models.synapses import SynapseModel

_WIDEST = 100
_MARGIN = 14
"""Columns of a picture for its frame and numbers."""
_BRAILLE = "\u28ff"


def list_all_models() -> int:
    """Print a line per neuron model, then one per region model."""
    with installed():
        from dtbsim.models import example_model, get_region_model, list_models, list_region_models

    show(table(("neurons", "what it is"), [(name, example_model(name).summary) for name in list_models()]))
    regions = [(name, get_region_model(name).summary) for name in list_region_models()]
    show("", table(("regions", "what it is"), regions))
    return EXIT_OK


def show_model(name: str, *, picture: bool) -> int:
    """Print equations and tables of one model, named or given as FILE.py:CLASS, and how it answers to a current."""
    with installed():
        from dtbsim.models import RegionModel
        from dtbsim.models.describe import describe
        from dtbsim.models.describe_regions import describe_region
        from dtbsim.models.describe_synapses import describe_synapse
        from dtbsim.models.synapses import SynapseModel

    model = find_any_model(name)
    if isinstance(model, RegionModel):
        write(describe_region(model, width=min(width(), _WIDEST)))
        return EXIT_OK
    if isinstance(model, SynapseModel):
        write(describe_synapse(model, width=min(width(), _WIDEST)))
        return EXIT_OK
    drawn = _picture(model) if picture else ""
    write(describe(model, width=min(width(), _WIDEST)) + drawn)
    return EXIT_OK


def show_lems(name: str) -> int:
    """Print a LEMS document with the ComponentType of a neuron model."""
    with installed():
        from dtbsim.interchange.neuroml.types import component_types, xml_text
        from dtbsim.models import RegionModel
        from dtbsim.models.synapses import SynapseModel

    model = find_any_model(name)
    if isinstance(model, RegionModel | SynapseModel):
        raise InputError(f"'{name}' is no model of neurons", where="--lems", remedy="name one: dtbsim models list")
    write(xml_text(component_types([model])))
    return EXIT_OK


def _picture(model: NeuronModel) -> str:
    with installed():
        from dtbsim.backends.probe import picture_of
        from dtbsim.cli.plot import line_plot
        from dtbsim.kernels.first_run import first_run_announced

    try:
        with first_run_announced(lambda line: say(f"dtbsim: {line}")):
            curve = picture_of(model)
    except InputError as error:  # the model can be described all the same
        return f"\nno picture: {error}\n"
    if curve is None:
        return ""
    columns = min(width(), _WIDEST) - _MARGIN
    plain = not can_show(_BRAILLE)
    columns = max(20, min(columns, 72))
    text = line_plot(curve.x, curve.y, x_label=curve.x_label, y_label=curve.y_label, width=columns, ascii_only=plain)
    return f"\n{curve.title}\n{textwrap.indent(text, '  ')}"


def check_model(name: str, *, as_c: bool) -> int:
    """Load a model, which checks all of it, and print what it is, or with `as_c` its C text alone."""
    with installed():
        from dtbsim.models import RegionModel
        from dtbsim.models.describe import describe
        from dtbsim.models.language.emit_c import PRELUDE, update_text
        from dtbsim.models.own_check import check_model as check
        from dtbsim.models.synapses import SynapseModel

    model = find_any_model(name)
    if isinstance(model, RegionModel):
        return _check_region(model, as_c=as_c)
    if isinstance(model, SynapseModel):
        return _check_synapse(model, as_c=as_c)
    if not model.is_source:
        check(model)
    if as_c:
        write(f"{PRELUDE}\n{update_text(model)}")
    else:
        write(f"OK\n\n{describe(model, width=min(width(), _WIDEST))}")
    return EXIT_OK


def _check_region(model: RegionModel, *, as_c: bool) -> int:
    with installed():
        from dtbsim.kernels.region_cuda import region_cuda_text
        from dtbsim.kernels.region_variant import region_variant
        from dtbsim.models.describe_regions import describe_region
        from dtbsim.models.region_check import check_region_model

    check_region_model(model)
    text = region_cuda_text(region_variant(model)) if as_c else ""
    write(text or f"OK\n\n{describe_region(model, width=min(width(), _WIDEST))}")
    return EXIT_OK


def _check_synapse(model: SynapseModel, *, as_c: bool) -> int:
    with installed():
        from dtbsim.kernels.rule_cuda import rules_text
        from dtbsim.models.describe_synapses import describe_synapse
        from dtbsim.models.synapses.check import check_synapse

    check_synapse(model)
    write(rules_text([model]) if as_c else f"OK\n\n{describe_synapse(model, width=min(width(), _WIDEST))}")
    return EXIT_OK


def find_any_model(name: str) -> NeuronModel | SynapseModel | RegionModel:
    """Return the model that a command names, InputError for none; models with free ports get example ports."""
    with installed():
        from dtbsim.models import example_model
        from dtbsim.models.own import Kind, class_in, find_model, is_reference, split_reference
        from dtbsim.models.region_own import REGION, find_region_model, unknown_model
        from dtbsim.models.region_registry import REGION_MODELS
        from dtbsim.models.registry import MODELS
        from dtbsim.models.synapses import SYNAPSE_MODELS
        from dtbsim.models.synapses.own import EITHER, SYNAPSE, find_synapse

    if is_reference(name):
        any_model = Kind("model", (*EITHER.bases, *REGION.bases), (*EITHER.names, *REGION.names))
        found = class_in(*split_reference(name), any_model)
        if found in REGION:
            return find_region_model(found)
        return find_synapse(found) if found in SYNAPSE else find_model(found)
    if name in REGION_MODELS.names() and name not in MODELS.names():
        return find_region_model(name)
    if name in SYNAPSE_MODELS.names() and name not in MODELS.names():
        return find_synapse(name)
    if name not in MODELS.names():
        raise unknown_model(name, SYNAPSE_MODELS.names())
    return example_model(name)


def schema() -> int:
    """Print the JSON Schema of configuration files."""
    import json

    with installed():
        from dtbsim.config import json_schema

    write(json.dumps(json_schema(), indent=2, ensure_ascii=False) + "\n")
    return EXIT_OK
