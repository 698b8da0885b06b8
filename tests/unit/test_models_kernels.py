"""Generated update kernels: vectorised, without contraction, and the same for every size, layout and variant."""

from __future__ import annotations

import platform
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.helpers.elementary_model import Everything
from tests.helpers.single_population import SinglePopulation

from dtbsim.errors import InputError
from dtbsim.kernels import update_kernel
from dtbsim.kernels.update_kernel import get_update_kernel, identity_mix, mix_structure
from dtbsim.models import NeuronModel, get_model

IAF = get_model("iaf_psc_exp")
PORTS = get_model("iaf_psc_exp_multisynapse", {"ampa": 2.0, "nmda": 100.0, "gaba": 5.0})
IZHIKEVICH = get_model("izhikevich")
DRIVEN = {"I_e_pA": 420.0, "tau_syn_ex_ms": 1.7, "tau_syn_in_ms": 6.3}
PACKED = {"x86_64": r"\bv?mulps\b.*%[xyz]mm", "aarch64": r"\bfmul\s+v\d+\.4s"}
FUSED = r"\bvfn?m(add|sub)|\bfml[as]\b|\bfn?m(add|sub)\b"

VARIANTS: dict[str, tuple[NeuronModel, dict[str, Any]]] = {
    "iaf_psc_exp": (IAF, {}),
    "iaf_psc_exp, shared current": (IAF.simplify({}), {}),
    "iaf_psc_exp, current": (IAF, {"use_stim": True}),
    "iaf_psc_exp, spread": (IAF, {"array_constants": {"I_e_pA", "theta_mV", "refractory_steps"}, "use_stim": True}),
    "multisynapse": (PORTS, {}),
    "multisynapse, all constants spread": (PORTS, {"array_constants": set(PORTS.constant_names), "use_stim": True}),
    "multisynapse, mixed": (PORTS, {"mix": mix_structure([[1, 0.5, 0], [0, 0.5, 0], [0, 0, 1]])}),
    "izhikevich": (IZHIKEVICH, {}),
    "izhikevich, spread": (IZHIKEVICH, {"array_constants": {"recovery", "b", "c_mV", "d"}, "use_stim": True}),
    "every construct": (Everything(), {}),
}


