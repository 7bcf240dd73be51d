"""From findings to drafts: group alarms, join what stands, say what changed and lower what was revised.

A draft is a proposal. Nothing here leaves the house: a duty officer submits, another officer approves.
What our own detectors found is drafted in :mod:`tocsin.warn.group`, what others reported in
:mod:`tocsin.warn.report`. Whether officers turned the same down is not asked here but where drafts are kept:
:mod:`tocsin.warn.rejection`.
"""

from __future__ import annotations

from collections.abc import Sequence

from tocsin.model import Alert, Detection, Event
from tocsin.warn.group import (
    draft_group,
    groups,
    join_group,
    lower_group,
    most_extreme,
    near,
    wait_behind,
)
from tocsin.warn.proposal import PENDING, Context, Proposal
from tocsin.warn.report import answer, followed

__all__ = ["PENDING", "Context", "Proposal", "propose"]


def propose(
    context: Context, detections: Sequence[Detection], events: Sequence[Event], standing: Sequence[Alert]
) -> tuple[Proposal, ...]:
    """Draft what the findings call for.

    Parameters
    ----------
    context : Context
        Domain, regions, moment.
    detections : sequence of Detection
        Findings of this cycle; only those that alarm or join count.
    events : sequence of Event
        Reports of others, for domains that warn of events.
    standing : sequence of Alert
        Warnings of this domain that stand or wait.

    Returns
    -------
    tuple of Proposal
        Drafts of new warnings, of updates and of cancellations; empty when nothing changed that people must
        be told.
    """
    found = most_extreme(context, detections)
    proposals: list[Proposal] = []
    # Whatever waits for officers, a cancellation too, is decided before the system adds to it.
    waiting = {a.chain for a in standing if a.state in PENDING}
    chains: dict[str, list[Alert]] = {}
    for alert in standing:
        chains.setdefault(alert.chain, []).append(alert)
    taken: set[str] = set()
    for alert in _newest_of_chains(standing):
        mine = {
            region: d
            for region, d in found.items()
            if region not in taken and (region in alert.regions or near(context, region, alert.regions))
        }
        taken |= mine.keys()
        chain = chains[alert.chain]
        if alert.chain in waiting:
            behind = wait_behind(context, alert, mine, chain) if mine else None
            proposals += [] if behind is None else [behind]
            continue
        update = join_group(context, alert, mine, chain) if mine else None
        # What only grew a little does not keep it from being lowered, nor the other way round.
        lower = lower_group(context, alert, chain) if update is None or update.held else None
        proposals += [p for p in (update, lower) if p is not None]
        if any(p is not None and not p.held for p in (update, lower)):
            waiting.add(alert.chain)
    fresh = {region: d for region, d in found.items() if region not in taken and d.alarm}
    drafts = (draft_group(context, group) for group in groups(context, fresh))
    proposals += [draft for draft in drafts if draft is not None]
    resting: dict[str, set[str]] = {}  # report -> chains with a message that rests on it
    for alert in standing:
        for report in alert.inputs:
            resting.setdefault(report, set()).add(alert.chain)
    for event, ids in followed(events):
        about = sorted({c for i in ids for c in resting.get(i, ())})
        proposal = answer(context, event, ids, [a for c in about for a in chains[c]], waiting)
        if proposal is not None:
            proposals.append(proposal)
            if not proposal.held:
                waiting.add(proposal.alert.chain)
    return tuple(proposals)


def _newest_of_chains(standing: Sequence[Alert]) -> list[Alert]:
    """One alert a chain: what waits if anything waits, else what was issued last."""
    newest: dict[str, Alert] = {}
    for alert in standing:
        old = newest.get(alert.chain)
        key = (alert.state in PENDING, alert.created_at)
        if alert.msg_type != "Cancel" and (old is None or key >= (old.state in PENDING, old.created_at)):
            newest[alert.chain] = alert
    return sorted(newest.values(), key=lambda a: (a.created_at, a.id))
