"""The folder of a run: who owns it, what is kept in it to repeat the run, and the record of what made the results.

The whole layout is described in docs/run_folder.md.
"""

from dtbsim.run_folder.claim import RunFolder, check_run_folder, claim_run_folder
from dtbsim.run_folder.inputs import Input, find_inputs, keep_inputs
from dtbsim.run_folder.origin import now, provenance
from dtbsim.run_folder.repeat import check_repeat

__all__ = [
    "Input",
    "RunFolder",
    "check_repeat",
    "check_run_folder",
    "claim_run_folder",
    "find_inputs",
    "keep_inputs",
    "now",
    "provenance",
]
