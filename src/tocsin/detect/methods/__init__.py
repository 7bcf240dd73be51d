"""Detectors: one file each, found by scanning."""
