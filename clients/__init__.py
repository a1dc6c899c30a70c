"""The outside systems, one module each.

Holds: how an outside system is observed (into values of `lockgate`) and the single acts that change it.
Never holds: rules, order, Prefect.
May import: `lockgate`, and the foundations `clients.answers`, `clients.http`, `clients.process`; no other sibling.
"""
