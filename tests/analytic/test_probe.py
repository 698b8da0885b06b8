"""The pictures of models: the drawn curve against closed forms."""

from __future__ import annotations

import numpy as np
import pytest

from dtbsim.backends.probe import CURVE_MS, Probe, answer_to_an_event, f_i_curve, fitting_step_ms, picture_of
from dtbsim.errors import InputError
from dtbsim.models import NeuronModel, Parameter, Receptor, State, get_model

IAF = get_model("iaf_psc_exp")


def test_the_curve_of_a_leaky_neuron() -> None:
    """Spikes follow each other after t_ref + tau ln(R I / (R I - theta)), in whole steps; threshold at 375 pA."""
    curve = f_i_curve(IAF, 0.1)
    assert curve is not None
    assert (curve.x[0], curve.x[-1]) == (0.0, 1000.0)
    resistance, theta_mV = 10.0 / 250.0, 15.0
    above = curve.x * resistance > theta_mV * 1.0001
    assert not curve.y[~above].any()
    drive = curve.x[above] * resistance
    passage_steps = np.ceil(10.0 * np.log(drive / (drive - theta_mV)) / 0.1 - 1e-6)
    interval_steps = passage_steps + 20
    expected = 1 + np.floor((CURVE_MS / 0.1 - passage_steps) / interval_steps)
    np.testing.assert_allclose(curve.y[above], expected, atol=1)
    assert curve.x_label == "I_stim (pA)"


def test_the_answer_to_an_event() -> None:
    """After an event of w pA: w tau_s tau_m / (C (tau_m - tau_s)) times the difference of the decays."""
    curve = answer_to_an_event(IAF, 0.1)
    assert "an event of 2000 pA at port ex" in curve.title
    after = curve.x > 10.2
    t = curve.x[after] - 10.1
    shape = 2000.0 * 2.0 * 10.0 / (250.0 * 8.0) * (np.exp(-t / 10.0) - np.exp(-t / 2.0))
    np.testing.assert_allclose(curve.y[after], -70.0 + shape, atol=2e-3)
    np.testing.assert_array_equal(curve.y[curve.x < 10.0], -70.0)


def test_izhikevich_is_shown_by_its_rate_and_sources_not_at_all() -> None:
    curve = picture_of(get_model("izhikevich"))
    assert curve is not None
    assert curve.y_label == "spikes in 1 s"
    assert 90 < curve.y.max() < 130
    assert picture_of(get_model("spike_source")) is None


class Lone(NeuronModel):
    """No ports, no current: it decays, and it takes steps of 0.02 ms and less."""

    name = "lone"
    summary = "decays"
    parameters = (Parameter("start", "1", 2.0, "start"),)
    states = (State("n", "steps", "counter", dtype="i32"), State("x", "1", "decays", default="start"))

    def check_together(self, p, dt_ms):  # type: ignore[no-untyped-def]
        if dt_ms > 0.02:
            raise InputError("too large")

    @staticmethod
    def update(n, x):  # type: ignore[no-untyped-def]
        return n + 1, 0.99 * x, x > 100.0


class Passing(Lone):
    """It lets a current through, whatever its size, and never fires; the counter comes second."""

    receptors = (Receptor("syn", "1", "added", channel=0),)
    states = (Lone.states[1], Lone.states[0])

    @staticmethod
    def update(n, x, in_syn, I_stim):  # type: ignore[no-untyped-def]
        return 0.99 * x + in_syn + I_stim, n + 1, x > 1e30


def test_models_that_never_fire() -> None:
    assert fitting_step_ms(Lone()) == 0.02
    curve = picture_of(Lone())
    assert curve is not None
    assert curve.title == "x by itself, defaults, dt 0.02 ms"
    np.testing.assert_allclose(curve.y, 2.0 * 0.99 ** np.arange(1, 5001), rtol=1e-3, atol=1e-30)
    curve = picture_of(Passing())
    assert curve is not None
    assert "an event of 5000 1 at port syn" in curve.title
    assert curve.y[0] == pytest.approx(1.98)
    assert curve.y.max() == pytest.approx(5000.0, rel=1e-3)


def test_a_probe_steps_all_its_neurons_alike() -> None:
    probe = Probe(IAF, 5, 0.1, 2.0)
    probe.input[0] = [0, 1, 2, 3, 4]
    assert not probe.step().any()
    assert not probe.input.any(), "the kernel takes its input"
    np.testing.assert_allclose(probe.state("I_syn_ex_pA"), [0, 2, 4, 6, 8])
    assert probe.valid().all()
    probe.current[2] = np.nan
    probe.step()
    assert probe.valid().tolist() == [True, True, False, True, True]
