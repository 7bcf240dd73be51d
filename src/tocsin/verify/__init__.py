"""Verification: what came true of every warning, and what was missed."""
