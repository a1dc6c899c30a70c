"""The command line.

Holds: arguments, what is printed, exit codes.
Never holds: rules. `plan` and `--help` never load Prefect.
May import: everything; `flows` only inside the commands that run a flow.
"""
