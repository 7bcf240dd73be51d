"""The risk matrix of the country, and the words of other schemes for its levels."""

from __future__ import annotations

from fastapi import APIRouter, Response

from tocsin.api.answer import as_json
from tocsin.api.gate import Here, needs
from tocsin.api.problems import Problem
from tocsin.model import IMPACTS, to_plain

ROUTER = APIRouter(tags=["warnings"])


@ROUTER.get("/matrix", **needs(None))
def matrix(here: Here) -> Response:
    """Bands of likelihood by bands of impact, the level of each cell (0: no warning), and other schemes."""
    pack = here.office.pack
    if pack.matrix is None:
        raise Problem(
            404, f"matrix: got a request for one, allowed: none, since pack {pack.id} has no matrix"
        )
    return as_json(
        {
            **to_plain(pack.matrix),
            "name": str(pack.matrix),
            "impacts": list(IMPACTS),
            "schemes": to_plain(pack.schemes),
        }
    )
