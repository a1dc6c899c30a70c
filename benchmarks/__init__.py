"""Measurements to be read, not asserted: figures of one run, compared with each other."""
