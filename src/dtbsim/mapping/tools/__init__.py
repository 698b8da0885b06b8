"""Mappings as files of tools for neuromorphic hardware."""
