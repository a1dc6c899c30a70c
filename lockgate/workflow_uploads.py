"""Recognises what in a job uploads to a package index, and with which identity; and what touches a GitHub release."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

from lockgate.lines import lines_of
from lockgate.workflow_files import Job, Step

PUBLISH_ACTION = "pypa/gh-action-pypi-publish"
Target = Literal["default", "test", "other"]

_TOOLS = {
    "uv publish": re.compile(r"\buv(?:\s+-\S+)*\s+publish\b"),
    "twine upload": re.compile(r"\btwine(?:\s+-\S+)*\s+upload\b"),
    "poetry publish": re.compile(r"\bpoetry(?:\s+-\S+)*\s+publish\b"),
    "flit publish": re.compile(r"\bflit(?:\s+-\S+)*\s+publish\b"),
    "hatch publish": re.compile(r"\bhatch(?:\s+-\S+)*\s+publish\b"),
    "pdm publish": re.compile(r"\bpdm(?:\s+-\S+)*\s+publish\b"),
    "maturin upload": re.compile(r"\bmaturin\s+(?:publish|upload)\b"),
    "setup.py upload": re.compile(r"\bsetup\.py\b.*\supload\b"),
}
_TRUSTED_TOOLS = {PUBLISH_ACTION, "uv publish", "twine upload", "pdm publish", "maturin upload"}
_PASSWORD_ACTIONS = {
    "jrubics/poetry-publish": "poetry publish",
    "casperdcl/deploy-pypi": "twine upload",
    "celsiusnarhwal/poetry-publish": "poetry publish",
    "code-specialist/pypi-poetry-publish": "poetry publish",
}
_PASSWORD_NAMES = re.compile(
    r"\b(TWINE_PASSWORD|UV_PUBLISH_TOKEN|UV_PUBLISH_PASSWORD|FLIT_PASSWORD|HATCH_INDEX_AUTH|PDM_PUBLISH_PASSWORD"
    r"|MATURIN_PYPI_TOKEN|MATURIN_PASSWORD|POETRY_PYPI_TOKEN_\w+|POETRY_HTTP_BASIC_\w+_PASSWORD|pypi-token\.\w+)"
)
_PASSWORD_FLAGS = re.compile(r"\s(--password|--token|-p|-t)[=\s]")
_TARGET_FLAGS = re.compile(
    r"\s(?:--repository-url|--repository|--publish-url|--index-url|--index|--repo|-r)[=\s]+[\"']?([^\s\"']+)"
)
_TARGET_NAMES = ("TWINE_REPOSITORY_URL", "TWINE_REPOSITORY", "UV_PUBLISH_URL", "UV_PUBLISH_INDEX", "FLIT_INDEX_URL",
                 "HATCH_INDEX_REPO", "PDM_PUBLISH_REPO")  # fmt: skip
_DOWNLOADING = re.compile(
    r"gh\s+release\s+download\b|/releases/(?:download|assets)/|(?:^|/)[\w-]*"
    r"(?:(?:download|fetch)[\w-]*release|release[\w-]*(?:download|fetch))[\w-]*@",
    re.IGNORECASE,
)
_COMPARING = re.compile(
    r"\b(?:sha256sum|sha512sum|b2sum|shasum)\s[^\n]{0,200}?(?:-c|--check)\b"
    r"|\bgh\s+(?:attestation\s+verify|release\s+verify-asset)\b|\bcosign\s+verify-blob\b|\bslsa-verifier\s+verify-artifact\b"
)
_CREATING = re.compile(
    r"gh\s+release\s+create\b|(?:softprops/action-gh-release|ncipollo/release-action|actions/create-release"
    r"|marvinpinto/action-automatic-releases|elgohr/github-release-action|docker://antonyurchenko/git-release)@",
    re.IGNORECASE,
)
_ATTACHING = re.compile(
    r"gh\s+release\s+upload\b|gh\s+release\s+create\b[^\n]*(?:dist|\.whl|\.tar\.gz|\*)"
    r"|(?:actions/upload-release-asset|svenstaro/upload-release-action|alexellis/upload-assets"
    r"|shogo82148/actions-upload-release-asset)@",
    re.IGNORECASE,
)
_ATTACHING_INPUTS = {"softprops/action-gh-release": "files", "ncipollo/release-action": "artifacts"}


@dataclass(frozen=True, slots=True)
class Upload:
    """One place in a job that uploads to a package index; `password` says where one is used, "" when none is seen."""

    tool: str
    action: str
    step: Step
    target: Target
    address: str
    password: str

    @property
    def can_be_trusted(self) -> bool:
        """Whether the tool knows how to publish with the run's own identity instead of a password."""
        return self.tool in _TRUSTED_TOOLS


