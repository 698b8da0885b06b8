"""Whether and how a run would go, known before it is started: `dtbsim estimate` and `dtbsim calibrate`."""
