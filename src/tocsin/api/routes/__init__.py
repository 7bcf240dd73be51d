"""The resources by subject; each module has one ``ROUTER``."""
