"""Warnings: from criteria to a draft, from a draft to an issued message, from there to receipts.

``propose``
    findings → grouped drafts. Its parts: ``group`` and ``report`` (our findings, those of others),
    ``proposal``, ``hysteresis`` (raise late, lower later), ``grading`` (how a level came about).
``rejection``, ``inhibit``, ``silence``, ``daily_cap``
    why officers are not asked.
``digest``
    many warnings as a page of groups.
``lifecycle``
    draft → submitted → approved → issued → updated, cancelled or expired; pure functions with every guard.
    Its parts: ``transitions`` (the table), ``authority`` (law, level, second officer), ``chain``
    (references), ``wording`` (what the text must fulfil).
``escalation``
    who is called when a warning waits.
``message``
    an alert as a message of the Common Alerting Protocol.
``deliver``
    an issued warning → decisions in the outbox; ``sending``: the outbox → channels → receipts. Their parts:
    ``addresses``, ``outbox``, ``retry``, ``repeat``; ``contract`` says what a channel is, ``channels`` holds
    them.
"""
