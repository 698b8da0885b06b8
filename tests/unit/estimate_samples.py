"""Networks and machines of the tests of estimates."""

from __future__ import annotations

from pathlib import Path

from dtbsim.estimation.profile import load_profile, parse_profile

TWO = """\
name: two
simulation: {dt_ms: 0.1, duration_ms: 1000, block_size: 32, partitioner: contiguous, threads: 1}
populations: {A: {model: iaf_psc_exp, size: 32}, B: {model: iaf_psc_exp, size: 32}}
projections:
  AB: {source: A, target: B, rule: {kind: fixed_indegree, indegree: 5}, weight_pA: 3, delay_ms: 2.5}
"""
"""A is rank 0 of two, B is rank 1."""

HUGE = """\
name: huge
atlas: schaefer400
simulation: {dt_ms: 0.1, duration_ms: 1000, partitioner: morton}
populations:
  E: {model: iaf_psc_exp, size: 172000000, regions: all}
  I: {model: iaf_psc_exp, size: 43000000, regions: all}
projections:
  EE: {source: E, target: E, scope: same_region, rule: {kind: fixed_indegree, indegree: 300}, weight_pA: 9, delay_ms: 1}
  EI: {source: E, target: I, scope: same_region, rule: {kind: fixed_indegree, indegree: 300}, weight_pA: 9, delay_ms: 1}
  IE: {source: I, target: E, scope: same_region, rule: {kind: fixed_indegree, indegree: 99}, weight_pA: -9, delay_ms: 1}
  far:
    source: E
    target: E
    scope: connectome
    rule: {kind: fixed_indegree, indegree: 400}
    weight_pA: 9
    delay_ms: {tract_velocity_m_per_s: 5}
record: {spikes: null}
"""
"""86 billion neurons."""


def changed_profile(old: str, new: str, of: str = "laptop") -> str:
    """The text of a profile with another text in one place."""
    text = load_profile(of).to_yaml()
    assert old in text
    return text.replace(old, new, 1)


def small_machine(folder: Path, memory_gib: float) -> str:
    """The file of a machine with less memory."""
    text = changed_profile("value: 16.0\n    unit: GiB", f"value: {memory_gib}\n    unit: GiB")
    assert parse_profile(text, "machine")["node.memory"] == memory_gib
    path = folder / "small.yaml"
    path.write_text(text, encoding="utf-8")
    return str(path)
