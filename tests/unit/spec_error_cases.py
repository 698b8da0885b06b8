"""A configuration that compiles, and everything that can be wrong with it."""

from __future__ import annotations

from tests.unit.distribution_error_cases import DISTRIBUTIONS, PROJECTION

BASE = """\
simulation: {dt_ms: 0.1, duration_ms: 20}
atlas: small.npz
populations:
  E: {model: iaf_psc_exp, size: 30, regions: all}
  N: {model: iaf_psc_exp, size: 7, parameters: {tau_syn_in_ms: 5.0}}
  M: {model: iaf_psc_exp_multisynapse, size: 5, receptors: {fast: 2, slow: 50}}
  Z: {model: izhikevich, size: 9}
  S: {model: spike_source, size: 4, spikes_file: good.csv}
projections:
  EE: {source: E, target: E, scope: connectome, rule: {kind: all_to_all}, weight_pA: 1, delay_ms: 2}
  NN: {source: N, target: N, rule: {kind: fixed_indegree, indegree: 2}, weight_pA: 1, delay_ms: 2}
  NM: {source: N, target: M, receptor: fast, rule: {kind: all_to_all}, weight_pA: 1, delay_ms: 2}
  NZ: {source: N, target: Z, rule: {kind: all_to_all}, weight_mV: 1, delay_ms: 2}
drives:
  bg: {kind: poisson, target: E, rate_hz: 10, weight_pA: 1}
  dc: {kind: dc, target: N, amplitude: 1}
  st: {kind: spike_trains, target: N, file: good.csv, weight_pA: 1}
"""
FILES = {
    "good.csv": "neuron,time_ms\n0,1.0\n3,2.5\n",
    "spikes.txt": "",
    "columns.csv": "cell,time_ms\n0,1.0\n",
    "words.csv": "neuron,time_ms\nfirst,1.0\n",
    "many.csv": "neuron,time_ms\n7,1.0\n",
    "negative.csv": "neuron,time_ms\n1,-1.0\n",
    "zero.csv": "neuron,time_ms\n1,0.0\n",
    "burst.csv": "neuron,time_ms\n" + "1,5.0\n" * 256,
}

TONIC = (
    "{c: {kind: homeostatic_tonic, population: E, parameter: I, target_rate_hz: 4, interval_ms: 5, "
    "stages: [{start_ms: 0, eta: 1}]}}"
)

