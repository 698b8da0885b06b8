"""What steps a rank's populations: the CPU backend."""
