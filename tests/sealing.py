"""Seals for tests that need a store and no installation."""

from __future__ import annotations

from lockgate.seals import Seals

SEALS = Seals.of((bytes(32),))
