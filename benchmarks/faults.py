"""Kill a run again and again, resume it every time, and compare it with one that was never killed.

    python benchmarks/faults.py --kills 100 --ranks 3

Every start has a random number of ranks and threads, and is killed (SIGKILL, all of it or one rank) at a random moment:
while it starts, steps, writes a shard or a checkpoint. After the kills the run is left to end. It fails where the spike
hash or anything that was stored differs, or where a record that a checkpoint counts is lost.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from dtbsim.run_folder.checkpoints import find_checkpoint, list_checkpoints
from dtbsim.store import open_run

CONFIG = """\
name: faults
simulation: {dt_ms: 0.5, duration_ms: DURATION}
populations: {E: {model: iaf_psc_exp, size: 60}, I: {model: iaf_psc_exp, size: 20}}
projections:
  EI: {source: E, target: I, rule: {kind: fixed_indegree, indegree: 5}, weight_pA: 40, delay_ms: 1.5}
  IE:
    {source: I, target: E, rule: {kind: fixed_indegree, indegree: 4}, weight_pA: 20, delay_ms: 1,
     synapse: {kind: stdp, weight_max: 100}}
drives: {background: {kind: poisson, target: [E, I], rate_hz: 8000, weight_pA: 60}}
record:
  states: [{population: E, variables: [V_m_mV], neurons: 9, interval_ms: 5}]
  weights: [{projection: IE, neurons: 9, interval_ms: 1000}]
checkpoint: {every_ms: EVERY}
"""


class Harness:
    """One run that is killed and resumed in `folder`."""

    def __init__(self, folder: Path, duration_ms: int, ranks: int, seed: int) -> None:
        self._folder, self._ranks, self._random = folder, ranks, random.Random(seed)
        self.config, self.run = folder / "faults.yaml", folder / "run"
        text = CONFIG.replace("DURATION", str(duration_ms)).replace("EVERY", str(max(1, duration_ms // 40)))
        self.config.write_text(text, encoding="utf-8")
        self.kills = self.begun_anew = 0

    def start(self, out: Path, ranks: int, threads: int) -> subprocess.Popen[bytes]:
        """Start the run in `out`, or go on with it where it has a checkpoint."""
        if list_checkpoints(out):
            words = ["resume", str(out), "--threads", str(threads)]
        else:
            self.begun_anew += out.exists()
            shutil.rmtree(out, ignore_errors=True)
            words = ["run", str(self.config), "--out", str(out), "--set", f"simulation.threads={threads}"]
        mpi = [str(Path(sys.executable).with_name("mpiexec")), "-n", str(ranks)] if ranks > 1 else []
        python = [sys.executable, *(["-m", "mpi4py"] if ranks > 1 else [])]
        command = [*mpi, *python, "-m", "dtbsim", *words, "--no-report", "--quiet"]
        log = (self._folder / "log.txt").open("ab")
        with log:
            return subprocess.Popen(command, start_new_session=True, stdout=log, stderr=log)

    def kill_once(self, longest_s: float) -> None:
        """Start, and kill after a random time; a run that has ended by then is told by `ended`."""
        chosen = self._random
        process = self.start(self.run, chosen.randint(1, self._ranks), chosen.randint(1, 2))
        try:
            code = process.wait(timeout=chosen.uniform(0.0, longest_s))
            if code != 0:
                raise SystemExit(f"a start ended with {code}: see {self._folder / 'log.txt'}")
        except subprocess.TimeoutExpired:
            self.kills += 1
            group = _members(process.pid)
            ranks = [pid for pid in group if pid != process.pid] or group
            one = chosen.choice(ranks) if chosen.random() < 0.5 else None
            _kill(one) if one is not None else os.killpg(process.pid, signal.SIGKILL)
            time.sleep(0.2 if one is not None else 0.0)
            _kill_group(process.pid)
            process.wait()
        self.check_kept()

    def check_kept(self) -> None:
        """Whether everything that the last checkpoint counts can be read."""
        if not list_checkpoints(self.run):
            return
        found = find_checkpoint(self.run)
        found.read()
        for name, (rows, _) in found.manifest["stores"].items():
            published = (self.run / "stores" / name).with_suffix(".published.json")
            stored = json.loads(published.read_text(encoding="utf-8"))["rows"]
            if stored < rows:
                raise SystemExit(f"{name} has {stored} rows, the checkpoint counts {rows}")

    @property
    def ended(self) -> bool:
        """Whether the run has come to its end."""
        return (self.run / "summary.json").exists()


def _members(group: int) -> list[int]:
    """Processes of a session, helpers of the launcher included."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and os.getsid(int(entry.name)) == group:
                found.append(int(entry.name))
        except OSError:
            continue
    return found


def _kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return


def _kill_group(session: int) -> None:
    """Kill what is left of a session, and wait for its end."""
    end_s = time.monotonic() + 30.0
    while (left := [pid for pid in _members(session) if not _is_dead(pid)]) and time.monotonic() < end_s:
        for pid in left:
            _kill(pid)
        time.sleep(0.02)


def _is_dead(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


def contents(folder: Path) -> dict[str, Any]:
    """What a run has stored."""
    run = open_run(folder)
    steps, gids = run.spike_steps()
    values = {
        "steps": steps,
        "gids": gids,
        "rates": run.rates(),
        "states": run.states().V_m_mV,
        "weights": run.weights(),
    }
    hashed = {
        "stored hash": run.spike_hash().digest,
        "hash": run.summary["spike_hash"],
        "events": run.summary["events"],
    }
    return {name: np.asarray(value).tobytes() for name, value in values.items()} | hashed


def main(arguments: list[str] | None = None) -> int:
    """Kill, resume, compare; prints one JSON object and returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])  # type: ignore[union-attr]
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--ranks", type=int, default=2, help="at most so many")
    parser.add_argument("--duration-ms", type=int, default=40_000)
    parser.add_argument("--longest-s", type=float, default=4.0, help="latest moment of a kill, after a start")
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as name:
        harness = Harness(Path(name), given.duration_ms, given.ranks, given.seed)
        reference = Path(name) / "reference"
        if harness.start(reference, 1, 1).wait() != 0:
            raise SystemExit("the run that is compared with fails")
        whole = contents(reference)
        resumed = 0
        while harness.kills < given.kills:
            harness.kill_once(given.longest_s)
            if harness.ended:  # the next one
                resumed += _compared(harness, whole)
                shutil.rmtree(harness.run)
        if harness.start(harness.run, 1, 1).wait() != 0:
            raise SystemExit("the last start fails")
        resumed += _compared(harness, whole)
        print(json.dumps({"kills": harness.kills, "before_a_checkpoint": harness.begun_anew, "equal_runs": resumed}))
    return 0


def _compared(harness: Harness, whole: dict[str, Any]) -> int:
    found = contents(harness.run)
    differ = [name for name, value in whole.items() if found[name] != value]
    if differ:
        raise SystemExit(f"after {harness.kills} kills these differ: {', '.join(differ)}")
    return 1


if __name__ == "__main__":
    sys.exit(main())
