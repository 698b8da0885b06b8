"""A configuration that uses most of the vocabulary, and how to break it."""

from __future__ import annotations

from pathlib import Path

from dtbsim.errors import EXIT_INPUT, InputError

BASE = """\
schema_version: 1
name: small
atlas: aal2
simulation:
  dt_ms: 0.1
  duration_ms: 1000
circuits:
  ctx:
    kind: balanced_ei
    regions: all
populations:
  E:
    model: iaf_psc_exp
    size: 80
    regions: [a, b]
    parameters: {tau_m_ms: {distribution: normal, mean: 10, sd: 1}, x: {map: t1, low: 1, high: 2}}
  I: {model: iaf_psc_exp, size: 20}
projections:
  EE:
    source: E
    target: E
    rule: {kind: fixed_indegree, indegree: 8}
    weight_pA: 87.8
    delay_ms: {distribution: uniform, low: 1, high: 2}
  long:
    source: ctx.E
    target: ctx.E
    scope: connectome
    rule: {kind: fixed_indegree, indegree: 8}
    receptor: {AMPA: 0.5, NMDA: 0.5}
    weight_mV: 1
    delay_ms: {tract_velocity_m_per_s: 10}
drives:
  bg:
    kind: poisson
    target: [E, I]
    rate_hz: 8000
    weight_pA: 87.8
controllers:
  tonic:
    kind: homeostatic_tonic
    population: ctx.E
    target_rate_hz: 4
    interval_ms: 500
    stages: [{start_ms: 0, eta: 0.3}, {start_ms: 600, eta: 0.1}]
record:
  spikes: {populations: all}
  states:
    - population: E
      variables: [V_m_mV]
      neurons: 3
bold: {population: ctx.E, tr_ms: 500}
"""


def line_of(text: str, part: str) -> int:
    """Return the 1-based line on which `part` starts; it must occur exactly once."""
    assert text.count(part) == 1, (text.count(part), part)
    return text.count("\n", 0, text.index(part)) + 1


def changed(old: str, new: str, text: str = BASE) -> str:
    """Return the sample with the one occurrence of `old` replaced."""
    assert text.count(old) == 1, (text.count(old), old)
    return text.replace(old, new)


def assert_for_people(error: InputError) -> None:
    """Check what every error promises: a line per mistake, bad input, nothing of pydantic or Python in it."""
    text = str(error)
    assert error.exit_code == EXIT_INPUT
    assert text.count("\n") == len(error.mistakes) - 1
    for inside in ("pydantic", "Input should", "function-", "[type=", "Traceback", "ruamel", "<class", "None"):
        assert inside not in text, text


def write(folder: Path, text: str | bytes, name: str = "net.yaml") -> Path:
    """Write a file and return its path."""
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path
