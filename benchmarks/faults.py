"""Disturb a run in every way there is, resume it every time, and compare it with one that was never disturbed.

    python benchmarks/faults.py --kills 100 --ranks 3

Every start has a random number of ranks and threads, and meets one of these:

kill         SIGKILL at a random moment, of all processes or of one rank
checkpoint   SIGKILL of a rank while it writes, names or removes a checkpoint (`faulty.py`)
shard        SIGKILL of a rank while it writes or names a piece of a store
exception    an exception on one rank while it stores something
stop         SIGSTOP of one rank of several: the others must end the job by themselves
damage       a bit of the last checkpoint is flipped, or its end cut off: the run says so and takes the one before;
             and a bit of a shard of a copy, which `info --check` must tell
disk         the disk is full (a tmpfs of few MB, which takes root), and becomes larger

After the kills the run is left to end. It fails where the spike hash or anything that was stored differs, where a
record that a checkpoint counts is lost, or where a fault is not told in one line.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from processes import MARKED, kill, kill_all, ranks

from dtbsim.errors import EXIT_INPUT, EXIT_STORAGE, InputError
from dtbsim.run_folder.checkpoints import find_checkpoint, list_checkpoints
from dtbsim.store import open_run
from dtbsim.store.published import published_path

CONFIG = """\
name: faults
simulation: {dt_ms: 0.5, duration_ms: DURATION, block_size: 16}
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
KILLS = ("kill", "checkpoint", "shard")
OTHERS = ("exception", "stop", "damage", "disk")
MOST_TRIES = 20
FAULTY = Path(__file__).with_name("faulty.py")


