"""Response: what is done when a warning is issued, by which role, by when.

``playbook``
    reads and checks the TOML files of ``playbooks/``.
``tasks``
    an issued warning and its playbook → tasks; completing, dropping, standing down.
"""

from tocsin.respond.playbook import Playbook, Step, load, playbook_for, playbooks
from tocsin.respond.tasks import activate, complete, drop, overdue, ready, stand_down

__all__ = [
    "Playbook",
    "Step",
    "activate",
    "complete",
    "drop",
    "load",
    "overdue",
    "playbook_for",
    "playbooks",
    "ready",
    "stand_down",
]
