"""Warnings: from criteria to a draft, from a draft to an issued message, from there to receipts.

``propose``
    findings → grouped drafts.
``lifecycle``
    draft → submitted → approved → issued → updated, cancelled or expired; pure functions with every guard.
    Its parts: ``transitions`` (the table), ``authority`` (law, level, second officer), ``chain``
    (references), ``wording`` (what the text must fulfil).
``escalation``
    who is called when a warning waits.
``message``
    an alert as a message of the Common Alerting Protocol.
``deliver``
    an issued warning → decisions in the outbox → channels → receipts. Its parts: ``addresses``, ``outbox``,
    ``retry``; ``contract`` says what a channel is, ``channels`` holds them.
"""