def find_uploads(job: Job, env: Mapping[str, str], expand: Callable[[str], str]) -> tuple[Upload, ...]:
    """Every upload to an index in a job's steps, in order.

    `env` are the workflow's own variables, `expand` fills expressions in.
    """
    found = (_upload(step, {**env, **job.env, **step.env}, expand) for step in job.steps)
    return tuple(upload for upload in found if upload is not None)


def downloads_assets(step: Step) -> bool:
    """Whether a step fetches the files of a GitHub release."""
    return _says(step, _DOWNLOADING)


def compares_files(step: Step) -> bool:
    """Whether a step compares files with digests, or verifies where they came from."""
    return _says(step, _COMPARING)


def creates_release(step: Step) -> bool:
    """Whether a step creates a GitHub release itself."""
    return _says(step, _CREATING)


def attaches_assets(step: Step) -> bool:
    """Whether a step adds files to a GitHub release."""
    action = step.uses.partition("@")[0].lower()
    return _says(step, _ATTACHING) or bool(step.inputs.get(_ATTACHING_INPUTS.get(action, ""), ""))


def _says(step: Step, pattern: re.Pattern[str]) -> bool:
    return pattern.search(step.uses) is not None or any(pattern.search(line) for line in _commands(step.run))


def _upload(step: Step, env: Mapping[str, str], expand: Callable[[str], str]) -> Upload | None:
    action = step.uses.partition("@")[0].lower()
    if action == PUBLISH_ACTION:
        return _action_upload(step, expand)
    if action in _PASSWORD_ACTIONS:
        return Upload(_PASSWORD_ACTIONS[action], step.uses, step, "default", "", f"inside {step.uses}")
    if action == "pyo3/maturin-action" and step.inputs.get("command") in {"upload", "publish"}:
        return Upload("maturin upload", step.uses, step, "default", "", _password_in(env))
    for command in _commands(step.run):
        for tool, pattern in _TOOLS.items():
            if pattern.search(command) and "--dry-run" not in command:
                target, address = _command_target(command, env, expand)
                return Upload(tool, tool, step, target, address, _password_in(env, step.run, command))
    if step.run and (name := _PASSWORD_NAMES.search("\n".join(step.env))):
        return Upload("a command of its own", "", step, *_command_target("", env, expand), name.group(1))
    return None


def _action_upload(step: Step, expand: Callable[[str], str]) -> Upload:
    address = expand(step.inputs.get("repository-url") or step.inputs.get("repository_url") or "").strip()
    password = "the action's input `password`" if step.inputs.get("password", "").strip() else ""
    return Upload(PUBLISH_ACTION, step.uses, step, _target(address), address, password)


def _command_target(command: str, env: Mapping[str, str], expand: Callable[[str], str]) -> tuple[Target, str]:
    flag = _TARGET_FLAGS.search(command)
    named = next((env[name] for name in _TARGET_NAMES if env.get(name)), "")
    address = expand(flag.group(1) if flag else named).strip()
    return _target(address), address


def _target(address: str) -> Target:
    # Without naming the registry: its upload address and its test twin are told apart by the first label.
    named = re.match(r"\w+://(?:[^/@]*@)?([^/:]*)", address)
    host = (named.group(1) if named else address).lower()
    if host.startswith("test"):
        return "test"
    if not address or host == "pypi" or host.startswith(("upload.", "$")):
        return "default"
    return "other"


def _password_in(env: Mapping[str, str], script: str = "", command: str = "") -> str:
    for name, value in env.items():
        if _PASSWORD_NAMES.fullmatch(name) and value:
            return f"the variable {name}"
    if named := _PASSWORD_NAMES.search(script):
        return named.group(1)
    flag = _PASSWORD_FLAGS.search(command)
    return f"the option {flag.group(1)}" if flag else ""


def _commands(script: str) -> tuple[str, ...]:
    joined = re.sub(r"\\\r?\n", " ", script)
    parts = (part.strip() for line in lines_of(joined) for part in re.split(r"&&|\|\||;|\|", line))
    return tuple(part for part in parts if part and not part.startswith(("#", "echo ", "printf ")))
