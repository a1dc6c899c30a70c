"""What a step leaves in Prefect's pages."""

from __future__ import annotations

import contextlib
import logging
import os
import re
from collections.abc import Iterator
from urllib.parse import urlsplit

import httpx
from prefect.artifacts import create_markdown_artifact
from prefect.context import TaskRunContext
from prefect.exceptions import PrefectException
from prefect.settings import get_current_settings

from lockgate.github import server_url
from lockgate.markdown import prose
from lockgate.masking import mask_secrets
from lockgate.steps import STEPS
from planning.release import Release

log = logging.getLogger(__name__)

TITLES = {one.key: f"Step {one.number}: {one.title}" for one in STEPS}


def show(release: Release, name: str, text: str) -> None:
    """Keep Markdown as an artifact of this task run; outside of one there is no page, and nothing is kept.

    The key holds repository and version, since keys are shared by everything on a Prefect server.
    """
    if TaskRunContext.get() is None:
        return
    title = TITLES.get(name, name.capitalize())
    with nice_to_have(title):
        create_markdown_artifact(
            mask_secrets(text), key=artifact_key(release, name), description=prose(f"{title} ({release.label})")
        )


@contextlib.contextmanager
def nice_to_have(what: str) -> Iterator[None]:
    """Something for Prefect's pages only: a server that does not take it ends no release, it is logged."""
    try:
        yield
    except (httpx.HTTPError, PrefectException) as error:
        log.warning("%s is not shown in Prefect's pages: %s: %s", what, type(error).__name__, error)


def pages() -> tuple[str, ...]:
    """The hosts that a table's links may lead to: those of Prefect's pages, its API and GitHub's pages."""
    settings = get_current_settings()
    known = (settings.ui_url, settings.api.url, server_url(os.environ))
    return tuple(urlsplit(one).netloc.lower() for one in known if one)


def artifact_key(release: Release, name: str) -> str:
    """An artifact's key: lower-case letters, digits and dashes only, as Prefect wants it."""
    return re.sub(r"[^a-z0-9]+", "-", f"{name}-{release.slug}-{release.version}".lower()).strip("-")
