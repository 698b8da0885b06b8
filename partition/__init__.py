"""Partitioners: blocks of neurons onto ranks and threads."""
