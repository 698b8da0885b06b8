"""`dtbsim info`, `dtbsim hash`, `dtbsim report` and `dtbsim export`: about a run that is there already."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from dtbsim.cli.needs import installed
from dtbsim.cli.output import pairs, show, write
from dtbsim.cli.summary import report_of, summary_rows
from dtbsim.errors import EXIT_INPUT, EXIT_OK, InputError
from dtbsim.report.text import count, is_number, plural, seconds

if TYPE_CHECKING:
    from dtbsim.store import Run

_T = TypeVar("_T")
_PIECES = ("status", "summary", "provenance", "network")
"""Files of a run folder that it may lack: the run goes on, or ended early."""


def run_hash(folder: Path) -> int:
    """Print the hash of a run's spikes, and on stderr where it comes from if not from the stores.

    Of mean-field regions that of their states, on a second line where there are neurons, too. Raises InputError where
    there is none, or where stores and summary contradict each other.
    """
    with installed():
        from dtbsim.store import hash_run, open_run

    run = open_run(folder)
    summary = run.summary if (run.path / "summary.json").exists() else {}
    states = summary.get("state_hash")
    if states is not None and not summary.get("neurons"):
        write(f"{states}\n")
        return EXIT_OK
    result = hash_run(folder)
    if result.agrees is False:
        raise InputError(
            f"the spikes in the stores hash to {result.digest}, which is not what summary.json says",
            where=str(folder),
            remedy="stores or summary were changed after the run; restore them from a copy, or repeat the run",
        )
    if result.why_not_recomputed is not None:
        print(f"dtbsim: the hash is that of summary.json: {result.why_not_recomputed}", file=sys.stderr)
    write(f"{result.digest}\n" + ("" if states is None else f"{states}\n"))
    return EXIT_OK


def report(folder: Path) -> int:
    """Write the report of a run and print its path."""
    with installed():
        from dtbsim.report import write_report

        path = write_report(folder)
    write(f"{path}\n")
    return EXIT_OK


def export(
    folder: Path, name: str, file: Path, start_ms: float | None, stop_ms: float | None, labels: Path | None
) -> int:
    """Write a signal of a run to a file and print its path."""
    with installed():
        from dtbsim.store import open_run

        path = open_run(folder).export(name, file, start_ms, stop_ms, labels=labels)
    write(f"{path}\n")
    return EXIT_OK


def info(folder: Path, *, as_json: bool, check: bool = False) -> int:
    """Print what is known about a run, finished or not, and what of its folder is damaged or missing.

    `check`: recorded values and large inputs are read, too. The exit code says whether the folder is whole.
    """
    with installed():
        from dtbsim.store import open_run
        from dtbsim.store.files import to_json

    known = describe(open_run(folder), check=check)
    if as_json:
        write(to_json(known))
    else:
        show(pairs(_rows(known), title=f"{known['name']}: {known['state']}"))
    if not known["damaged"]:
        return EXIT_OK
    first, more = known["damaged"][0], len(known["damaged"]) - 1
    others = f"; and {plural(more, 'more file')}" if more else ""
    print(f"dtbsim: error: {first['file']}: {first['problem']}{others}", file=sys.stderr)
    return EXIT_INPUT


def describe(run: Run, *, check: bool = False) -> dict[str, Any]:
    """Return run_dir, name, description, state, stores, report, damaged and the contents of the small files.

    A file that is not there is None, as is one that is damaged. `state` is that of status.json, or `killed` where it
    says `running` and its process is gone, or `unknown`. `damaged` lists `file` and `problem`.
    """
    from dtbsim.run_folder.inspection import inspect_folder

    pieces = {name: _whole(partial(_piece, run, name), None) for name in _PIECES}
    nothing: dict[str, Any] = {}
    config = _whole(lambda: run.config, nothing)
    stores = run.path / "stores"
    return {
        "run_dir": str(run.path.absolute()),
        "name": config.get("name") or run.path.name,
        "description": config.get("description") or "",
        "state": _whole(lambda: str(run.state), "unknown"),
        "stores": sorted(entry.name for entry in stores.iterdir() if entry.is_dir()) if stores.is_dir() else [],
        "report": None if (path := report_of(run.path.absolute())) is None else str(path),
        "damaged": [
            {"file": error.where or str(run.path), "problem": str(InputError(error.message, remedy=error.remedy))}
            for error in inspect_folder(run, values=check)
        ],
        **pieces,
    }


def _piece(run: Run, name: str) -> dict[str, Any] | None:
    if not (run.path / f"{name}.json").exists():
        return None
    piece: dict[str, Any] = getattr(run, name)
    return piece


def _whole(read: Callable[[], _T], otherwise: _T) -> _T:
    """Return what `read` gives; `otherwise` where a file is damaged, which is told apart."""
    try:
        return read()
    except InputError:
        return otherwise


def _rows(known: dict[str, Any]) -> list[tuple[str, str]]:
    provenance, status = known["provenance"] or {}, known["status"] or {}
    rows = [
        ("description", " ".join(known["description"].split())),
        ("problem", str(status.get("message") or "")),
        ("progress", _progress(status) if known["state"] != "done" else ""),
        *(summary_rows(known["summary"]) if known["summary"] else _sizes(known["network"] or {})),
        ("warning", "; ".join(map(str, (known["summary"] or {}).get("warnings") or []))),
        ("begins", _beginning(provenance)),
        ("command", str(provenance.get("command") or "")),
        ("started", " on ".join(str(provenance[key]) for key in ("started", "host") if provenance.get(key))),
        ("finished", str(provenance.get("finished") or "")),
        ("seed", str(provenance.get("seed", ""))),
        ("dtbsim", _version(provenance)),
        ("stores", ", ".join(known["stores"]) or "none"),
        ("run folder", known["run_dir"]),
        ("report", known["report"] or ""),
        *(("damaged", f"{entry['file']}: {entry['problem']}") for entry in known["damaged"]),
    ]
    return [row for row in rows if row[1]]


def _beginning(provenance: dict[str, Any]) -> str:
    branch = provenance.get("branch")
    if not isinstance(branch, dict) or not is_number(branch.get("time_ms")):
        return ""
    return f"at {branch['time_ms']:.12g} ms, with {branch.get('checkpoint')} of {branch.get('run')}"


def _progress(status: dict[str, Any]) -> str:
    step, steps = status.get("step"), status.get("n_steps")
    if not (is_number(step) and is_number(steps) and steps > 0):
        return str(status.get("stage") or "")
    left = f", {seconds(status['eta_s'])} left" if is_number(status.get("eta_s")) else ""
    return f"{status.get('stage')}: step {count(step)} of {count(steps)} ({100 * step / steps:.0f} %){left}"


def _sizes(network: dict[str, Any]) -> list[tuple[str, str]]:
    sizes = [("neurons", network.get("n_neurons")), ("synapses", network.get("n_synapses"))]
    return [(label, count(value)) for label, value in sizes if is_number(value)]


def _version(provenance: dict[str, Any]) -> str:
    commit = str(provenance.get("commit") or "")[:12]
    modified = ", modified" if provenance.get("modified") else ""
    version = str(provenance.get("dtbsim") or "")
    return f"{version} (commit {commit}{modified})" if commit else version
