"""Plain functions on arrays: what several stages compute."""
