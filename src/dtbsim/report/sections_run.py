"""The parts of the report about the run itself: headline numbers, time and memory, how to reproduce it."""

from __future__ import annotations

import datetime
from typing import Any

from dtbsim.report import figures_performance as draw
from dtbsim.report.data import ReportData
from dtbsim.report.part import gathered
from dtbsim.report.parts import Headline, Panel, Section
from dtbsim.report.placement import placement_panels
from dtbsim.report.tables import provenance_table, rank_table, stage_table
from dtbsim.report.text import count, is_number, listing, plural, safe, seconds, significant, size_of


def headlines(data: ReportData) -> list[Headline]:
    """Return the numbers at the top, those that the summary has."""
    summary, network, tiles = data.run.summary, data.run.network, []
    regional = not summary.get("neurons") and is_number(summary.get("regions"))
    if regional:
        members = summary.get("members", 1)
        tiles.append(Headline("mean-field regions", count(summary["regions"]), "", _populations(network)))
        if members != 1:
            tiles.append(Headline("members", count(members), "", "of the ensemble"))
    elif is_number(summary.get("neurons")):
        note = plural(len(network["populations"]), "population") if network.get("populations") else ""
        if network.get("regions"):
            note = f"in {plural(len(network['regions']), 'region')}"
        tiles.append(Headline("neurons", *_split(count(summary["neurons"])), note))
    if is_number(summary.get("synapses")) and not regional:
        share = summary.get("bytes_per_synapse")
        note = f"{significant(share)} bytes each" if is_number(share) else ""
        tiles.append(Headline("synapses", *_split(count(summary["synapses"])), note))
    if is_number(summary.get("biological_s")):
        note = f"{count(summary['spikes'])} spikes" if is_number(summary.get("spikes")) and not regional else ""
        tiles.append(Headline("simulated time", *_split(seconds(summary["biological_s"])), note))
    if is_number(summary.get("rtf")) and summary["rtf"] > 0:
        tiles.append(_speed(summary["rtf"], summary.get("simulate_s")))
    if is_number(summary.get("mean_rate_hz")):
        tiles.append(Headline("mean rate", significant(summary["mean_rate_hz"]), "Hz", "over all neurons"))
    tiles += gathered(data.found, "headlines", data.absent)
    peak = summary.get("peak_rss_bytes")
    if isinstance(peak, dict) and is_number(peak.get("sum")):
        ranks = summary.get("ranks")
        note = f"over {plural(int(ranks), 'rank')}" if is_number(ranks) else ""
        tiles.append(Headline("peak memory", *_split(size_of(peak["sum"])), note))
    return tiles


def _populations(network: dict[str, Any]) -> str:
    models = dict.fromkeys(str(one["model"]) for one in network.get("region_populations") or [])
    return f"of {', '.join(models)}" if models else ""


def _split(quantity: str) -> tuple[str, str]:
    """Return value and unit of `4.2 GB`; compound times stay whole (`11 min 40 s`)."""
    value, _, unit = quantity.partition(" ")
    return (value, unit) if " " not in unit else (quantity, "")


def meta(data: ReportData) -> list[str]:
    """Return the line under the title: when, where, on what."""
    provenance, summary = data.run.provenance, data.run.summary
    items = [_moment(provenance["started"])] if provenance.get("started") else []
    items += [str(provenance["host"])] if provenance.get("host") else []
    if is_number(summary.get("ranks")):
        items.append(plural(int(summary["ranks"]), "rank"))
    if summary.get("gpu"):
        items.append(str(summary["gpu"]))
    elif is_number(summary.get("threads")):
        items.append(plural(int(summary["threads"]), "thread"))
    if data.run.network.get("atlas"):
        items.append(f"atlas {data.run.network['atlas']}")
    if "seed" in provenance:
        items.append(f"seed {provenance['seed']}")
    return items


def _moment(text: object) -> str:
    """Return an ISO time as `24 November 2026, 09:12 (UTC+00:00)`, other text as it is."""
    try:
        moment = datetime.datetime.fromisoformat(str(text))
    except ValueError:
        return str(text)
    zone = f" ({moment.tzname()})" if moment.tzinfo else ""
    return f"{moment.day} {moment:%B %Y, %H:%M}{zone}"


def _speed(rtf: float, simulate_s: object) -> Headline:
    note = f"{seconds(simulate_s)} of computing" if is_number(simulate_s) else ""
    return Headline("speed", significant(1 / rtf), "× real time", note)


