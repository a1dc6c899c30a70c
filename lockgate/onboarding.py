"""What `lockgate init` proposes: settings, a publish workflow, and the list of what only a person can set.

Texts only; nothing is written here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Literal
from urllib.parse import urlsplit

import tomlkit
from tomlkit.exceptions import TOMLKitError
from tomlkit.items import Table

from lockgate.errors import Problem, SettingsError
from lockgate.settings import Settings

Variant = Literal["assets", "rebuild"]

# Each commit is the one that the release of this name points to in the action's own repository.
ACTIONS = {
    "actions/checkout": ("3d3c42e5aac5ba805825da76410c181273ba90b1", "v7.0.1"),
    "actions/upload-artifact": ("bbbca2ddaa5d8feaa63e36b76fdaad77386f024f", "v7.0.0"),
    "actions/download-artifact": ("3e5f45b2cfb9172054b4087a40e8e0b5a5461e7c", "v8.0.1"),
    "pypa/gh-action-pypi-publish": ("dc37677b2e1c63e2034f94d8a5b11f265b73ba33", "v1.14.2"),
}

_HEAD = """\
# Publishes a release when its tag is pushed. Proposed by `lockgate init`.
name: Publish

on:
  push:
    tags:
      - {pattern}

permissions: {}

concurrency:
  group: publish-${{ github.ref }}
  cancel-in-progress: false

jobs:
"""

_FETCH = """\
  collect:
    name: Collect the files of the release
    runs-on: ubuntu-latest
    timeout-minutes: 10
    permissions:
      contents: write # a draft release is visible only with this right
    steps:
      - name: Download the files that were built and tested
        run: gh release download "$TAG" --dir dist --pattern '*.whl' --pattern '*.tar.gz'
        env:
          GH_TOKEN: ${{ github.token }}
          GH_REPO: ${{ github.repository }}
          TAG: ${{ github.ref_name }}
      - name: Compare them with the digests in the tag's message
        run: |
          set -euo pipefail
          tag="$(gh api "repos/$GH_REPO/git/ref/tags/$TAG" --jq .object.sha)"
          test "$(gh api "repos/$GH_REPO/git/tags/$tag" --jq .object.sha)" = "$GITHUB_SHA"
          gh api "repos/$GH_REPO/git/tags/$tag" --jq .message \\
            | sed -nE 's/^sha256 ([0-9a-f]{64}) ([A-Za-z0-9._+-]+)$/\\1  \\2/p' > digests
          test "$(find dist -type f | wc -l)" -eq "$(wc -l < digests)"
          cd dist
          sha256sum --check --strict ../digests
        env:
          GH_TOKEN: ${{ github.token }}
          GH_REPO: ${{ github.repository }}
          TAG: ${{ github.ref_name }}
"""

_BUILD = """\
  collect:
    name: Build
    runs-on: ubuntu-latest
    timeout-minutes: 30
    permissions:
      contents: read # to check out the tag
    steps:
      - uses: {actions/checkout}
        with:
          fetch-depth: 0
          persist-credentials: false
      - name: Build the sdist, and the wheel from it
        run: |
          SOURCE_DATE_EPOCH="$(git log -1 --pretty=%ct)"
          export SOURCE_DATE_EPOCH
          pipx run build
"""

_HAND_OVER = """\
      - uses: {actions/upload-artifact}
        with:
          name: dist
          path: dist/
          if-no-files-found: error

  publish:
    name: Publish
    needs: collect
    runs-on: ubuntu-latest
    timeout-minutes: 15
    environment: {environment}
    permissions:
      id-token: write # Trusted Publishing asks for the run's identity
    steps:
      - uses: {actions/download-artifact}
        with:
          name: dist
          path: dist/
      - uses: {pypa/gh-action-pypi-publish}
        with:
          packages-dir: dist/
          attestations: true
