"""Compiled region kernels: against the float64 oracle, the same bits in any company, and those of the CUDA text."""

from __future__ import annotations

import ctypes
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.helpers import nvrtc
from tests.helpers.c_kernel import FLAGS, GXX
from tests.helpers.region_cases import DT_MS, MODELS, ROWS, Case, dt_of, variant_of
from tests.helpers.region_oracle import Oracle
from tests.unit.test_models_nvrtc import unwanted

from dtbsim.backends.drive_tables import normal_table
from dtbsim.errors import InputError
from dtbsim.kernels.region_cuda import region_cuda_text
from dtbsim.kernels.region_kernel import RegionBlock, region_constants, region_kernel
from dtbsim.kernels.region_source import lookup_text
from dtbsim.kernels.region_variant import NoiseTerm, Term, region_variant
from dtbsim.models.region_registry import get_region_model

NORMAL = normal_table()


def by_day(*names: str) -> list[Any]:
    """All models, of which only these are tested by day."""
    return [pytest.param(name, marks=[] if name in names else [pytest.mark.nightly]) for name in MODELS]


CASES = by_day("kuramoto")


def advanced(case: Case, *calls: int) -> Any:
    step = 0
    for n_steps in calls:
        case.block.advance(step, n_steps, step, step)
        step += n_steps
    return case.result()


@pytest.mark.parametrize("name", CASES)
def test_the_same_bits_in_any_company_and_any_number_of_steps(name: str) -> None:
    variant = variant_of(name)
    states, sent = advanced(Case(variant, range(9), range(6)), ROWS)
    assert np.isfinite(states).all()
    others = [
        (advanced(Case(variant, range(9), range(6)), 1, 6, 3, ROWS - 10), slice(None), slice(None)),
        (advanced(Case(variant, [4], [2]), ROWS), slice(4, 5), slice(2, 3)),
        (advanced(Case(variant, range(2, 9), [1, 2, 3]), 5, ROWS - 5), slice(2, 9), slice(1, 4)),
    ]
    for (other, told), nodes, members in others:
        assert other.tobytes() == np.ascontiguousarray(states[:, nodes, members]).tobytes()
        assert told.tobytes() == np.ascontiguousarray(sent[:, :, nodes, members]).tobytes()
    assert len(np.unique(states[0])) > 40, "regions and members differ"


@pytest.mark.parametrize("name", CASES)
def test_regions_in_parts_and_resumed_give_the_same_bits(name: str) -> None:
    variant = variant_of(name)
    states, _ = advanced(Case(variant, range(9), range(6)), ROWS)
    parts = Case(variant, range(9), range(6))
    parts.block.advance(0, 6, 0, 0, (5, 9))
    parts.block.advance(0, 6, 0, 0, (0, 5))
    resumed = Case(variant, range(9), range(6))
    resumed.block.states[:] = parts.block.states
    resumed.block.advance(6, ROWS - 6, 6, 6)
    assert resumed.result()[0].tobytes() == states.tobytes()


@pytest.mark.skipif(GXX is None, reason="needs g++")
@pytest.mark.parametrize("name", CASES)
def test_the_cuda_text_gives_the_same_bits(name: str, tmp_path: Path) -> None:
    variant = variant_of(name)
    source, library = tmp_path / "kernel.cpp", tmp_path / "kernel.so"
    source.write_text("#define DTB_HOST\n" + region_cuda_text(variant), encoding="utf-8")
    subprocess.run([str(GXX), *FLAGS, str(source), "-o", str(library)], check=True, capture_output=True, text=True)
    call = ctypes.CDLL(str(library)).kernel
    call.argtypes, call.restype = [ctypes.c_int64] * 7, None
    one, other = Case(variant, range(9), range(6)), Case(variant, range(9), range(6))
    for step, n_steps in ((0, 0), (0, 7), (7, ROWS - 7)):
        one.block.advance(step, n_steps, step, step)
        call(other.block.table.ctypes.data, step, n_steps, step, step, 0, 9)
        for a, b in zip(one.result(), other.result(), strict=True):
            assert a.tobytes() == b.tobytes()


