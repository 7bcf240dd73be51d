"""Channels: one file each, found by scanning, held to :mod:`tocsin.testing.channels`.

A channel has ``NAME``, ``MAX_BYTES`` and ``send``; see :class:`tocsin.warn.contract.Channel`.
"""
