"""Synapse models in words, for the terminal and the page of the documentation."""

from __future__ import annotations

import inspect
import math
import textwrap
from typing import Any

from dtbsim.models.describe_text import aligned, function_text, markdown_row
from dtbsim.models.synapses.base import ModulatedSynapse, PlasticSynapse, StatefulSynapse, SynapseModel
from dtbsim.models.synapses.registry import SYNAPSE_MODELS
from dtbsim.models.synapses.tables import SynapseParameter

_Table = tuple[str, tuple[str, ...], list[tuple[str, ...]]]
_HEADING = """\
# Synapse models

How they are given, and what happens at a spike, is described in [synapses](synapses.md). Functions get weights in a
unit that makes them whole numbers.
"""


def describe_synapse(model: SynapseModel, width: int = 100) -> str:
    """Return what a synapse model does, and its tables, as plain text."""
    paragraphs = inspect.cleandoc(type(model).__doc__ or "").split("\n\n")
    parts = [f"{model.name}: {_kind(model)}", *(textwrap.fill(text, width) for text in paragraphs)]
    parts += [f"source: {model.citation}"] if model.citation else []
    parts += [f"{title}\n{aligned(header, rows)}" for title, header, rows in _tables(model)]
    return "\n\n".join(parts) + "\n"


def synapses_page() -> str:
    """Return the part of docs/models.md about synapse models."""
    return "\n".join([_HEADING, *(_section(kind.model) for kind in SYNAPSE_MODELS.usable().values())])


def _section(model: SynapseModel) -> str:
    parts = [f"## {model.name}", inspect.cleandoc(type(model).__doc__ or "")]
    parts += [f"**Source:** {model.citation}."] if model.citation else []
    for title, header, rows in _tables(model):
        lines = [markdown_row(header), markdown_row(["---"] * len(header)), *map(markdown_row, rows)]
        parts.append(f"**{title.capitalize()}**\n\n" + "\n".join(lines))
    functions = [*model.functions, *(getattr(model, name) for name in model.entry_points)]
    parts.append("```python\n" + "\n\n".join(map(function_text, functions)) + "\n```")
    return "\n\n".join(parts) + "\n"


def _kind(model: SynapseModel) -> str:
    if isinstance(model, ModulatedSynapse):
        return "the weight follows pairs of spikes and a third population"
    if isinstance(model, StatefulSynapse):
        return "the weight follows the spikes of both ends and states of the synapse"
    if isinstance(model, PlasticSynapse):
        return "the weight follows the spikes of both ends"
    return "what a spike transmits follows the spikes of the source"


def _tables(model: SynapseModel) -> list[_Table]:
    states: list[Any] = list(getattr(model, "states", ()))
    traces: list[Any] = list(getattr(model, "traces", ()))
    tables: list[_Table] = [
        (
            "parameters",
            ("name", "unit", "default", "allowed", "description"),
            [(row.name, row.unit, _default(row), _range(row), row.description) for row in model.parameters],
        ),
        (
            "states",
            ("name", "starts at", "description"),
            [(row.name, row.default if isinstance(row.default, str) else f"{row.default:g}", row.description)
             for row in states],
        ),
        (
            "traces",
            ("name", "of the", "decays with", "read at spikes of the"),
            [(row.name, row.of, row.tau, row.read_by) for row in traces],
        ),
    ]  # fmt: skip
    return [table for table in tables if table[2]]


def _default(row: SynapseParameter) -> str:
    if row.default is not None:
        return f"{row.default:g}"
    return "none" if row.optional else "required"


def _range(row: SynapseParameter) -> str:
    bounds = []
    if math.isfinite(row.low):
        bounds.append(f"{'>' if row.open_low else '>='} {row.low:g}")
    if math.isfinite(row.high):
        bounds.append(f"<= {row.high:g}")
    return ", ".join(bounds) or "any"