@pytest.mark.nightly
@pytest.mark.skipif(nvrtc.library() is None, reason=f"the wheel {nvrtc.PACKAGE} is not installed")
@pytest.mark.parametrize("name", MODELS)
def test_the_cuda_text_compiles_without_contraction(name: str) -> None:
    found = nvrtc.compiled(region_cuda_text(variant_of(name)), 80)
    assert found.works, found.log
    assert unwanted(found.ptx) == []


@pytest.mark.parametrize("name", by_day("deco_2014"))
def test_float32_follows_the_float64_oracle(name: str) -> None:
    model = get_region_model(name)
    for scheme in model.integrators if name != "deco_2014" else ("exponential",):
        variant = region_variant(model, scheme, terms=[Term(row.name) for row in model.inputs], sent=model.variables)
        block = RegionBlock(region_kernel(variant), 3, 2, region_constants(variant, {}, dt_of(name)), normal=NORMAL)
        oracle = Oracle(model, {}, dt_of(name))
        x = np.array([np.full(6, float(row.default)) * (1.0 + 0.01 * np.arange(6)) for row in model.states])
        block.states[: len(x)] = x
        sums = [np.full((60, 6), 0.001, np.float32) * np.arange(6, dtype=np.float32) for _ in model.inputs]
        sent = [np.zeros((60, 6), np.float32) for _ in model.variables]
        block.use(sums, sent)
        block.advance(0, 60)
        given = {f"in_{row.name}": sums[0][0].astype(np.float64) for row in model.inputs}
        late = {delay.name: x[[row.name for row in model.states].index(delay.state)] for delay in model.delays}
        for _ in range(60 if not late else 20):
            x = exponential(oracle, x, given) if scheme == "exponential" else oracle.step(x, scheme, **given, **late)
        last = 59 if not late else 19
        wanted = [oracle.variable(x, row.name) for row in model.states]
        wanted += list(oracle.outputs(x, **given).values())
        for row, value, told in zip(model.variables, wanted, sent, strict=True):
            assert told[last] == pytest.approx(value, rel=3e-4, abs=2e-5), (scheme, row)


def exponential(oracle: Oracle, x: Any, given: Any) -> Any:
    """One step of the exponential scheme: states with a linear decay are solved with the rest held."""
    rates = oracle.model.decays(oracle.values)
    steps = [-np.expm1(-oracle.dt_ms * rates[row.name]) / rates[row.name] if row.name in rates else oracle.dt_ms
             for row in oracle.model.states]  # fmt: skip
    return x + np.array(steps)[:, None] * oracle.drift(x, **given)


@pytest.mark.nightly
def test_noise_has_the_size_that_it_says() -> None:
    model = get_region_model("hopf")
    noise = [NoiseTerm("x", "additive"), NoiseTerm("y", "ornstein_uhlenbeck")]
    variant = region_variant(model, "euler", noise=noise, sent=("x",))
    constants = region_constants(variant, {"a": 0.0, "omega": 0.0}, DT_MS, {"x": (0.5, 1.0), "y": (0.2, 5.0)})
    block = RegionBlock(region_kernel(variant), 64, 64, constants, normal=NORMAL, seed=3)
    sent = [np.zeros((1, 4096), np.float32)]
    block.use([], sent)
    block.advance(0, 1)
    assert block.state("x").std() == pytest.approx(0.5 * np.sqrt(DT_MS), rel=0.03)
    assert block.state("noise_y").std() == pytest.approx(1.0, rel=0.03), "stationary from the start"
    before = block.state("noise_y").copy()
    for step in range(1, 51):
        block.advance(step, 1)
    after = block.state("noise_y")
    assert after.std() == pytest.approx(1.0, rel=0.03)
    assert np.corrcoef(before.ravel(), after.ravel())[0, 1] == pytest.approx(np.exp(-1.0), abs=0.05)


