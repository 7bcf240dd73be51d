"""What have we got: plug-ins found by scanning, and the TOML of domains."""

from tocsin.catalog.domain_file import load_domain, load_domains
from tocsin.catalog.plugins import detectors, feeds, forecasters, plugins

__all__ = ["detectors", "feeds", "forecasters", "load_domain", "load_domains", "plugins"]
