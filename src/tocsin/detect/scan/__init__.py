"""Where on the map there is more than there should be: scan statistics on arrays.

:func:`clusters` looks for sets of neighbouring areas with a high rate (Kulldorff 1997): Poisson (cases rare
among inhabitants or against an expectation) and Bernoulli (cases among trials), over circles
(:func:`tocsin.detect.scan.zones.circles`) or connected sets (:func:`tocsin.detect.scan.zones.flexible`).
:func:`prospective` looks for sets of areas in which the last periods are too high, as Poisson with the total
given, as Poisson with the expectation given, or by permutation of the times of the cases (which alone is
proof against a season common to all and against areas that are always high).

Significance is by Monte Carlo, as rank and by a Gumbel distribution fitted to the simulated maxima, which
tells apart what lies beyond all replicates. A zone is scored in full only where a cheap upper bound, its
chi-square, exceeds the best score so far, which spares nearly all logarithms: 3,142 areas, 999 replicates and
4.7 million zones take seconds where numba is installed and less than a minute without. Memory: 20 bytes a
zone, 8 bytes times areas times replicates, and without numba 12 bytes times the areas of the largest zone
times 256 replicates (3,142 areas: less than 500 MB in all).

**Where SpatialEpi 1.2.8 differs**: it cuts the totals of cases and of the denominator to whole numbers, which
shifts the score by up to 0.2 where they are not whole. Here totals are as they are; :func:`top_zones` gives
the order of the package with ``compatible="spatialepi-1.2.8"``.
**Where scanstatistics 1.1.2 differs**: replicates whose maximum equals the observed one do not count in its
p. That matters for ``permutation`` with a window as long as the data, whose score no shuffle changes: p is 1
here and may be 0.3 there. ``compatible="scanstatistics-1.1.2"`` gives the package's p.

References
----------
Kulldorff (1997), Communications in Statistics 26:1481, doi:10.1080/03610929708831995;
Kulldorff (2001), J. R. Stat. Soc. A 164:61, doi:10.1111/1467-985X.00186;
Kulldorff, Heffernan, Hartman, Assunção, Mostashari (2005), PLoS Medicine 2:e59,
doi:10.1371/journal.pmed.0020059;
Abrams, Kulldorff, Kleinman (2010), International Journal of Health Geographics 9:61,
doi:10.1186/1476-072X-9-61.
"""

from __future__ import annotations

from tocsin.detect.scan.found import Cluster, Scan
from tocsin.detect.scan.space import MODELS, SPATIALEPI, clusters, top_zones
from tocsin.detect.scan.statistic import gumbel_fit, gumbel_tail, maxima, scores, tail_beyond
from tocsin.detect.scan.windows import SCANSTATISTICS, STATISTICS, Windows, baseline, prospective

__all__ = [
    "MODELS",
    "SCANSTATISTICS",
    "SPATIALEPI",
    "STATISTICS",
    "Cluster",
    "Scan",
    "Windows",
    "baseline",
    "clusters",
    "gumbel_fit",
    "gumbel_tail",
    "maxima",
    "prospective",
    "scores",
    "tail_beyond",
    "top_zones",
]
