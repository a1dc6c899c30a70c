"""Stand-ins for origin (git), GitHub and the package index, on this machine.

Holds: servers that behave as the real ones are documented to, their state on disk, faults to switch on, a sample package.
Never holds: anything a release needs in production. Production code does not know that the sandbox exists.
May import: the standard library and third-party packages, nothing of ours.
Pitfall: every address is loopback and every state is a file below one folder; nothing outside that folder is changed.
"""
