"""`dtbsim atlas`, `dtbsim models` and `dtbsim schema`: what a configuration can name."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Any

from dtbsim.cli.needs import installed
from dtbsim.cli.output import can_show, pairs, show, table, width, write
from dtbsim.errors import EXIT_OK, InputError
from dtbsim.report.text import significant
from dtbsim.runtime.streams import say

if TYPE_CHECKING:
    from dtbsim.models import NeuronModel, RegionModel
    from dtbsim.models.synapses import SynapseModel

_WIDEST = 100
_MARGIN = 14
"""Columns of a picture for its frame and numbers."""
_BRAILLE = "\u28ff"


def list_all_atlases() -> int:
    """Print a line per bundled atlas."""
    with installed():
        from dtbsim.atlas import DEFAULT, list_atlases, load_atlas

    rows = []
    for name in list_atlases():
        atlas = load_atlas(name)
        rows.append((f"{name} (default)" if name == DEFAULT else name, str(atlas.n_regions), atlas.description))
    show(table(("name", "regions", "what it is"), rows, numbers=("regions",)))
    return EXIT_OK


def show_atlas(name: str) -> int:
    """Print what one atlas, named or given by its path, holds."""
    with installed():
        from dtbsim.atlas import atlas_summary, load_atlas

    atlas = atlas_summary(load_atlas(name))
    rows = [(label, text) for label, text in _atlas_rows(atlas) if text]
    show(pairs(rows, title=f"{atlas['name']}: {atlas['description']}"))
    return EXIT_OK


def _atlas_rows(atlas: dict[str, Any]) -> list[tuple[str, str]]:
    kind = "symmetric" if atlas["symmetric"] else "directed"
    labels = [f"{name} ({number} different)" for name, number in atlas["labels"].items()]
    return [
        (
            "regions",
            f"{atlas['n_regions']}: {atlas['n_left']} left, {atlas['n_right']} right, {atlas['n_cortical']} cortical",
        ),
        ("connections", f"{atlas['n_connections']:,} ({100 * atlas['density']:.3g} % of all pairs), {kind}"),
        ("weights", f"{_range(atlas['weights'])} ({atlas['weights']['unit']})"),
        ("tract lengths", _lengths(atlas["lengths_mm"])),
        ("maps", ", ".join(atlas["maps"])),
        ("labels", ", ".join(labels)),
        ("measured FC", _fc(atlas)),
        ("measured FCD", _fcd(atlas["fcd"])),
        ("lead field", f"{atlas['lead_field']['channels']} channels" if atlas["lead_field"] else ""),
        ("source", atlas["source"]),
        ("cite", atlas["citation"]),
        ("acknowledge", atlas["acknowledgement"]),
        ("licence", atlas["licence"]),
        ("notes", atlas["notes"]),
    ]


def _range(values: dict[str, Any]) -> str:
    if values["smallest"] is None:
        return "none"
    return f"{significant(values['smallest'])} to {significant(values['largest'])}"


def _lengths(lengths: dict[str, Any] | None) -> str:
    if lengths is None:
        return "none: delays cannot come from tracts"
    median = f", median {significant(lengths['median'])}" if lengths["median"] is not None else ""
    return f"{_range(lengths)} mm{median} ({lengths['source']})"


def _fc(atlas: dict[str, Any]) -> str:
    if not atlas["fc"]:
        return ""
    repetition = f", TR {significant(atlas['fc']['tr_s'])} s" if atlas["fc"]["tr_s"] else ""
    others = f"; also {', '.join(atlas['other_fc'])}" if atlas["other_fc"] else ""
    return f"mean |r| {significant(atlas['fc']['mean_abs'])}{repetition}{others}"


def _fcd(fcd: dict[str, Any] | None) -> str:
    return f"windows of {significant(fcd['window_s'])} s every {significant(fcd['step_s'])} s" if fcd else ""


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

    model = _model(name)
    if isinstance(model, RegionModel):
        write(describe_region(model, width=min(width(), _WIDEST)))
        return EXIT_OK
    if isinstance(model, SynapseModel):
        write(describe_synapse(model, width=min(width(), _WIDEST)))
        return EXIT_OK
    drawn = _picture(model) if picture else ""
    write(describe(model, width=min(width(), _WIDEST)) + drawn)
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

    model = _model(name)
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


def _model(name: str) -> NeuronModel | SynapseModel | RegionModel:
    """Return the model that a command names; models with free ports get example ports."""
    with installed():
        from dtbsim.models import example_model
        from dtbsim.models.own import Kind, class_in, find_model, is_reference, split_reference
        from dtbsim.models.region_own import REGION, find_region_model
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
    return example_model(name)


def schema() -> int:
    """Print the JSON Schema of configuration files."""
    import json

    with installed():
        from dtbsim.config import json_schema

    write(json.dumps(json_schema(), indent=2, ensure_ascii=False) + "\n")
    return EXIT_OK
