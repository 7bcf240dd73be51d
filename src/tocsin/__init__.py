"""Tocsin: an open, all-hazards, national risk monitoring and early warning system."""

__version__ = "0.1.0"
