"""How a level came about, in words and in the words of others: for the message, the list and the page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tocsin.model import IMPACTS, Alert, Matrix, Scheme


@dataclass(frozen=True, slots=True, kw_only=True)
class Grading:
    """Likelihood and impact of a warning, and what its level was read from.

    Parameters
    ----------
    likelihood : str or None
        Band; None where the likelihood is not measured, or the matrix of its time is not at hand.
    impact : str
        Band.
    source : str
        What the level came from, in words.
    certainty : str or None
        CAP certainty of the band; None where the level was not read from the matrix.
    rare_but_grave : bool
        Unlikely, and grave if it comes: shown as a mark whatever the level.
    schemes : tuple of (str, str)
        Name and value of the parameters in which others write this level.
    """

    likelihood: str | None
    impact: str
    source: str
    certainty: str | None
    rare_but_grave: bool
    schemes: tuple[tuple[str, str], ...]


def grading(alert: Alert, matrix: Matrix | None, schemes: Sequence[Scheme] = ()) -> Grading:
    """Say how the level of a warning came about.

    Parameters
    ----------
    alert : Alert
        In any state.
    matrix : Matrix or None
        The country's, in force now; a level that was read from another edition keeps the name of that one.
    schemes : sequence of Scheme
        In whose words the level is written too.

    Returns
    -------
    Grading
    """
    at_hand = matrix is not None and alert.matrix in ("", str(matrix))
    band = matrix.band(alert.likelihood) if matrix is not None and at_hand else None
    impact = IMPACTS[alert.impact - 1]
    measured = alert.likelihood == alert.likelihood
    if alert.matrix:
        read = f"{band.name} likelihood, {impact} impact" if band is not None else "an edition of its time"
        source = f"matrix {alert.matrix}: {read}"
    elif alert.author == "system":
        source = f"stated rule of {alert.domain}" + ("" if measured else "; likelihood not measured")
    else:
        source = "officers of the desk" + ("" if measured else "; likelihood not measured")
    mark = matrix is not None and at_hand and matrix.is_rare_but_grave(alert.likelihood, alert.impact)
    words = ((scheme.parameter, scheme.value(alert.level)) for scheme in schemes)
    return Grading(
        likelihood=None if band is None else band.name,
        impact=impact,
        source=source,
        certainty=band.certainty if alert.matrix and band is not None else None,
        rare_but_grave=mark,
        schemes=tuple((name, value) for name, value in words if value is not None),
    )
