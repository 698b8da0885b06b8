"""What `dtbsim doctor` finds."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

State = Literal["ok", "optional", "missing"]
OK: State = "ok"
OPTIONAL: State = "optional"
MISSING: State = "missing"


@dataclass(frozen=True)
class Finding:
    """One line. `state`: ok, optional (not there, and a run on the CPU does without it) or missing."""

    name: str
    state: State
    text: str
    remedy: str = ""


def ask(command: Sequence[str], *, timeout_s: float = 20.0, environ: dict[str, str] | None = None) -> tuple[bool, str]:
    """Run another program; return whether it ended well, and what it printed (else why it did not)."""
    try:
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=timeout_s,
            env=dict(os.environ) if environ is None else environ,
            stdin=subprocess.DEVNULL,
        )
    except subprocess.TimeoutExpired:
        return False, f"no answer within {timeout_s:g} s"
    except OSError as error:
        return False, error.strerror or str(error)
    if done.returncode == 0:
        return True, done.stdout.strip()
    lines = [line for line in (done.stderr or done.stdout).strip().splitlines() if line.strip()]
    return False, lines[-1].strip() if lines else f"exit code {done.returncode}"
