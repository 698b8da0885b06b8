"""Configuration objects; loading from YAML is in `dtbsim.config.load`."""
