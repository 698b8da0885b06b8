"""Models in words: text for the terminal and the page of the documentation, from the same tables.

`python -m dtbsim.models.describe docs/models.md` writes the page.
"""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Sequence
from pathlib import Path

from dtbsim.models.base import NeuronModel
from dtbsim.models.describe_text import aligned, function_text, markdown_row
from dtbsim.models.language.elementary import MAX_ULP, SIN_MAX_ERROR
from dtbsim.models.language.subset import FUNCTIONS
from dtbsim.models.registry import example_model, list_models

_Table = tuple[str, tuple[str, ...], list[tuple[str, ...]]]

_BOUNDS = ", ".join(f"{ulp:g} ({name})" for name, ulp in MAX_ULP.items())
_INTRODUCTION = f"""\
# Neuron models

<!-- Generated from the tables of the models by `python -m dtbsim.models.describe docs/models.md`; do not edit.
     The pictures are made by `python -m dtbsim.backends.model_pictures docs/images/models`. -->

`dtbsim models list` names the models, `dtbsim models show NAME` prints what stands here. A configuration gives
parameters by the names of the tables; units are part of the names. Every model is one update function of one neuron
and one step, shown below as it is compiled for every device. All arithmetic of a step is in float32; derived constants
are computed in float64 and rounded once. Synaptic input `in_<port>` is what arrives at the end of the step; the input
current `I_stim` is the one that flows during the step.

An update function is written in a small subset of Python: assignments to names, `+ - * /`, comparisons,
`a if condition else b`, `and`, `or`, `not`, numbers, the functions {", ".join(f"`{name}`" for name in FUNCTIONS)},
functions of the model that are written in the same subset, and one final `return`. The elementary functions are
dtbsim's own, so that their bits are the same on every device: within
{_BOUNDS} units in the last place; sin and cos within {SIN_MAX_ERROR:g}.
Anything else is an error that names the line and what to write instead. [A model of your own](own_models.md) is
written in the same way.
"""


def describe(model: NeuronModel, width: int = 100) -> str:
    """Return summary, equations, integration scheme and tables as plain text."""
    parts = [f"{model.name}: {model.summary}"]
    parts += [_labelled(label, text, width) for label, text in _texts(model)]
    if model.equations:
        parts.append("equations\n" + textwrap.indent(model.equations.rstrip(), "  "))
    parts += [f"{title}\n{aligned(header, rows)}" for title, header, rows in _tables(model)]
    return "\n\n".join(parts) + "\n"


def models_page() -> str:
    """Return the text of docs/models.md."""
    return "\n".join([_INTRODUCTION, *(_section(name) for name in list_models())])


def _texts(model: NeuronModel) -> list[tuple[str, str]]:
    texts = [("integration", model.integration), ("source", model.citation)]
    if model.uses_current:
        texts.append(("input current", f"I_stim in {model.current_unit}"))
    if not model.is_source:
        texts.append(("synaptic currents", _currents(model)))
    return [(label, text) for label, text in texts if text]


def _currents(model: NeuronModel) -> str:
    """The source of signals that are made of currents, as EEG is."""
    if not model.synaptic_currents:
        return "none are declared (there are none where a spike acts at once), so the model is no source of EEG"
    (unit,) = {current.unit for current in model.synaptic_currents}
    terms = ", ".join(current.text for current in model.synaptic_currents)
    return f"{terms} (in {unit}); EEG is made of the sum of their sizes"


def _tables(model: NeuronModel) -> list[_Table]:
    tables: list[_Table] = [
        (
            "parameters",
            ("name", "unit", "default", "allowed", "description"),
            [(p.name, p.unit, f"{p.default:g}", p.range or "finite", _cited(p.description, p.citation))
             for p in model.parameters],
        ),
        (
            "states",
            ("name", "unit", "starts at", "description"),
            [(s.name, s.unit, s.starts_at or _default(s.default), s.description)
             for s in model.states],
        ),
        (
            "receptor ports",
            ("name", "weight in", "description"),
            [(r.name, r.weight_unit, r.description + " (the default)" * (r.name == model.default_receptor))
             for r in model.receptors],
        ),
        (
            "derived constants",
            ("name", "unit", "description"),
            [(d.name, d.unit, d.description) for d in model.derived],
        ),
    ]  # fmt: skip
    return [table for table in tables if table[2]]


def _default(value: float | str) -> str:
    return value if isinstance(value, str) else f"{value:g}"


def _cited(description: str, citation: str) -> str:
    return f"{description} ({citation})" if citation else description


def _labelled(label: str, text: str, width: int) -> str:
    return textwrap.fill(f"{label}: {text}", width, subsequent_indent="  ")


def _section(name: str) -> str:
    model = example_model(name)
    parts = [f"## {name}", f"{model.summary}."]
    if model.states:  # drawn by dtbsim.backends.model_pictures
        parts.append(f"![How {name} answers](images/models/{name}.svg)")
    if model.equations:
        parts.append(f"```text\n{model.equations.rstrip()}\n```")
    parts += [f"**{label.capitalize()}:** {text}." for label, text in _texts(model)]
    for title, header, rows in _tables(model):
        lines = [markdown_row(header), markdown_row(["---"] * len(header)), *(markdown_row(row) for row in rows)]
        parts.append(f"**{title.capitalize()}**\n\n" + "\n".join(lines))
    if not model.is_source:
        texts = [function_text(function) for function in (*model.functions, model.update)]
        parts.append("```python\n" + "\n\n".join(texts) + "\n```")
    return "\n\n".join(parts) + "\n"


def main(arguments: Sequence[str]) -> None:
    """Write the page to the given path."""
    from dtbsim.models.describe_synapses import synapses_page

    Path(arguments[0]).write_text(f"{models_page()}\n{synapses_page()}", encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
