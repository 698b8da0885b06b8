"""What the report shows of each kind of recorder or signal: one file and one object each, which the kind names."""
