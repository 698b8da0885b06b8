"""The command line. `main` is the console script `dtbsim`.

`app` holds the commands and their options; `entry` reads the arguments and turns every error into one line and an exit
code; the other modules do the work and are imported when their command runs, so that `dtbsim --help` answers at once.
"""

from __future__ import annotations

from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line (default: that of this process) and return the exit code."""
    from dtbsim.runtime.streams import prepare_streams

    prepare_streams()
    import os

    from dtbsim.mpi.launch import several_ranks
    from dtbsim.runtime.interrupt import Interrupt

    # A rank that leaves before it has found the others would leave them waiting in the MPI library.
    with Interrupt(owner=True, held=several_ranks(os.environ)) as interrupt:
        try:
            from dtbsim.cli.entry import run_command_line
        except KeyboardInterrupt:
            interrupt.leave_at_once()
        return run_command_line(arguments)