def performance_section(data: ReportData) -> Section | None:
    """Return stages, ranks and memory."""
    performance = data.performance
    if performance is None:
        return None
    panels = []
    if any(stage.max_s > 0 for stage in performance.stages):
        text = "Wall time of every stage of the run."
        details = f"<details><summary>Numbers</summary>{stage_table(performance)}</details>"
        panels.append(Panel("Where the time went", text, draw.stages(performance), "Wall time per stage", details))
    if len(performance.ranks) > 1:
        text = "What each rank held. Equal bars mean that no rank waits for another."
        details = f"<details><summary>Numbers</summary>{rank_table(performance)}</details>"
        figure = draw.rank_shares(performance)
        panels.append(Panel("How the network was divided", text, figure, "Share of each rank", details))
    panels += placement_panels(data)
    return Section("performance", "Time and memory", _machine(data), panels, order=90)


def _machine(data: ReportData) -> str:
    summary, provenance = data.run.summary, data.run.provenance
    parts = []
    machine = [str(provenance[key]) for key in ("host", "cpu") if provenance.get(key)]
    machine += [f"{plural(int(cores), 'core')}" for cores in [provenance.get("cores")] if is_number(cores)]
    machine += [size_of(memory) for memory in [provenance.get("memory_bytes")] if is_number(memory)]
    machine += [str(gpu) for gpu in provenance.get("gpus") or []]
    if machine:
        parts.append(f"Machine: {safe(', '.join(machine))}.")
    if is_number(summary.get("ranks")) and is_number(summary.get("threads")):
        ranks, threads = int(summary["ranks"]), int(summary["threads"])
        backend = f", {safe(summary['backend'])} backend" if summary.get("backend") else ""
        if summary.get("gpu"):
            by = f"{safe(summary['gpu'])}, {safe(summary.get('gpu_plan'))} plan"
        else:
            by = f"{plural(threads, 'thread')} each"
        parts.append(f"{plural(ranks, 'rank')} with {by}{backend}.")
    if is_number(summary.get("rtf")):
        parts.append(
            f"A second of the network took {seconds(summary['rtf'])} (real-time factor {significant(summary['rtf'])})."
        )
    peak = summary.get("peak_rss_bytes")
    if isinstance(peak, dict) and is_number(peak.get("sum")) and is_number(peak.get("max")):
        whole = f"Peak memory {size_of(peak['sum'])}"
        several = (
            f" summed over ranks, {size_of(peak['max'])} in the largest of them" if summary.get("ranks") != 1 else ""
        )
        parts.append(f"{whole}{several}.")
    if is_number(summary.get("bytes_per_synapse")):
        parts.append(f"{significant(summary['bytes_per_synapse'])} bytes per synapse.")
    return " ".join(parts)


def _wrapped(text: object) -> str:
    return f"<pre class='wrap'>{safe(text)}</pre>"


def _scrolling(text: object, name: str) -> str:
    """Return text with its lines as they are; it scrolls, also by the keyboard."""
    return f"<pre tabindex='0' role='region' aria-label='{safe(name)}'>{safe(text)}</pre>"


def reproduce_section(data: ReportData) -> Section:
    """Return command, hash, provenance and the whole configuration."""
    run = data.run
    body = ""
    if run.command:
        body += "<p class='label'>Command</p>" + _wrapped(run.command)
    if run.summary.get("state_hash"):
        body += "<p class='label'>Hash of the states of mean-field regions (SHA-256)</p>"
        body += _wrapped(run.summary["state_hash"])
    if run.summary.get("spike_hash") and run.summary.get("neurons"):
        body += "<p class='label'>Hash of all spikes (SHA-256)</p>" + _wrapped(run.summary["spike_hash"])
    shown = {key: value for key, value in run.provenance.items() if key not in ("argv", "command", "command_line")}
    body += f"<details open><summary>Provenance</summary>{provenance_table(shown)}</details>" if shown else ""
    configuration = _scrolling(run.config_text, "Configuration")
    body += f"<details><summary>Configuration, with every default filled in</summary>{configuration}</details>"
    lead = (
        "Spikes and states are a pure function of the configuration and the seed: the same command gives the same hash "
        "on any number of ranks, threads and GPUs."
    )
    note = f"Not shown: {safe(listing(data.absent))}." if data.absent else ""
    return Section("reproduce", "Reproduction", f"{lead} {note}".strip(), [Panel("", "", body=body)], order=100)
