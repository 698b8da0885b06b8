"""The parts of gpu.py, each run in a process of its own: what it measures and how much time it may take."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import common
import gpu_measure
import gpu_networks as networks


class SkippedError(Exception):
    """A part cannot be measured here; the message says why."""


@dataclass
class Task:
    """What a part is given: the size, seconds to step for, and a file that shows what is known so far."""

    out: Path
    folder: Path
    smoke: bool
    wall_s: float
    arguments: list[str] = field(default_factory=list)
    """How this process was told of the device, for processes that the part starts."""
    found: dict[str, Any] = field(default_factory=dict)

    def scale(self, smoke: float, full: float = 1.0) -> float:
        """The size."""
        return smoke if self.smoke else full

    def note(self, **values: Any) -> None:
        """Keep results, also if the process is ended later."""
        self.found.update(values)
        common.write_json(self.out, self.found)

    def under(self, name: str) -> Callable[..., None]:
        """Notes that go under a name."""

        def note(**values: Any) -> None:
            self.found.setdefault(name, {}).update(values)
            common.write_json(self.out, self.found)

        return note


def device(task: Task) -> None:
    """Name, versions, limits."""
    from dtbsim.backends.cuda.choose import open_device

    opened = open_device(0)
    task.note(facts=dict(opened.facts), limits=vars(opened.limits))


def same(task: Task) -> None:
    """The short examples: the same spikes as on the CPU, by every plan that can step them."""
    from dtbsim.config import load_config
    from dtbsim.errors import DtbsimError

    for name, (path, overrides) in networks.short_examples(task.smoke).items():
        note = task.under(name)
        config = load_config(path, overrides=overrides)
        expected = gpu_measure.spikes_of(gpu_measure.with_plan(config, "cpu"), path.parent)
        note(spikes=expected["spikes"], hash=expected["hash"])
        for plan in ("persistent", "general"):
            try:
                found = gpu_measure.spikes_of(gpu_measure.with_plan(config, "cuda", plan), path.parent)
            except DtbsimError as error:
                note(**{plan: f"skipped: {error}"})
                continue
            note(**{plan: "same" if found == expected else f"DIFFERENT: {found}"})


def stepped(task: Task, config: Any, note: Any, plan: str, transient_ms: float, wall_s: float) -> None:
    """Measure and profile one network by one plan; what cannot be is noted with the reason."""
    from dtbsim.errors import DtbsimError

    try:
        chosen = gpu_measure.with_plan(config, "cuda", plan)
        prepared, backend, step = gpu_measure.measure(
            chosen, task.folder, note, transient_ms=transient_ms, wall_s=wall_s
        )
    except DtbsimError as error:
        note(skipped=str(error))
        return
    try:
        note(profile=gpu_measure.profile(prepared, backend, step))
    finally:
        backend.close()


def pd14(task: Task) -> None:
    """Potjans-Diesmann 2014 at full scale by both plans."""
    from pd14_model import microcircuit

    config = microcircuit(task.scale(0.02), networks.LONG_MS, 55, None)
    for plan in ("persistent", "general"):
        stepped(task, config, task.under(plan), plan, task.scale(5.0, 200.0), task.wall_s / 2)


def areas(task: Task) -> None:
    """Areas with tract delays: a billion synapses, then 24 billion, or as many as fit."""

    def measure(scale: float, note: Any) -> None:
        stepped(task, networks.areas(task.folder, scale), note, "general", task.scale(5.0, 50.0), task.wall_s)

    largest(task, measure, (0.001, 0.0005) if task.smoke else (0.2, 1.0, 0.85, 0.7, 0.5, 0.35))


def billion(task: Task) -> None:
    """Neurons with a thousand procedural synapses each: ten million, then a billion, or as many as fit."""

    def measure(scale: float, note: Any) -> None:
        stepped(task, networks.billion(scale), note, "general", task.scale(5.0, 20.0), task.wall_s)

    largest(task, measure, (2e-6, 5e-6) if task.smoke else (0.01, 1.0, 0.75, 0.5, 0.25, 0.1))


def largest(task: Task, measure: Callable[[float, Any], None], scales: tuple[float, ...]) -> None:
    """Measure the first scale, which is quick, and the first of the others for which there is memory."""
    for scale in scales:
        measure(scale, task.under(f"scale {scale:g}"))
        if scale != scales[0] and "GiB" not in str(task.found[f"scale {scale:g}"].get("skipped", "")):
            return


def izhikevich(task: Task) -> None:
    """100,000 neurons with 1,000 inputs each."""
    config = networks.izhikevich(task.scale(0.01))
    stepped(task, config, task.under("auto"), "auto", task.scale(20.0, 200.0), task.wall_s)


def stdp(task: Task) -> None:
    """The network of benchmarks/plasticity.py, with STDP and without."""
    import plasticity_model

    for name, plastic in (("static", False), ("plastic", True)):
        config = plasticity_model.network(task.scale(0.02), networks.LONG_MS, 55, None, plastic)
        stepped(task, config, task.under(name), "general", task.scale(5.0, 100.0), task.wall_s / 2)


def regions(task: Task) -> None:
    """The dynamic mean field in the 80 regions of aal2: one member and many, without delays and with them."""
    for name, velocity in (("no delays", None), ("tract delays", 5.0)):
        for members in (1, 4) if task.smoke else (1, 256, 4096):
            config = networks.regions(members, velocity)
            task.note(**{f"{name}, {members} members": gpu_measure.regions(config, task.wall_s / 6)})


def sanitizer(task: Task) -> None:
    """Small networks under memcheck and racecheck of NVIDIA's compute-sanitizer."""
    program = shutil.which("compute-sanitizer")
    if program is None:
        raise SkippedError("compute-sanitizer is not installed")
    for tool in ("memcheck", "racecheck"):
        for plan in ("general", "persistent"):
            with tempfile.TemporaryDirectory() as folder:
                more = [
                    *task.arguments,
                    "--smoke",
                    "--part",
                    f"tiny_{plan}",
                    "--part-out",
                    str(Path(folder) / "o.json"),
                ]
                command = [
                    program,
                    "--tool",
                    tool,
                    "--error-exitcode",
                    "9",
                    sys.executable,
                    str(common.HERE / "gpu.py"),
                ]
                done = subprocess.run([*command, *more], capture_output=True, text=True, check=False)
            said = [line for line in done.stdout.splitlines() if line.startswith("========= ")]
            summary = said[-1].removeprefix("========= ") if said else f"exit status {done.returncode}"
            task.note(**{f"{tool}, {plan}": {"clean": done.returncode == 0, "summary": summary, "first": said[:12]}})


def tiny(task: Task, plan: str) -> None:
    """A few steps, for the sanitizer."""
    from pd14_model import microcircuit

    config = gpu_measure.with_plan(microcircuit(0.02, 20.0, 55, None), "cuda", plan)
    task.note(**gpu_measure.spikes_of(config, None))


@dataclass(frozen=True)
class Part:
    """`limit_s`: when it is ended; `wall_s`: how long it steps."""

    work: Callable[[Task], None]
    limit_s: float
    wall_s: float = 0.0


PARTS = {
    "device": Part(device, 20),
    "same": Part(same, 60),
    "pd14": Part(pd14, 80, 12),
    "izhikevich": Part(izhikevich, 30, 5),
    "stdp": Part(stdp, 40, 8),
    "areas": Part(areas, 80, 10),
    "billion": Part(billion, 80, 10),
    "regions": Part(regions, 30, 6),
    "sanitizer": Part(sanitizer, 60),
}
"""In their order. The limits together are the budget of eight minutes: no part is left out because others were slow."""
INNER = {f"tiny_{plan}": Part(lambda task, plan=plan: tiny(task, plan), 60) for plan in ("general", "persistent")}
