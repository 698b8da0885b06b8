"""What other programs and papers call things here: names that a suggestion can be made of, never accepted as they are.

From NEST, PyNN, Brian2, TVB and common speech. Letter case, `_` and `-` do not count, nor does a unit at the end.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

# name here, and what else it goes by; a name with units is suggested wherever it is allowed
_ALIASES: dict[str, str] = {
    # neuron models
    "iaf_psc_exp": "lif, iaf, leaky_integrate_and_fire, integrate_and_fire, if, cuba, IF_curr_exp, lif_exp",
    "iaf_psc_alpha": "IF_curr_alpha, iaf_neuron, lif_alpha",
    "iaf_psc_delta": "IF_curr_delta, lif_delta, delta_lif, iaf_delta",
    "iaf_cond_exp": "IF_cond_exp, coba, lif_cond_exp, lif_cond",
    "iaf_cond_alpha": "IF_cond_alpha, lif_cond_alpha",
    "iaf_psc_exp_multisynapse": "multisynapse, lif_multisynapse",
    "aeif_cond_exp": "adex, aeif, adexp, adaptive_exponential, EIF_cond_exp_isfa_ista, EIF_cond_alpha_isfa_ista, "
    "aeif_psc_exp, aeif_cond_alpha, eif",
    "izhikevich": "izh, izhikevich_2003, izhikevich2003",
    "izhikevich_2007": "izhikevich2007, izh_2007, izhikevich_9",
    "hh_cond_exp_traub": "HH_cond_exp, traub, hh_traub",
    "hh_psc_alpha": "hh, hodgkin_huxley, hh_neuron",
    "iaf_wang_2002": "wang, wang_2002, wang_buzsaki, iaf_bw_2001, iaf_bw_2001_exact",
    "mat2_psc_exp": "mat, mat2",
    "amat2_psc_exp": "amat, amat2",
    "glif1_psc": "glif, glif1, glif_psc",
    "glif2_psc": "glif2",
    "glif3_psc": "glif3",
    "glif4_psc": "glif4",
    "glif5_psc": "glif5",
    "qif": "quadratic_integrate_and_fire, quadratic",
    "theta": "theta_neuron, ermentrout_kopell",
    "lif_dtb": "dtb",
    "spike_source": "SpikeSourceArray, spike_generator, SpikeGeneratorGroup, input_spikes, spike_array",
    "poisson_source": "SpikeSourcePoisson, PoissonGroup, poisson_generator, poisson_neuron",
    "parrot_neuron": "parrot, relay",
    "loihi_lif": "loihi, cuba, cuba_lif, lava_lif",
    "spinnaker_if_curr_exp": "spinnaker, spynnaker, spinnaker_lif",
    "truenorth": "true_north, truenorth_neuron",
    # region models
    "aln": "ALNModel, adaptive_linear_nonlinear, cakan_obermayer",
    "coombes_byrne": "qif_mean_field, theta_mean_field",
    "coombes_byrne_2d": "CoombesByrne2D",
    "deco_2013": "ReducedWongWang, rww, wong_wang, reduced_wong_wang, rWWEx, WW",
    "deco_2014": "ReducedWongWangExcInh, dmf, dynamic_mean_field, wwm, WWModel, wong_wang_exc_inh, rww_ei, deco",
    "di_volo_2019": "ZerlautAdaptationFirstOrder, zerlaut, adex_mean_field, di_volo",
    "di_volo_2019_second_order": "ZerlautAdaptationSecondOrder, zerlaut_second_order",
    "fitzhugh_nagumo": "FHNModel, fhn",
    "generic_2d_oscillator": "g2d, generic2d, generic_2d, Generic2dOscillator",
    "hopf": "SupHopf, HopfModel, stuart_landau, sl, sup_hopf",
    "jansen_rit": "jr, jansen, david_friston",
    "larter_breakspear": "larter, lb",
    "linear": "LinearModel, ornstein_uhlenbeck_node",
    "montbrio_pazo_roxin": "mpr, montbrio, MontbrioPazoRoxin",
    "wilson_cowan": "wc, WCModel",
    "wilson_cowan_1972": "wilson_cowan_original, wc1972",
    "zetterberg_jansen": "zetterberg, zj",
    # parameters and states of neurons
    "C_m_pF": "cm, C, Cm, capacitance, membrane_capacitance",
    "tau_m_ms": "tau, taum, tau_mem, tau_membrane, membrane_time_constant",
    "g_L_nS": "gl, gleak, g_leak, leak_conductance, g",
    "E_L_mV": "v_rest, El, E_leak, V_rest, V_L, resting_potential, Vrest, e_rest",
    "V_th_mV": "v_thresh, v_threshold, Vt, Vth, threshold, V_theta, theta, thresh",
    "V_reset_mV": "v_r, Vr, reset, v_reset",
    "t_ref_ms": "tau_refrac, tau_ref, refractory, refractory_period, t_refrac, tref, refrac",
    "I_e_pA": "i_offset, I_ext, I_dc, bias, input_current, I, I_ampl, Iext",
    "I_e": "i_offset, I_ext, I_dc, bias, input_current",
    "I_e_mV_per_ms": "i_offset, I_ext, I_dc, bias, input_current",
    "tau_syn_ex_ms": "tau_syn_E, tau_e, taue, tau_ex, tau_exc, tau_syn, tau_syn_exc, tau_ampa",
    "tau_syn_in_ms": "tau_syn_I, tau_i, taui, tau_in, tau_inh, tau_syn_inh, tau_gaba",
    "E_ex_mV": "e_rev_E, E_exc, E_e, Ee, e_syn_ex",
    "E_in_mV": "e_rev_I, E_inh, E_i, Ei, e_syn_in",
    "Delta_T_mV": "delta_T, DeltaT, slope_factor",
    "V_peak_mV": "v_spike, vpeak, v_cut, vcut",
    "a_nS": "a, subthreshold_adaptation",
    "b_pA": "b, spike_triggered_adaptation",
    "tau_w_ms": "tauw, tau_adapt",
    "V_m_mV": "v, vm, v_init, membrane_potential, potential, voltage, u, V",
    "g_ex_nS": "gsyn_exc, ge, g_exc",
    "g_in_nS": "gsyn_inh, gi, g_inh",
    # circuits and connection rules
    "potjans_diesmann": "microcircuit, potjans, pd14, cortical_microcircuit, pdcm",
    "balanced_ei": "balanced, brunel, ei, balanced_network",
    "all_to_all": "AllToAllConnector, all, full, dense, all2all",
    "one_to_one": "OneToOneConnector, one2one, pairwise, identity",
    "fixed_indegree": "FixedNumberPreConnector, in_degree, fixed_in_degree, fixed_fan_in, fan_in, random_convergent",
    "fixed_outdegree": "FixedNumberPostConnector, out_degree, fixed_out_degree, fixed_fan_out, fan_out, "
    "random_divergent",
    "fixed_total_number": "FixedTotalNumberConnector, total_number, total",
    "pairwise_bernoulli": "FixedProbabilityConnector, fixed_probability, bernoulli, random, erdos_renyi, probability",
    "explicit": "FromListConnector, FromFileConnector, from_list, from_file, list, edges, edge_list, adjacency",
    "indegree_max": "max_indegree, indegree_cap, max_fan_in",
    "indegree": "K, k_in, n_in, fan_in, c",
    "outdegree": "k_out, n_out, fan_out",
    "total": "N, n, number, n_synapses",
    "probability": "p, prob, p_connect, connection_probability, epsilon",
    "autapses": "allow_autapses, allow_self_connections, self_connections",
    "multapses": "allow_multapses, with_replacement",
    # drives
    "gamma": "gamma_sup_generator, SpikeSourceGamma, gamma_process, erlang",
    "renewal": "SpikeSourcePoissonRefractory, poisson_refractory, dead_time, refractory_poisson, ppd_sup_generator",
    "sinusoidal_gamma": "sinusoidal_gamma_generator",
    "pulse_packet": "pulsepacket_generator, pulsepacket, packet, volley",
    "white_noise": "xi, white, noise",
    # objects of a configuration
    "populations": "neurons, nodes, groups, cells, layers, pops, population, neuron_groups",
    "couplings": "coupling, long_range, global_coupling",
    "strength": "G, K, global_coupling, coupling_strength, gain, a",
    "integrator": "solver, method, scheme, integration",
    "ensemble": "members, sweep, batch, lanes",
    "projections": "connections, synapses, edges, connect, connectivity, projection",
    "drives": "inputs, stimuli, stimulation, stimulus, input, devices, generators, drive, external_input",
    "circuits": "circuit",
    "controllers": "homeostasis, controller",
    "record": "recorders, recording, recordings, monitors, output, records, observables",
    "simulation": "kernel, settings, sim, simulate",
    "description": "comment, notes, title",
    "seed": "rng_seed, random_seed, rng, grng_seed",
    "atlas": "parcellation, connectome",
    "size": "n, N, number, count, n_neurons, num_neurons, neurons",
    "model": "neuron_model, neuron, cell_type, celltype, type",
    "parameters": "params, cell_params, neuron_params",
    "initial": "init, initial_values, initial_state, initial_conditions, state",
    "regions": "region, rois, roi, areas, parcels, centres, centers, coords, coordinates, labels, region_names, nodes",
    "receptors": "ports, receptor_ports",
    "source": "pre, from, presynaptic, src, sources",
    "target": "post, to, postsynaptic, dst, tgt, targets, population, populations",
    "rule": "conn_spec, connection, connector, connection_rule, conn_rule, kind",
    "synapse": "syn_spec, synapse_model, plasticity, synapse_type, stp, stdp",
    "receptor": "receptor_type, port",
    "weight_pA": "w, J, j, syn_weight, g",
    "delay_ms": "d, latency, axonal_delay, dendritic_delay",
    "scope": "between",
    "dt_ms": "resolution, timestep, time_step, step, defaultclock, h, dt",
    "duration_ms": "t_sim, simtime, sim_time, t_stop, tstop, time, length, T, runtime, t_max, biological_time",
    "threads": "local_num_threads, n_threads, num_threads",
    "max_delay_ms": "max_delay, longest_delay",
    "stop_ms": "end, until, off",
    "start_ms": "begin, origin, onset",
    "start": "begin, origin",
    "rate_hz": "frequency, freq, lambda, firing_rate",
    "amplitude": "current, strength, I, i_ext",
    "times_ms": "amplitude_times, rate_times",
    "amplitudes": "amplitude_values, currents, values",
    "rates_hz": "rate_values",
    "std": "sd, sigma, stdev, standard_deviation",
    "sd": "std, sigma, stdev, standard_deviation",
    "sigma": "std, sd, stdev",
    "mean": "mu, average, loc",
    "low": "min, minimum, a, lower",
    "high": "max, maximum, b, upper",
    "interval_ms": "sampling_interval, period, record_interval",
    "variables": "record_from, variable, recordables, quantities",
    "neurons": "n, indices, ids, cells",
    "population": "target, source, pop, populations",
    "tr_ms": "repetition_time, tr",
    "spikes_file": "file, filename, path",
    "file": "filename, path, spikes_file",
    "spikes": "spike_times, spike_trains, senders",
    "time_ms": "times, spike_times, t",
    "neuron": "neurons, senders, index, indices, i, ids, gid",
    # drives, synapses, distributions
    "poisson": "poisson_generator, SpikeSourcePoisson, PoissonGroup, PoissonInput, poisson_input",
    "dc": "dc_generator, DCSource, constant, constant_current, current",
    "ac": "ac_generator, ACSource",
    "sinusoidal": "sine, sin, sinusoid",
    "step_current": "step_current_generator, StepCurrentSource, steps",
    "noise_current": "noise_generator, NoisyCurrentSource, white_noise, noise, gaussian_noise",
    "ou_current": "ou, ornstein_uhlenbeck, ou_noise, coloured_noise, colored_noise",
    "inhomogeneous_poisson": "inhomogeneous_poisson_generator, poisson_inhomogeneous, time_varying_poisson",
    "sinusoidal_poisson": "sinusoidal_poisson_generator, sinusoidal_gamma_generator",
    "spike_trains": "spike_generator, SpikeSourceArray, SpikeGeneratorGroup, spikes, spike_source, spike_file",
    "ramp": "ramp_current, linear",
    "current_series": "file, time_series, timeseries, recording, current_file",
    "pulse_train": "pulses, PulseTrain, dbs, square_wave, rectangular",
    "tsodyks_markram": "tsodyks2_synapse, tsodyks_synapse, stp, TsodyksMarkramSynapse, short_term_plasticity, tm",
    "stdp": "stdp_synapse, STDPMechanism, pair_stdp, stdp_synapse_hom, hebbian",
    "stdp_power_law": "stdp_pl_synapse_hom, power_law",
    "stdp_triplet": "stdp_triplet_synapse, triplet, pfister_gerstner",
    "stdp_dopamine": "stdp_dopamine_synapse, dopamine, reward",
    "vogels_sprekeler": "vogels_sprekeler_synapse, inhibitory_stdp, istdp, vogels",
    "saturating_nmda": "nmda, nmda_synapse",
    "learning_rate": "lambda, lambda_, eta, lr",
    "weight_max": "Wmax, w_max, wmax",
    "weight_min": "Wmin, w_min, wmin",
    "U": "u, U_se",
    "uniform": "flat, rectangular, uniform_distribution",
    "normal": "gaussian, gauss, normal_distribution, normal_clipped, normal_clipped_to_boundary, clipped_normal",
    "truncated_normal": "truncnorm, redraw, truncated_gaussian",
    "lognormal": "log_normal, lognorm",
    "exponential": "exp, expon",
    "homeostatic_tonic": "homeostasis, homeostatic, fic, feedback_inhibition_control, tonic",
    "synaptic_scaling": "scaling, homeostatic_scaling",
    # atlases: bundled, files of a folder, keys of a file, regions
    "aal2": "aal, aal_2, automated_anatomical_labeling",
    "dk68": "desikan, desikan_killiany, dk, aparc, default",
    "schaefer100": "schaefer, schaefer_100, yeo",
    "schaefer200": "schaefer_200",
    "schaefer400": "schaefer_400",
    "region_names": "names, labels, regions, roi_names, region_labels, name",
    "xyz_mm": "centres, centers, coordinates, coords, centroids, xyz, positions, mni",
    "weights": "sc, connectivity, connectome, conn, structural_connectivity, c_mat, cmat, w, adjacency, sc_weights, "
    "weight_matrix, SC_emp",
    "lengths_mm": "lengths, tract_lengths, tracts, d, dist, distances, fiber_lengths, fibre_lengths, l, dmat, d_mat, "
    "length_mat, lengthmat, delays",
    "fc": "fc_emp, fc_empirical, empirical_fc, functional_connectivity, fcs, fc_mean, fc_average, fc_group",
    "hemisphere": "hemispheres, hemi, side",
    "is_cortex": "cortical, cortex",
    "lead_field": "leadfield, gain, gain_matrix, forward",
    "maps": "map, gradients, receptor_maps",
    "licence": "license",
}

_UNIT = re.compile(r"(?<=.)_(us|ms|s|hz|khz|pA|nA|mA|mV|V|uV|pF|nF|uF|nS|uS|mS|mm|um|m_per_s)$", re.IGNORECASE)
_SUFFIX = re.compile(r"\.(csv|tsv|txt|npy|npz|json|mat)$", re.IGNORECASE)


def _bare(name: str) -> str:
    return name.lower().replace("_", "").replace("-", "").replace(" ", "")


def _readings(given: str) -> Iterator[str]:
    """The name itself, and without a unit at its end."""
    yield _bare(given)
    if shorter := _UNIT.sub("", given):
        yield _bare(shorter)


def _table() -> dict[str, list[str]]:
    table: dict[str, list[str]] = {}
    for name, others in _ALIASES.items():
        for other in others.split(","):
            table.setdefault(_bare(other.strip()), []).append(name)
    return table


_TABLE: dict[str, list[str]] = {}


def meant_by(given: str) -> Iterator[str]:
    """Yield the names here that `given` may stand for, the likeliest first; of a file with its suffix, or .csv."""
    if not _TABLE:
        _TABLE.update(_table())
    suffix = _SUFFIX.search(given)
    for reading in _readings(given[: suffix.start()] if suffix else given):
        for name in _TABLE.get(reading, ()):
            yield from (f"{name}{suffix.group().lower()}", f"{name}.csv") if suffix else (name,)
