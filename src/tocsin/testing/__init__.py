"""The conformance checks of every plug-in kind and of the store; shipped, so that others can run them."""