CASES: dict[str, tuple[dict[str, str], str, str, str | None]] = {
    "duration": (
        {"simulation.duration_ms": "0.04"},
        "0.04 ms is not a whole number of steps of 0.1 ms",
        "simulation.duration_ms",
        "nearest: 0 and 0.1 ms",
    ),
    "model": (
        {"populations.N.model": "iaf_psc_ex"},
        "unknown model 'iaf_psc_ex'",
        "populations.N.model",
        "did you mean 'iaf_psc_exp'?",
    ),
    "ports": (
        {"populations.M.receptors": "null"},
        "needs receptor ports",
        "populations.M.model",
        "give receptors: {ampa: 2",
    ),
    "no atlas": (
        {"atlas": "null", "projections": "{}", "drives": "{}"},
        "regions are given, but the run has no atlas",
        "populations.E.regions",
        "add `atlas: NAME`",
    ),
    "region": (
        {"populations.E.regions": "[Mit]"},
        "atlas 'small' has no region 'Mit'",
        "populations.E.regions",
        "did you mean 'Mid'?",
    ),
    "parameter": (
        {"populations.N.parameters": "{tau_m: 10}"},
        "model 'iaf_psc_exp' has no parameter 'tau_m'",
        "populations.N.parameters.tau_m",
        "the unit belongs in the name: tau_m_ms (milliseconds)",
    ),
    "parameter in another unit": (
        {"populations.N.parameters": "{V_th_V: -0.052}"},
        "model 'iaf_psc_exp' has no parameter 'V_th_V'",
        "populations.N.parameters.V_th_V",
        "this key takes millivolts: V_th_mV (-0.052 V = -52 mV)",
    ),
    "spread parameter in another unit": (
        {"populations.N.parameters": "{tau_m_s: {distribution: uniform, low: 0.01, high: 0.02}}"},
        "model 'iaf_psc_exp' has no parameter 'tau_m_s'",
        "populations.N.parameters.tau_m_s",
        "this key takes milliseconds: tau_m_ms",
    ),
    "initial": (
        {"populations.N.initial": "{V_mV: -70}"},
        "model 'iaf_psc_exp' has no state 'V_mV'",
        "populations.N.initial.V_mV",
        "did you mean 'V_m_mV'?",
    ),
    "controlled": (
        {"controllers": TONIC},
        "model 'iaf_psc_exp' has no parameter 'I'",
        "controllers.c.parameter",
        "allowed: C_m_pF",
    ),
    "map without regions": (
        {"populations.N.parameters": "{I_e_pA: {map: gradient, low: 1, high: 2}}"},
        "map 'gradient' needs a population in regions",
        "populations.N.parameters.I_e_pA",
        "add `regions: all`",
    ),
    "map": (
        {"populations.E.parameters": "{I_e_pA: {map: gradien, low: 1, high: 2}}"},
        "atlas 'small' has no map 'gradien'",
        "populations.E.parameters.I_e_pA",
        "did you mean 'gradient'?",
    ),
    "flat map": (
        {"populations.E.parameters": "{I_e_pA: {map: flat, low: 1, high: 2}}"},
        "map 'flat' is the same everywhere",
        "populations.E.parameters.I_e_pA",
        "give a number instead",
    ),
    "value": (
        {"populations.N.parameters": "{tau_m_ms: -1}"},
        "tau_m_ms is -1 ms; allowed: ",
        "populations.N.parameters",
        None,
    ),
    "value of a distribution": (
        {"populations.N.parameters": "{tau_m_ms: {distribution: normal, mean: 5, sd: 2}}"},
        "tau_m_ms is -4.2",
        "populations.N.parameters",
        None,
    ),
    "value of a map": (
        {"populations.E.parameters": "{V_th_mV: {map: gradient, low: -80, high: -50}}"},
        "V_reset_mV is -70 mV with V_th_mV -80 mV",
        "populations.E.parameters",
        None,
    ),
    "time step of a model": (
        {"simulation.dt_ms": "2"},
        "dt_ms is 2; model 'izhikevich' needs dt_ms <= 1",
        "populations.Z",
        "set simulation.dt_ms to 1 or less",
    ),
    "size": (
        {"populations.E.size": "200000000000"},
        "more than 274877906944 neurons",
        "populations.E.size",
        "reduce sizes",
    ),
    "distribution": (
        {"populations.N.parameters": "{I_e_pA: {distribution: truncated_normal, mean: 0, sd: 1, low: 90}}"},
        "a normal with mean 0 and sd 1 never falls within low 90",
        "populations.N.parameters.I_e_pA",
        "move the bounds towards the mean",
    ),
    # -- projections
    "source": (
        {f"{PROJECTION}.source": "K"},
        "there is no population 'K'",
        f"{PROJECTION}.source",
        "allowed: E, M, N, S, Z",
    ),
    "target": (
        {f"{PROJECTION}.target": "K"},
        "there is no population 'K'",
        f"{PROJECTION}.target",
        "allowed: E, M, N, S, Z",
    ),
    "target is a source": (
        {f"{PROJECTION}.target": "S"},
        "'S' only emits spikes; it has no input",
        f"{PROJECTION}.target",
        None,
    ),
    "scope": (
        {"projections.EE.scope": "null"},
        "'E' and 'E' both live in regions",
        "projections.EE.scope",
        "say how they pair: scope: same_region, connectome or all",
    ),
    "scope without regions": (
        {f"{PROJECTION}.scope": "connectome"},
        "'connectome' needs regions, but 'N' has none",
        f"{PROJECTION}.scope",
        None,
    ),
    "scope without regions of the target": (
        {"projections.EE.target": "N", "projections.EE.scope": "same_region"},
        "'same_region' needs regions, but 'N' has none",
        "projections.EE.scope",
        None,
    ),
    "no pair": (
        {"populations.E.regions": "[A_L, D_R]", "drives": "{}"},
        "'E' and 'E' share no pair of regions",
        "projections.EE",
        None,
    ),
    "sizes": (
        {
            f"{PROJECTION}.target": "Z",
            f"{PROJECTION}.weight_mV": "1",
            f"{PROJECTION}.weight_pA": "null",
            f"{PROJECTION}.rule": "{kind: one_to_one}",
        },
        "one_to_one needs equal sizes; 'N' has 7, 'Z' 9",
        f"{PROJECTION}.rule",
        None,
    ),
    "tracts": (
        {"projections.EE.scope": "all", "projections.EE.delay_ms": "{tract_velocity_m_per_s: 5}"},
        "the atlas has no tract lengths for these pairs",
        "projections.EE.delay_ms",
        "give a delay in ms",
    ),
    **DISTRIBUTIONS,
    "one neuron": (
        {"populations.N.size": "1", "drives.st": "null", f"{PROJECTION}.rule": "{kind: all_to_all, autapses: false}"},
        "'N' has one neuron, so no source is left without autapses",
        f"{PROJECTION}.rule",
        None,
    ),
    "too few sources": (
        {f"{PROJECTION}.rule": "{kind: fixed_indegree, indegree: 7, autapses: false, multapses: false}"},
        "in-degree 7 without multapses, but only 6 sources",
        f"{PROJECTION}.rule",
        "lower indegree, allow multapses, or enlarge the source population",
    ),
    # -- ports and weights
    "port": (
        {f"{PROJECTION}.receptor": "exc"},
        "model 'iaf_psc_exp' has no receptor 'exc'",
        f"{PROJECTION}.receptor",
        "did you mean 'ex'?",
    ),
    "no port": ({f"{PROJECTION}.receptor": "{}"}, "no receptor port is named", f"{PROJECTION}.receptor", None),
    "several ports": (
        {"projections.NM.receptor": "null"},
        "model 'iaf_psc_exp_multisynapse' has several receptor ports: fast, slow",
        "projections.NM.receptor",
        "receptor: NAME",
    ),
    "both signs": (
        {f"{PROJECTION}.weight_pA": "{distribution: normal, mean: 0, sd: 1}"},
        "weights have both signs",
        f"{PROJECTION}.receptor",
        "say which port: receptor: ex or receptor: in",
    ),
    "unit": (
        {"projections.NZ.weight_mV": "null", "projections.NZ.weight_pA": "1"},
        "model 'izhikevich' takes weight_mV, not weight_pA",
        "projections.NZ.weight_pA",
        None,
    ),
    # -- drives
    "drive target": (
        {"drives.bg.target": "[E, K]"},
        "there is no population 'K'",
        "drives.bg.target",
        "allowed: E, M, N, S, Z",
    ),
    "drive of a source": ({"drives.dc.target": "S"}, "model 'spike_source' takes no input current", "drives.dc", None),
    "spikes into a source": (
        {"drives.bg.target": "S"},
        "model 'spike_source' receives no spikes",
        "drives.bg.target",
        None,
    ),
    "rate": (
        {"drives.bg.rate_hz": "1000001"},
        "100 events per step; allowed: 0 to 100",
        "drives.bg.rate_hz",
        "use a shorter dt_ms, or fewer events with a larger weight",
    ),
    "rate of a map": (
        {"drives.bg.rate_hz": "{map: gradient, low: -1, high: 5}"},
        "-0.0001 events per step; allowed: 0 to 100",
        "drives.bg.rate_hz",
        "use a shorter dt_ms",
    ),
    "drawn rate below zero": (
        {"drives.bg.rate_hz": "{distribution: normal, mean: 1, sd: 5}"},
        "rates down to -",
        "drives.bg.rate_hz",
        "bound it: `low: 0`",
    ),
    "no file": (
        {"drives.st.file": "none.csv"},
        "there is no file ",
        "drives.st.file",
        "give a path relative to the configuration file",
    ),
    "format": ({"drives.st.file": "spikes.txt"}, "spikes.txt is neither .npz nor .csv", "drives.st.file", None),
    "columns": (
        {"drives.st.file": "columns.csv"},
        "cannot read spike trains from ",
        "drives.st.file",
        "it needs columns `neuron` and `time_ms`",
    ),
    "words": ({"drives.st.file": "words.csv"}, "invalid literal for int()", "drives.st.file", "it needs columns"),
    "damaged": (
        {"drives.st.file": "damaged.npz"},
        "cannot read spike trains from ",
        "drives.st.file",
        "it needs columns",
    ),
    "shapes": (
        {"drives.st.file": "shapes.npz"},
        "`neuron` (3,) and `time_ms` (2,) differ in shape",
        "drives.st.file",
        None,
    ),
    "floats": ({"drives.st.file": "floats.npz"}, "`neuron` must be integers, not float64", "drives.st.file", None),
    "neurons": ({"drives.st.file": "many.csv"}, "neurons 7 to 7; the population has 0 to 6", "drives.st.file", None),
    "times": ({"drives.st.file": "negative.csv"}, "times must be finite and not negative", "drives.st.file", None),
    "burst": ({"drives.st.file": "burst.csv"}, "256 spikes of one neuron in one step; allowed: 255", "drives.st", None),
    # -- listed spikes and records
    "no spikes": (
        {"populations.S.spikes_file": "null"},
        "a 'spike_source' population needs its spikes",
        "populations.S.spikes_file",
        "give spikes_file: FILE",
    ),
    "own spikes": (
        {"populations.N.spikes_file": "good.csv"},
        "model 'iaf_psc_exp' makes its own spikes",
        "populations.N.spikes_file",
        None,
    ),
    "time 0": (
        {"populations.S.spikes_file": "zero.csv"},
        "spike times must be above 0",
        "populations.S.spikes_file",
        None,
    ),
    "record": (
        {"record": "{states: [{population: N, variables: [V_m_mV, V_m]}]}"},
        "model 'iaf_psc_exp' has no state 'V_m'",
        "record.states.0.variables.1",
        "the unit belongs in the name: V_m_mV (millivolts)",
    ),
}
"""What is changed (key path -> YAML), then part of the message, the place, part of the remedy (None: there is none)."""
