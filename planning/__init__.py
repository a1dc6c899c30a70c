"""What a release is about to do, observed everywhere and decided, with nothing changed.

Holds: where a release lives, the observations that the rules need, the plan made of them.
Never holds: acts, Prefect.
May import: `clients`, `lockgate`.
"""