@pytest.mark.parametrize("name", list(VARIANTS))
def test_the_loop_is_vectorised_without_contraction(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    machine = platform.machine()
    if machine not in PACKED:
        pytest.skip(f"no pattern of packed instructions for {machine}")
    model, options = VARIANTS[name]
    variant = get_update_kernel(model, **options).variant
    monkeypatch.setenv("DTBSIM_CACHE_DIR", str(tmp_path))
    fresh = update_kernel.UpdateKernel(variant)
    assert fresh.address != 0
    assert len(re.findall(PACKED[machine], fresh.assembly)) >= 3
    assert not re.search(FUSED, fresh.assembly)
    ir = fresh._module.kernel._library.get_llvm_str()
    assert "vector.body" in ir
    assert "vector.memcheck" not in ir, "arrays are known not to overlap: no checks at run time"


def states_after(population: SinglePopulation, steps: int) -> list[bytes]:
    """Spike flags and states of every step under random input."""
    draw = np.random.default_rng(3)
    trace = []
    for _ in range(steps):
        inputs = {c: draw.integers(-90, 100, 70) for c in range(population.kernel.n_channels)}
        spiked = population.step(inputs, draw.integers(0, 50, 70))
        states = [population.state(row.name).tobytes() for row in population.model.states]
        trace.append(b"".join([spiked.tobytes(), *states]))
        assert population.untouched()
    return trace


@pytest.mark.parametrize("n", [1, 2, 7, 15, 16, 17, 31, 33, 64, 70])
def test_a_neuron_does_not_depend_on_the_size_of_its_group(n: int) -> None:
    """The vector loop and its remainder give the same bits."""
    spread = {"I_e_pA": np.linspace(200.0, 600.0, 70)}
    whole = SinglePopulation(IAF, 70, 0.1, DRIVEN | spread, use_stim=True)
    part = SinglePopulation(IAF, n, 0.1, DRIVEN | {"I_e_pA": spread["I_e_pA"][:n]}, use_stim=True)
    draw = np.random.default_rng(3)
    for _ in range(400):
        inputs = {c: draw.integers(-90, 100, 70) for c in range(2)}
        current = draw.integers(0, 50, 70)
        spiked = whole.step(inputs, current)[:n]
        also = part.step({c: value[:n] for c, value in inputs.items()}, current[:n])
        assert np.array_equal(spiked, also)
        for row in IAF.states:
            assert whole.state(row.name)[:n].tobytes() == part.state(row.name).tobytes()
        assert part.untouched()


def test_an_empty_group_touches_nothing() -> None:
    population = SinglePopulation(IAF, 0, 0.1)
    population.step()
    assert population.untouched()


def test_accumulators_are_zeroed_and_every_spike_flag_written() -> None:
    population = SinglePopulation(IAF, 40, 0.1, {"I_e_pA": np.where(np.arange(40) % 2, 1e6, 0.0)})
    population.spk[:] = 99
    flags = population.step({0: 5, 1: -3})
    np.testing.assert_array_equal(flags, np.arange(40) % 2)
    for offset in population.acc_offsets:
        assert not population.acc[offset : offset + 40].any()


@pytest.mark.parametrize("model", [IAF, PORTS, IZHIKEVICH], ids=lambda model: model.name)
def test_constants_given_per_neuron_give_the_bits_of_scalars(model: NeuronModel) -> None:
    scalar = SinglePopulation(model, 70, 0.1, use_stim=True)
    parameters = {row.name: np.full(70, row.default) for row in model.parameters}
    spread = SinglePopulation(model, 70, 0.1, parameters, use_stim=True)
    assert set(spread.kernel.array_order) >= set(model.constant_names) - {"half_dt_ms", "per_dt"}
    assert states_after(scalar, 300) == states_after(spread, 300)


def test_without_current_is_the_same_as_a_current_of_zero() -> None:
    with_current = SinglePopulation(IAF, 70, 0.1, DRIVEN, use_stim=True)
    without = SinglePopulation(IAF, 70, 0.1, DRIVEN)
    draw = np.random.default_rng(3)
    for _ in range(300):
        inputs = {c: draw.integers(-90, 100, 70) for c in range(2)}
        assert np.array_equal(with_current.step(inputs, 0.0), without.step(inputs))
        assert with_current.state("V_m_mV").tobytes() == without.state("V_m_mV").tobytes()


def test_wide_accumulators_give_the_bits_of_narrow_ones_and_hold_more() -> None:
    narrow, wide = (SinglePopulation(IAF, 70, 0.1, DRIVEN, use_stim=True, acc_bits=bits) for bits in (32, 64))
    assert states_after(narrow, 300) == states_after(wide, 300)
    wide.step({0: 2**40})
    assert wide.state("I_syn_ex_pA").min() > 1e12


def test_mixing_of_channels_follows_the_stated_order() -> None:
    mix = np.array([[0.3, 1.0, 0.0], [0.0, 0.7, 0.0], [0.0, 0.0, 0.0]])
    quanta = [0.125, 0.25, 2.0]
    population = SinglePopulation(PORTS, 5, 0.1, quanta=quanta, mix=mix)
    given = np.array([[3, -7, 1001, 12345, 0], [8, 2, -5, 77777, 1], [1, 1, 1, 1, 1]])
    population.step(dict(enumerate(given)))
    x = given.astype(np.float32) * np.array(quanta, np.float32)[:, None]
    factors = mix.astype(np.float32)
    expected = [factors[0, 0] * x[0] + x[1], factors[1, 1] * x[1], np.zeros(5, np.float32)]
    for port, values in zip(("ampa", "nmda", "gaba"), expected, strict=True):
        assert population.state(f"I_syn_{port}_pA").tobytes() == values.astype(np.float32).tobytes()


def test_a_channel_may_feed_no_input_and_a_model_may_have_no_channel() -> None:
    population = SinglePopulation(PORTS, 3, 0.1, mix=np.zeros((3, 2)))
    assert population.kernel.n_channels == 2
    population.step({0: 5, 1: 7})
    assert not population.state("I_syn_ampa_pA").any()
    assert SinglePopulation(PORTS, 3, 0.1, quanta=[], mix=np.zeros((3, 0))).step().sum() == 0


def test_kernels_are_shared_and_described() -> None:
    kernel = get_update_kernel(IAF, {"I_e_pA"}, use_stim=True)
    assert kernel is get_update_kernel(IAF, frozenset({"I_e_pA"}), identity_mix(IAF), True, 32)
    assert kernel is not get_update_kernel(IAF)
    assert kernel.array_order == ("I_e_pA",)
    assert set(kernel.constant_order) == set(IAF.constant_names) - {"I_e_pA"}
    assert kernel.header_size == 4 + 4 + 2 + 1
    assert kernel.address > 0


def test_packed_constants() -> None:
    mix = [[1.0, 0.5], [0.0, 0.25]]
    kernel = get_update_kernel(IAF, mix=mix_structure(mix))
    constants = IAF.constants({}, 0.1)
    packed = kernel.pack_constants(constants, [0.5, 4.0], mix)
    names = [float(np.float32(constants[name])) for name in kernel.constant_order]
    assert packed.dtype == np.float32
    assert packed.tolist() == [*names, 0.5, 4.0, 0.5, 0.25]


def test_wrong_requests_are_refused() -> None:
    with pytest.raises(InputError, match="has no constant 'tau_m_ms'"):
        get_update_kernel(IAF, {"tau_m_ms"})
    with pytest.raises(InputError, match="acc_bits is 16; allowed: 32, 64"):
        get_update_kernel(IAF, acc_bits=16)
    with pytest.raises(InputError, match="mix has 1 rows; model 'iaf_psc_exp' has 2 inputs"):
        get_update_kernel(IAF, mix=mix_structure([[1.0]]))
    kernel = get_update_kernel(IAF)
    with pytest.raises(InputError, match="1 quanta given for 2"):
        kernel.pack_constants(IAF.constants({}, 0.1), [1.0])
    with pytest.raises(InputError, match="mix has the structure"):
        kernel.pack_constants(IAF.constants({}, 0.1), [1.0, 1.0], [[1.0, 0.5], [0.0, 1.0]])


class NoCurrent(NeuronModel):
    name = "no_current"
    summary = "takes no input current"
    states = IZHIKEVICH.states[:1]
    receptors = IZHIKEVICH.receptors

    @staticmethod
    def update(V_m_mV, in_syn):  # type: ignore[no-untyped-def]
        return V_m_mV + in_syn, V_m_mV > 0.0


def test_a_current_into_a_model_without_is_refused() -> None:
    with pytest.raises(InputError, match="model 'no_current' takes no input current"):
        get_update_kernel(NoCurrent(), use_stim=True)
