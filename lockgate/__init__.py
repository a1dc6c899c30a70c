"""The domain of Lockgate.

Holds: data, rules, the words of errors, the step catalogue.
Never holds: input or output, Prefect, knowledge of any outside system's client.
May import: the standard library and small pure libraries (packaging, PyYAML, tomlkit).
"""
