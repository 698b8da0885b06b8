"""What steps a rank's populations on a GPU."""
