"""Reference cases of detection: ``python -m tests.conformance.detection FOLDER``.

One module a group of methods (``counts``, ``charts``, ``extremes``, ``space``, ``fdr``, ``nowcasting``) calls
what Tocsin ships for a :class:`~tests.conformance.detection.cases.Case`; it holds no mathematics of its own.
"""
