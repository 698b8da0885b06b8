"""What surrounds a run: how the process was started, signs of life, faults, signals, progress, status and log."""
