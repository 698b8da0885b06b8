"""Write the configuration reference and the JSON Schema: `python -m dtbsim.config.reference [DOCS_FOLDER]`."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from dtbsim.clock import MAX_STEPS
from dtbsim.config import values
from dtbsim.config.bounds import MAX_NUMBER
from dtbsim.config.describe import describe_leaves, show
from dtbsim.config.fields import Leaf, field_annotation, leaves
from dtbsim.config.plain import plain
from dtbsim.config.run import SCHEMA_VERSION, RunConfig
from dtbsim.config.schema import json_schema
from dtbsim.config.sources import FromFile, Matrix, RegionMap, RegionValues
from dtbsim.config.strict import summary_of

REFERENCE_FILE = "config_reference.md"
SCHEMA_FILE = f"schema/dtbsim-{SCHEMA_VERSION}.schema.json"

EXAMPLE = """\
schema_version: 1
name: two_populations
seed: 7
simulation: {dt_ms: 0.1, duration_ms: 1000, settling_ms: 200}
populations:
  E:
    model: iaf_psc_exp
    size: 800
    initial: {V_m_mV: {distribution: uniform, low: -70, high: -55}}
  I: {model: iaf_psc_exp, size: 200}
projections:
  EE:
    source: E
    target: E
    rule: {kind: fixed_indegree, indegree: 80}
    weight_pA: {distribution: normal, mean: 80, sd: 8}
    delay_ms: {distribution: uniform, low: 1, high: 2}
  EI: {source: E, target: I, rule: {kind: fixed_indegree, indegree: 80}, weight_pA: 80, delay_ms: 1.5}
  IE:
    source: I
    target: E
    receptor: in
    rule: {kind: pairwise_bernoulli, probability: 0.1}
    weight_pA: -800
    delay_ms: 1.5
  II: {source: I, target: I, receptor: in, rule: {kind: fixed_indegree, indegree: 20}, weight_pA: -800, delay_ms: 1.5}
drives:
  background: {kind: poisson, target: [E, I], receptor: ex, rate_hz: 1900, weight_pA: 80}
record:
  states:
    - {population: E, variables: [V_m_mV], neurons: 3, interval_ms: 0.5}
"""

_INTRODUCTION = f"""\
# Configuration reference

<!-- Written by `python -m dtbsim.config.reference` from the vocabulary in src/dtbsim/config; do not edit. -->

A configuration is one YAML 1.2 file (UTF-8, spaces for indentation). `1e-3` is a number, `NO` a text, a key given
twice an error, and so is every key that is not listed here. Names end in their units: `duration_ms` takes
milliseconds. A minimal file has `simulation.duration_ms` and one population or circuit. `dtbsim validate CONFIG`
checks a file; errors name the file, the line and the key path.

Times are whole numbers of steps of `simulation.dt_ms`; another one is an error that names the nearest two. Where a key
says otherwise, the nearest step counts, halves up, and the log of the run says so: delays that are drawn (so the ends
of a uniform distribution have half the weight of the steps between them) or follow tract lengths, listed spikes with
`off_grid_spikes: nearest`. A run has at most {MAX_STEPS:,} steps. Numbers are at most {MAX_NUMBER:.3g} in size, as
float32 is.

The same vocabulary is a JSON Schema, [`{SCHEMA_FILE}`]({SCHEMA_FILE}).
Editors use it for completion, with `# yaml-language-server: $schema=PATH/TO/{Path(SCHEMA_FILE).name}` in the
first line of a file.

Populations of a circuit are named CIRCUIT.POP: `E` and `I` of a `balanced_ei` circuit `cortex` are `cortex.E` and
`cortex.I`.

## Example

<!-- run: file net.yaml -->
```yaml
{EXAMPLE}```

`--set KEY.PATH=VALUE` on the command line replaces one value. The value is YAML, list items are named by their index
from 0, and a new name or the index after the last adds a whole item:

```sh
dtbsim run net.yaml --set simulation.duration_ms=2000 --set record.states.0.interval_ms=1 \\
  --set 'drives.kick={{kind: dc, target: E, amplitude: 100}}' --set bold=null
```
"""

_VALUES = """\
## Values

Any number that can differ may come from anywhere. What a table says is how it can:

| a key takes | which is |
| --- | --- |
| a *value* | a number, the same for all, or a mapping with `distribution`, drawn anew for every neuron or synapse |
| *by region* | a mapping with `map` or `regions`: one number for every region in which the population is |
| *by pair* | a mapping with `matrix`: one number for every pair of a target's and a source's region |
| *listed* | a list (in Python also a numpy array) or a mapping with `file`: one number for every neuron |

Of a population in regions as many numbers are listed as it has neurons in each of them, or in all of them together, one
region after the other in the order of the atlas. A number by region may have a spread: a distribution of factors
(`relative_spread`) or of addends (`spread`), drawn for every neuron; so may a weight or delay by pair, drawn for every
synapse. Equal numbers give the same spikes, however they are written. A parameter of a `synapse` is one number for its
projection.

Files are `.npy`, `.npz` or `.csv`, read within bounds and kept with the run. All numbers in them must be finite.

