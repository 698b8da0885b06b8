"""Spike exchange between ranks: how often, to whom, and over which medium."""
