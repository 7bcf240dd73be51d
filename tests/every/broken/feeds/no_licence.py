"""Says nothing about its terms."""

import dataclasses

from tests.every.broken.feeds import _good

BREAKS, REASON = "check_declaration", "licence"
SOURCE = dataclasses.replace(_good.SOURCE, licence=" ")
parse = _good.parse
