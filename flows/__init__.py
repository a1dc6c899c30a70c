"""The order of a release.

Holds: the flow, its checkpoints, what a run shows.
Never holds: rules, calls to outside systems.
May import: `tasks`, `planning`, `clients`, `lockgate`.
"""
