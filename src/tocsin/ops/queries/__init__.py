"""Every view: pure reads of the store as known at a moment.

``at`` is the moment of knowledge (None is now), ``now`` the wall time. Answers are plain JSON types with
times in ISO 8601; the page, the API and the command line read the same.
"""

from tocsin.ops.corrections import corrections
from tocsin.ops.queries.coverage import coverage, feeds
from tocsin.ops.queries.health import health, status
from tocsin.ops.queries.ledger import ledger
from tocsin.ops.queries.levels import cube
from tocsin.ops.queries.news import News, Watch
from tocsin.ops.queries.outbox import deliveries, hubs, overdue
from tocsin.ops.queries.picture import assessments, picture
from tocsin.ops.queries.records import anchors, audit, audit_entry, cap_feed, cap_message, laws, responses
from tocsin.ops.queries.regions import region, region_map, regions
from tocsin.ops.queries.series import quantities, revisions, series
from tocsin.ops.queries.suppressed import caps, groups, shelved, suppressed
from tocsin.ops.queries.warnings import seen, warning, warnings
from tocsin.ops.queries.why import Node, flat, why
from tocsin.ops.reviews import reviews

__all__ = [
    "News",
    "Node",
    "Watch",
    "anchors",
    "assessments",
    "audit",
    "audit_entry",
    "cap_feed",
    "cap_message",
    "caps",
    "corrections",
    "coverage",
    "cube",
    "deliveries",
    "feeds",
    "flat",
    "groups",
    "health",
    "hubs",
    "laws",
    "ledger",
    "overdue",
    "picture",
    "quantities",
    "region",
    "region_map",
    "regions",
    "responses",
    "reviews",
    "revisions",
    "seen",
    "series",
    "shelved",
    "status",
    "suppressed",
    "warning",
    "warnings",
    "why",
]
