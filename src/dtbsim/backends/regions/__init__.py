"""Mean-field regions on the CPU: lane groups of ensemble members, stepped in blocks of the shortest delay."""
