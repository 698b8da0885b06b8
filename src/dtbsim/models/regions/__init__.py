"""Region models, one file each."""
