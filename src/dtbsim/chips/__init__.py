"""Neuromorphic chips: what they can hold, and networks in their numbers."""
