"""The eleven steps as Prefect tasks.

Holds: the steps, each made of moves (observe, decide, act, verify), one module for each outside system.
Never holds: order, checkpoints, a second rule for what `lockgate` decides.
May import: `planning`, `clients`, `lockgate`, and the foundation `tasks.policy`; no other sibling. No script and no
deployment entry point lives here: with this folder on the import path `import git` would find `tasks/git.py`.
"""
