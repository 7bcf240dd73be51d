"""One file for each feed, ``<publisher>_<product>.py``; found by scanning."""