class Harness:
    """One run that is killed and resumed in `folder`."""

    def __init__(self, folder: Path, duration_ms: int, ranks: int, seed: int) -> None:
        self._folder, self._ranks, self._random = folder, ranks, random.Random(seed)
        self.config, self.run = folder / "faults.yaml", folder / "run"
        text = CONFIG.replace("DURATION", str(duration_ms)).replace("EVERY", str(max(1, duration_ms // 40)))
        self.config.write_text(text, encoding="utf-8")
        self.kills = self.begun_anew = self.full = self.equal = 0
        self.met: dict[str, int] = {}
        self.skipped: dict[str, str] = {}
        self.whole: dict[str, Any] = {}

    def start(
        self, out: Path, ranks: int, threads: int, fault: Sequence[object] = (), options: Sequence[str] = ()
    ) -> subprocess.Popen[bytes]:
        """Start the run in `out`, or go on with it where it has a checkpoint. `fault`: the argument of `faulty.py`."""
        if list_checkpoints(out):
            words = ["resume", str(out), "--threads", str(threads)]
        else:
            self.begun_anew += out.exists()
            shutil.rmtree(out, ignore_errors=True)
            words = ["run", str(self.config), "--out", str(out), "--set", f"simulation.threads={threads}"]
        words += ["--no-report", "--quiet", *options]
        mpi = [str(Path(sys.executable).with_name("mpiexec")), "-n", str(ranks)] if ranks > 1 else []
        python = [sys.executable, *(["-m", "mpi4py"] if ranks > 1 else [])]
        dtbsim = [str(FAULTY), *map(str, fault)] if fault else ["-m", "dtbsim"]
        with self.log.open("wb") as log:
            command = [*mpi, *python, *dtbsim, *words]
            environ = {**os.environ, **MARKED}
            return subprocess.Popen(command, start_new_session=True, stdout=log, stderr=log, env=environ)

    def __enter__(self) -> Harness:
        return self

    def __exit__(self, *_: object) -> None:
        """Leave nothing behind, also where something went wrong."""
        kill_all()

    @property
    def log(self) -> Path:
        """What the last start has said."""
        return self._folder / "log.txt"

    def meet(self, fault: str, longest_s: float) -> None:
        """Start, let it meet a fault, and look at what is left; compare a run that ends before, and begin another."""
        for _ in range(MOST_TRIES):
            met = getattr(self, f"_{fault}")(longest_s)
            if met or fault in self.skipped:
                break
            self.begin_another()
        else:
            raise SystemExit(f"{MOST_TRIES} runs did not meet the fault {fault}")
        if met:
            self.met[fault] = self.met.get(fault, 0) + 1
            self.kills += fault in KILLS
        self.check_kept()

    def begin_another(self) -> None:
        """A run has come to its end: compare it, and begin the next."""
        if not self.ended:
            raise SystemExit(f"a start ended before its end: {self.said()}")
        self.equal += compare(self, self.whole)
        shutil.rmtree(self.run)

    def _kill(self, longest_s: float) -> bool:
        """At a random moment: all, or one rank, after which the others end."""
        chosen = self._random
        process = self.start(self.run, chosen.randint(1, self._ranks), chosen.randint(1, 2))
        try:
            if process.wait(timeout=chosen.uniform(0.0, longest_s)) != 0:
                raise SystemExit(f"a start ended badly: {self.said()}")
        except subprocess.TimeoutExpired:
            if (found := ranks()) and chosen.random() < 0.5:
                kill(chosen.choice(found))
                time.sleep(0.2)
            kill_all()
            process.wait()
            return True
        return False

    def _checkpoint(self, longest_s: float) -> bool:
        return self._struck("checkpoints", "kill", 40)

    def _shard(self, longest_s: float) -> bool:
        return self._struck("stores", "kill", 150)

    def _exception(self, longest_s: float) -> bool:
        met = self._struck("stores", "raise", 100)
        if met and b"a fault at" not in self.log.read_bytes():
            raise SystemExit(f"the exception was not told: {self.said()}")
        return met

    def _struck(self, where: str, what: str, most: int) -> bool:
        """A rank meets a fault in the middle of its work; the job ends, whatever the others were doing."""
        chosen = self._random
        n = chosen.randint(1, self._ranks)
        rank = chosen.randrange(n)
        nth = chosen.randint(1, most if rank == 0 else most // 8)  # rank 0 has more to write
        process = self.start(self.run, n, chosen.randint(1, 2), (where, what, nth, rank))
        return self._waited(process) != 0

    def _stop(self, longest_s: float) -> bool:
        """One rank does not go on: the others say so and end."""
        process = self.start(self.run, max(2, self._ranks), 1, options=["--set", "simulation.stuck_timeout_s=3"])
        begin = self._step()
        while self._step() == begin and process.poll() is None:
            time.sleep(0.01)
        if process.poll() is not None:
            return False
        os.kill(self._random.choice(ranks()), signal.SIGSTOP)
        if self._waited(process) == 0 or b"rank" not in self.log.read_bytes():
            raise SystemExit(f"a rank that stopped was not told: {self.said()}")
        return True

    def _step(self) -> int:
        """How far the run says that it is."""
        try:
            found: int = json.loads((self.run / "status.json").read_text(encoding="utf-8")).get("step", 0)
        except (OSError, ValueError):
            return 0
        return found

    def _waited(self, process: subprocess.Popen[bytes], limit_s: float = 90.0) -> int:
        """The exit code of a job that must end by itself, and nothing of which may be left."""
        try:
            code = process.wait(timeout=limit_s)
        except subprocess.TimeoutExpired:
            raise SystemExit(f"a job did not end within {limit_s:g} s: {self.said()}") from None
        finally:
            kill_all()
        return code

    def said(self) -> str:
        """The end of what the last start has said."""
        return self.log.read_text(encoding="utf-8", errors="replace")[-2000:]

    def _damage(self, longest_s: float) -> bool:
        """The last checkpoint, then a shard."""
        while len(list_checkpoints(self.run)) < 2:
            if self.ended:
                self.begin_another()
            process = self.start(self.run, 1, 1)
            while len(list_checkpoints(self.run)) < 2 and process.poll() is None:
                time.sleep(0.01)
            kill_all()
            process.wait()
        before, last = list_checkpoints(self.run)[-2:]
        file = self._random.choice(sorted(last.iterdir()))
        self._spoil(file)
        process = self.start(self.run, 1, 1)
        if self._waited(process) != EXIT_INPUT or str(file) not in self.said() or self.said().count("\n") != 1:
            raise SystemExit(f"the damage of {file} was not told: {self.said()}")
        process = self.start(self.run, 1, 1, options=["--checkpoint", before.name])
        while list_checkpoints(self.run)[-1] == last and file.exists() and process.poll() is None:
            if any(path.name > before.name and path != last for path in list_checkpoints(self.run)):
                break  # it has gone on and written others
            time.sleep(0.01)
        kill_all()
        process.wait()
        if last.exists() and _is_damaged(self.run, last):
            shutil.rmtree(last)
        copy = self._folder / "copy"
        shutil.copytree(self.run, copy)
        shard = self._random.choice([path for path in sorted(copy.rglob("*")) if _is_published(copy, path)])
        self._spoil(shard)
        command = [sys.executable, "-m", "dtbsim", "info", str(copy), "--check"]
        told = subprocess.run(command, capture_output=True, text=True, check=False)
        if told.returncode != EXIT_INPUT or str(shard) not in told.stderr:
            raise SystemExit(f"the damage of {shard} was not told: {told.stdout}{told.stderr}")
        shutil.rmtree(copy)
        return True

    def _spoil(self, file: Path) -> None:
        """Flip a bit of a file, or cut its end off."""
        data = bytearray(file.read_bytes())
        if self._random.random() < 0.5:
            del data[self._random.randrange(len(data)) :]
        else:
            data[self._random.randrange(len(data))] ^= 1 << self._random.randrange(8)
        file.write_bytes(data)

    def _disk(self, longest_s: float) -> bool:
        """A disk that becomes full while the run stores something, and then larger."""
        place, here = self._folder / "disk", self.run
        place.mkdir()
        size = 300
        mount = ["mount", "-t", "tmpfs", "-o", f"size={size}k", "tmpfs", str(place)]
        if os.geteuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode != 0:
            self.skipped["disk"] = "a tmpfs cannot be mounted: that takes root"
            place.rmdir()
            return False
        try:
            self.run = place / "run"
            while not self.ended:
                code = self._waited(self.start(self.run, self._random.randint(1, self._ranks), 1))
                if code not in (0, EXIT_STORAGE) or (code and "No space left on device" not in self.said()):
                    raise SystemExit(f"a full disk was not told ({code}): {self.said()}")
                self.full += code != 0
                self.check_kept()
                size *= 2
                subprocess.run(["mount", "-o", f"remount,size={size}k", str(place)], check=True)
            if self.full == 0:
                raise SystemExit("the disk did not become full")
            compare(self, self.whole)
        finally:
            self.run = here
            subprocess.run(["umount", str(place)], check=True)
            place.rmdir()
        return True

    def check_kept(self) -> None:
        """Whether everything that the last checkpoint counts can be read."""
        if not list_checkpoints(self.run):
            return
        found = find_checkpoint(self.run)
        found.read()
        for name, (rows, *_) in found.manifest["stores"].items():
            published = (self.run / "stores" / name).with_suffix(".published.json")
            stored = json.loads(published.read_text(encoding="utf-8"))["rows"]
            if stored < rows:
                raise SystemExit(f"{name} has {stored} rows, the checkpoint counts {rows}")

    @property
    def ended(self) -> bool:
        """Whether the run has come to its end."""
        return (self.run / "summary.json").exists()


def _is_damaged(run: Path, checkpoint: Path) -> bool:
    """Whether a checkpoint is still not whole: it is not when it was written again."""
    try:
        find_checkpoint(run, checkpoint.name).check(0, 1)
    except InputError:
        return True
    return False


def _is_published(run: Path, path: Path) -> bool:
    """Whether a file is a piece of a store with rows that were published."""
    parts = path.relative_to(run).parts
    if not path.is_file() or "c" not in parts or parts[0] != "stores" or path.suffix == ".partial":
        return False
    at = parts.index("c")
    record = published_path(run.joinpath(*parts[: at - 1]))
    if not record.is_file() or path.stat().st_size == 0:
        return False
    said = json.loads(record.read_text(encoding="utf-8"))
    columns: list[str] = said.get("columns", [])
    return parts[at - 1] not in columns or int(parts[at + 1]) * said["shard_rows"] < said["rows"]


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
    """Disturb, resume, compare; prints one JSON object and returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])  # type: ignore[union-attr]
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--faults", default=",".join((*KILLS, *OTHERS)), help="what it meets: names, with commas")
    parser.add_argument("--ranks", type=int, default=2, help="at most so many")
    parser.add_argument("--duration-ms", type=int, default=40_000)
    parser.add_argument("--longest-s", type=float, default=4.0, help="latest moment of a kill, after a start")
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args(arguments)
    faults = given.faults.split(",")
    if unknown := set(faults) - {*KILLS, *OTHERS}:
        parser.error(f"--faults: there is no {', '.join(sorted(unknown))}; allowed: {', '.join((*KILLS, *OTHERS))}")
    with contextlib.ExitStack() as folder:
        name = folder.enter_context(tempfile.TemporaryDirectory())
        harness = folder.enter_context(Harness(Path(name), given.duration_ms, given.ranks, given.seed))
        reference = Path(name) / "reference"
        if harness.start(reference, 1, 1).wait() != 0:
            raise SystemExit(f"the run that is compared with fails: {harness.said()}")
        harness.whole = contents(reference)
        for fault in _planned(faults, given.kills, random.Random(given.seed)):
            harness.meet(fault, given.longest_s)
            if harness.ended:
                harness.begin_another()
        if harness.start(harness.run, 1, 1).wait() != 0:
            raise SystemExit(f"the last start fails: {harness.said()}")
        harness.begin_another()
        found = {"kills": harness.kills, "met": harness.met, "skipped": harness.skipped, "disk_full": harness.full}
        print(json.dumps(found | {"before_a_checkpoint": harness.begun_anew, "equal_runs": harness.equal}))
    return 0


def _planned(faults: Sequence[str], kills: int, chosen: random.Random) -> list[str]:
    """So many kills, each kind as often as the others, and each other fault once in ten kills, in a random order."""
    killing, other = [fault for fault in faults if fault in KILLS], [fault for fault in faults if fault in OTHERS]
    found = [killing[k % len(killing)] for k in range(kills)] if killing else []
    found += other * max(1, kills // 10)
    chosen.shuffle(found)
    return found


def compare(harness: Harness, whole: dict[str, Any]) -> int:
    """1, where a run that has ended has stored what one that was never disturbed has."""
    found = contents(harness.run)
    differ = [name for name, value in whole.items() if found[name] != value]
    if differ:
        raise SystemExit(f"after {harness.kills} kills these differ: {', '.join(differ)}")
    return 1


if __name__ == "__main__":
    sys.exit(main())
