"""PyNN: networks as a script with lists of connections, which runs without dtbsim."""
