"""Releases of which the index has some files but not all: their time is limited."""

from __future__ import annotations

from collections.abc import Mapping

from packaging.version import Version

from clients import index
from lockgate.fixture import from_json, is_complete
from lockgate.publication import version_files
from lockgate.reminders import UploadWindow, upload_window
from planning.release import store_of


def open_windows(index_setting: str, environ: Mapping[str, str]) -> tuple[UploadWindow, ...]:
    """The upload windows of every unfinished release in the store whose tag is out, by the index's own times.

    Raises UnavailableError when store or index do not answer.
    """
    store = store_of(environ)
    records = (store.read_record(key) for key in store.record_keys("releases/"))
    fixtures = [from_json(text) for text in records if text]
    where = index.index_url(index_setting, environ)
    found = []
    for fixture in fixtures:
        if is_complete(fixture) or not fixture.tagged or not fixture.artifacts:
            continue
        listed = version_files(index.observe_project(where, fixture.project), Version(fixture.version))
        label = f"{fixture.project} {fixture.version}"
        window = upload_window(label, [one.name for one in fixture.artifacts], listed)
        found += [window] if window else []
    return tuple(found)
