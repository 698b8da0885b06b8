"""The folder of a run: who owns it, what is kept in it to repeat the run, and the record of what made the results.

The whole layout is described in docs/run_folder.md. `inputs` and `repeat`, which need configurations and stores, are
imported by their own names.
"""

from dtbsim.run_folder.claim import RunFolder, check_run_folder, claim_run_folder
from dtbsim.run_folder.origin import now, provenance

__all__ = ["RunFolder", "check_run_folder", "claim_run_folder", "now", "provenance"]
