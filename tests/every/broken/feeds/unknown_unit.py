"""Measures in a unit that nobody knows."""

import dataclasses

from tests.every.broken.feeds import _good

BREAKS, REASON = "check_quantities", "furlong"
SOURCE = dataclasses.replace(_good.SOURCE, quantities=(dataclasses.replace(_good.QUANTITY, unit="furlong"),))
parse = _good.parse
