"""Forms in which publishers write: one file each, used by the sources."""
