"""`python -m dtbsim`: the command line where the script `dtbsim` is not on the search path, or mpi4py starts it."""

from __future__ import annotations

import sys

from dtbsim.cli import main

if __name__ == "__main__":
    sys.exit(main())