A distribution with bounds, `low` and `high`, never gives a value beyond them: what falls outside is drawn again
(`outside: redraw`, as by default), so the distribution is the one within the bounds, or it is the bound itself
(`outside: clip`), which then has the probability of everything beyond it. Delays that are clipped need bounds that
are whole numbers of steps.

All are drawn from 65,536 quantiles with linear interpolation; tails end where the last interval keeps its mean, those
of a normal at 4.6 `sd`.
"""

SOURCES: tuple[type[BaseModel], ...] = (RegionMap, RegionValues, Matrix, FromFile)
_VALUE_MODELS: tuple[type[BaseModel], ...] = (
    values.Constant,
    values.Uniform,
    values.Normal,
    values.TruncatedNormal,
    values.Lognormal,
    values.Exponential,
    *SOURCES,
)


def render_reference() -> str:
    """Return the reference as Markdown: one table per object, generated from fields, limits and docstrings."""
    parts = [_INTRODUCTION, "## Top level\n", _table(RunConfig)]
    for name, field in RunConfig.model_fields.items():
        sections = _sections(name, field_annotation(field), level=2)
        parts += dict.fromkeys(sections)  # once, also what several kinds of an object have in common
    parts.append(_VALUES)
    for model in _VALUE_MODELS:
        parts.append(_section(_variant_title("a value", Leaf("object", model=model)), model, level=3))
    return "\n".join(parts)


def render_schema() -> str:
    """Return the JSON Schema as text."""
    return json.dumps(json_schema(), indent=2, ensure_ascii=False) + "\n"


def _sections(path: str, annotation: Any, level: int) -> Iterator[str]:
    """Yield the sections of every object at `path` and below, except values, which have their own part."""
    for leaf in leaves(annotation):
        if leaf.kind == "mapping":
            yield from _sections(f"{path}.NAME", leaf.item, level)
        elif leaf.kind == "list":
            yield from _sections(f"{path}.INDEX", leaf.item, level)
        elif leaf.model is not None and leaf.model not in _VALUE_MODELS:
            yield _section(_variant_title(f"`{path}`", leaf), leaf.model, level)
            for name, field in leaf.model.model_fields.items():
                yield from _sections(f"{path}.{name}", field_annotation(field), min(level + 1, 4))


def _variant_title(path: str, leaf: Leaf) -> str:
    if leaf.discriminator:
        key, value = leaf.discriminator
        return f"{path} with `{key}: {value}`"
    assert leaf.model is not None
    required = [name for name, field in leaf.model.model_fields.items() if field.is_required()]
    return f"{path} with `{required[0]}`" if leaf.tag or leaf.model in SOURCES else path


def _section(title: str, model: type[BaseModel], level: int) -> str:
    return f"{'#' * level} {title[0].upper() + title[1:]}\n\n{summary_of(model)}\n\n{_table(model)}"


def _table(model: type[BaseModel]) -> str:
    rows = ["| key | takes | default | meaning |", "| --- | --- | --- | --- |"]
    for cells in rows_of(model):
        rows.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join(rows) + "\n"


def rows_of(model: type[BaseModel]) -> Iterator[tuple[str, str, str, str]]:
    """Yield key, what it takes, default and meaning of every field, in Markdown."""
    for name, field in model.model_fields.items():
        yield f"`{name}`", _takes(field), _default(name, field), field.description or ""


def _takes(field: FieldInfo) -> str:
    """Return what a field takes; numbers that can differ are called by the ways in which they can."""
    return _words([leaf for leaf in leaves(field_annotation(field)) if leaf.kind != "null"])


def _words(alternatives: list[Leaf]) -> str:
    if len(alternatives) == 1 and alternatives[0].kind == "mapping":
        inside = list(leaves(alternatives[0].item))
        if any(leaf.model is values.Uniform for leaf in inside):
            return f"names with {_words(inside)} each"
    models = {leaf.model for leaf in alternatives}
    drawn, listed = values.Uniform in models, FromFile in models
    ways = {
        "a [value](#values)": drawn,
        "[by region](#values)": RegionMap in models,
        "[by pair](#values)": Matrix in models,
        "[listed](#values)": listed,
    }
    words = [word for word, some in ways.items() if some]
    others = [
        leaf
        for leaf in alternatives
        if leaf.model not in _VALUE_MODELS
        and not (drawn and leaf.tag == "number")
        and not (listed and leaf.tag == "list")
    ]
    if others and not drawn:
        return ", or ".join([describe_leaves(others), *words])
    return ", or ".join(words + ([describe_leaves(others)] if others else []))


def _default(name: str, field: FieldInfo) -> str:
    if field.is_required() or name in ("kind", "distribution"):  # only in Python the class says it
        return "required"
    if isinstance(field.default, BaseModel):
        return "the defaults below"
    return "" if field.default is None else f"`{show(plain(field.default))}`"


def main(folder: Path) -> None:
    """Write both files into `folder`."""
    for name, text in ((REFERENCE_FILE, render_reference()), (SCHEMA_FILE, render_schema())):
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")
        sys.stdout.write(f"{target}\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path("docs"))