@pytest.mark.nightly
def test_shared_noise_is_that_of_member_0_and_the_same_for_all() -> None:
    model = get_region_model("hopf")
    found = {}
    for shared in (True, False):
        variant = region_variant(model, "euler", noise=[NoiseTerm("x", "additive", shared)], sent=("x",))
        block = RegionBlock(
            region_kernel(variant), 5, 3, region_constants(variant, {}, DT_MS, {"x": (0.1, 1.0)}), normal=NORMAL
        )
        block.use([], [np.zeros((1, 15), np.float32)])
        block.advance(0, 1)
        found[shared] = block.state("x").copy()
    assert (found[True] == found[True][:, :1]).all()
    assert (found[True][:, 0] == found[False][:, 0]).all()
    assert (found[False][:, 1] != found[False][:, 0]).all()


def test_the_transfer_function_is_finite_where_its_quotient_is_not() -> None:
    model = get_region_model("deco_2014")
    variant = region_variant(model, "euler", sent=("r_E_Hz",))
    parameters = {"J_N_nA": 0.0, "J_i": 0.0, "I_0_nA": 0.0, "I_ext_nA": 125.0 / 310.0, "a_E": 310.0, "b_E_Hz": 125.0}
    offsets = np.linspace(-1e-6, 1e-6, 64)[None]
    variant = region_variant(model, "euler", sent=("r_E_Hz",), arrays=("I_ext_nA",))
    parameters["I_ext_nA"] = parameters["I_ext_nA"] + offsets
    block = RegionBlock(region_kernel(variant), 1, 64, region_constants(variant, parameters, DT_MS), normal=NORMAL)
    sent = [np.zeros((1, 64), np.float32)]
    block.use([], sent)
    block.advance(0, 0)
    assert sent[0][0] == pytest.approx(np.full(64, 1.0 / 0.16), rel=1e-4)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"integrator": "exponential"}, "has no integrator 'exponential'"),
        ({"terms": [Term("z")]}, "has no input 'z'"),
        ({"terms": [Term("x", "difference", "v")]}, "has no state or output 'v'"),
        ({"noise": [NoiseTerm("z", "additive")]}, "no state or input 'z'"),
        ({"noise": [NoiseTerm("x", "additive")] * 2}, "two noises"),
        ({"sent": ["z"]}, "has no state or output 'z'"),
        ({"arrays": ["z"]}, "has no constant 'z'"),
    ],
)
def test_what_a_model_lacks_is_refused(given: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=said):
        region_variant(get_region_model("hopf"), **given)


def test_a_difference_of_what_depends_on_inputs_is_refused() -> None:
    with pytest.raises(InputError, match="depends on the inputs"):
        region_variant(get_region_model("deco_2014"), terms=[Term("network", "difference", "r_E_Hz")])


def test_an_own_delay_below_a_step_is_refused() -> None:
    variant = region_variant(get_region_model("aln"))
    with pytest.raises(InputError, match="below one step"):
        region_constants(variant, {"d_E_ms": 0.01}, DT_MS)


def test_a_table_is_read_at_its_edge_beyond_it_and_not_at_all_for_what_is_no_number() -> None:
    """The texts for both kinds of device; a place outside the table would be memory of others."""
    lookup = get_region_model("aln").lookups[0]
    values = [np.nan, np.inf, -np.inf, 1e30, -1e30, 0.0, 3.3]
    space: dict[str, Any] = {"_f32": np.float32, "_i32": np.int32, f"_T_{lookup.name}": lookup.values().ravel()}
    exec(lookup_text(lookup), space)
    for x in values:
        for y in values:
            with np.errstate(all="ignore"):
                found = float(space[f"_own_{lookup.name}"](np.float32(x), np.float32(y)))
            assert found == pytest.approx(float(lookup(x, y)), rel=1e-5, abs=1e-6, nan_ok=True), (x, y)
            assert np.isnan(found) == (np.isnan(x) or np.isnan(y)), (x, y)
