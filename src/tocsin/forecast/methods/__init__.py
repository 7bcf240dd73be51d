"""Forecasters: one file each, found by scanning."""
