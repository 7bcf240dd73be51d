"""How the documents are built: ``sphinx-build -W docs docs/_build``; the reference is generated first."""

from __future__ import annotations

import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent), str(HERE.parent / "src")]

from docs import figures, method_pictures, reference_pages, walkthrough  # noqa: E402
from tocsin import __version__  # noqa: E402

project = "Tocsin"
author = "The Tocsin developers"
project_copyright = "The Tocsin developers; Apache License 2.0"
version = release = __version__

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.napoleon",
]
source_suffix = {".md": "markdown", ".rst": "restructuredtext"}
exclude_patterns = ["_build"]
html_theme = "furo"
html_title = f"Tocsin {version}"
html_static_path = ["_static"]
html_css_files = ["tables.css"]
html_show_sphinx = False

myst_enable_extensions = ["colon_fence"]
myst_heading_anchors = 3

autosummary_generate = False
autodoc_member_order = "bysource"
autodoc_typehints_format = "short"
autodoc_default_options = {"members": True, "ignore-module-all": True}
napoleon_google_docstring = False
napoleon_use_rtype = False
# A few nouns have one name in two modules; a link from an annotation then takes the first.
suppress_warnings = ["ref.python"]

# Pages that the catalogue, the packs and the code write themselves; never under version control.
GENERATED = HERE / "reference" / "generated"
reference_pages.write(GENERATED)
figures.write(GENERATED)
method_pictures.write(GENERATED / "methods")
walkthrough.write(GENERATED / "walkthrough")