"""


def publish_workflow(variant: Variant, *, tag_format: str, environment: str) -> str:
    """The text of a publish workflow for pushed tags of this format.

    "assets" uploads the files of the GitHub release, so that the bytes on the index are those that were tested;
    "rebuild" builds them again from the tag. The publishing job holds nothing but the right to its identity. Raises
    SettingsError for a tag format without `{version}` or a name that would not be one line of YAML.
    """
    values = {
        **{name: f"{name}@{commit} # {version}" for name, (commit, version) in ACTIONS.items()},
        "environment": _quoted("environment", environment),
    }
    body = _FETCH if variant == "assets" else _BUILD
    head = _filled(_HEAD, {"pattern": _quoted("tag-format", tag_pattern(tag_format))})
    return head + _filled(body, values) + _filled(_HAND_OVER, values)


def tag_pattern(tag_format: str) -> str:
    """The filter pattern that takes the tags of this format: "v{version}" gives "v[0-9]*".

    Raises SettingsError without `{version}`.
    """
    before, found, after = tag_format.partition("{version}")
    if not found:
        raise SettingsError(
            Problem(
                f"the tag format {tag_format!r} has no place for the version",
                "a text with `{version}` in it, such as 'v{version}'",
                "correct `tag-format` in [tool.lockgate]",
            )
        )
    return f"{_literal(before)}[0-9]*{_literal(after)}"


def propose_settings(pyproject: str, settings: Settings, *, more: Mapping[str, str | Sequence[str]]) -> str:
    """The text of pyproject.toml with a [tool.lockgate] table, everything else as it was.

    Written are branch, tag format and environment (when there is one), each with where the value came from, and `more`
    (keys of the table to values, such as a test command). Keys that are there stay. Raises SettingsError when the text is
    no TOML.
    """
    try:
        document = tomlkit.parse(pyproject)
    except TOMLKitError as error:
        raise SettingsError(
            Problem(f"pyproject.toml cannot be read: {error}", "a TOML document", "correct it")
        ) from error
    tool = document.setdefault("tool", tomlkit.table(is_super_table=True))
    table = tool.setdefault("lockgate", tomlkit.table())
    for key in ("branch", "tag-format", "environment"):
        name = key.replace("-", "_")
        if getattr(settings, name):
            _add(table, key, getattr(settings, name), settings.origins.get(name, "default"))
    for key, value in more.items():
        _add(table, key, value, "proposed")
    return tomlkit.dumps(document)


def manual_steps(
    settings: Settings, *, repository: str, workflow_file: str, server_url: str, index_url: str, is_new: bool
) -> list[str]:
    """What a person sets by hand on GitHub and on the index, one instruction each, with links and exact values.

    `repository` is "owner/name", `server_url` GitHub's own address, `index_url` that of the index's Simple API, `is_new`
    says that the index does not know the project yet. Markdown, without numbers.
    """
    server, tags = server_url.rstrip("/"), tag_pattern(settings.tag_format).replace("[0-9]", "")
    home = f"{server}/{repository}"
    rights = "Contents: write, Actions: write and Administration: read"
    return [
        f"Create the environment `{settings.environment}` with required reviewers: {home}/settings/environments",
        f"In that environment, allow deployments from tags `{tags}` only (of type tag, not branch).",
        f"Restrict who creates, updates and deletes tags `{tags}` with a ruleset: {home}/settings/rules",
        f"Turn on immutable releases, so that published files and their tag cannot be changed: {home}/settings",
        *_publisher(settings, repository, workflow_file, index_url=index_url, is_new=is_new),
        f"Make a fine-grained token for {repository} with {rights}: {server}/settings/personal-access-tokens/new",
        "Export that token as GH_TOKEN where Lockgate runs.",
        "Run `lockgate plan`: it says what is still missing.",
    ]


def _publisher(settings: Settings, repository: str, workflow_file: str, *, index_url: str, is_new: bool) -> list[str]:
    parts = urlsplit(index_url)
    owner, _, name = repository.partition("/")
    page = "account/publishing/" if is_new else f"project/{settings.project}/settings/publishing/"
    what = "a pending Trusted Publisher (the first release creates the project)" if is_new else "a Trusted Publisher"
    values = f"project `{settings.project}`, owner `{owner}`, repository `{name}`, workflow `{workflow_file}`"
    register = f"Register {what}: {parts.scheme}://{parts.netloc}/manage/{page}"
    steps = [f"{register} with {values}, environment `{settings.environment}`."]
    if not is_new:
        steps.append("After the first release that way, delete the project's old upload tokens on the index.")
    return steps


def _filled(text: str, values: Mapping[str, str]) -> str:
    for name, value in values.items():
        text = text.replace("{" + name + "}", value)
    return text


def _quoted(setting: str, text: str) -> str:
    if not text.strip() or not text.isprintable():
        raise SettingsError(
            Problem(
                f"{setting} {text!r} cannot be written into a workflow",
                "one line of printable characters",
                f"correct `{setting}` in [tool.lockgate]",
            )
        )
    return "'" + text.replace("'", "''") + "'"


def _literal(text: str) -> str:
    return re.sub(r"([\\*?+!\[\]])", r"\\\1", text)


def _add(table: Table, key: str, value: str | Sequence[str], origin: str) -> None:
    if key not in table:
        item = tomlkit.item(value if isinstance(value, str) else list(value))
        item.comment(origin)
        table.add(key, item)
