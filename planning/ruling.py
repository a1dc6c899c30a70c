"""Which rules hold for a release: those of its own commit, of the newest commit, and of the previous release."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass, replace

from clients import git
from lockgate.errors import LockgateError, SettingsError, refused
from lockgate.fixture import Fixture
from lockgate.policy import APPROVAL, SIGNERS, Policy, hold_to
from lockgate.repository import Origin
from lockgate.settings import Settings, stated_settings, table_of
from lockgate.stated_rules import StatedRules, digest_of, loosened, stricter
from planning import record, survey
from planning.policies import policies_of
from planning.release import Release, read_pyproject

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Ruling:
    """The rules that a release has to satisfy: its own commit's, the newest commit's, and where it has any the previous release's.

    `loosened` tells what its own commit allows that the previous release did not.
    """

    own: StatedRules
    newest: StatedRules
    previous: StatedRules | None = None
    loosened: tuple[str, ...] = ()
    policies: tuple[StatedRules, ...] = ()

    @property
    def stated(self) -> tuple[StatedRules, ...]:
        """All of them, those that say the same once."""
        found = (self.own, self.newest, *((self.previous,) if self.previous else ()), *self.policies)
        return tuple({one.digest: one for one in reversed(found)}.values())[::-1]


HELD = (
    "approvers", "self_approval", "signed_approvals", "allowed_signers", "approvals_before_publish", "checkpoints",
    "test_command", "test_checks", "migrations", "migrations_check", "rebuilt", "attestations", "sign_tags", "index",
)  # fmt: skip
"""The settings that stay those of the release's own commit, whatever is pushed later."""


def rule(release: Release, origin: Origin | None = None) -> Ruling:
    """The rules in force at this moment; without `origin` by what was last fetched and recorded.

    Raises SettingsError for rules that cannot be read, and RefusedError where allowed signers are missing. Where the previous
    release's cannot be read, that counts as loosened.
    """
    fixture = record.find_kept(release)
    commit, newest = _own_and_newest(release, fixture, origin)
    policies = policies_of(release.environ)
    own = read_stated(release, commit, f"the release's own commit {commit[:12]}", policies)
    main = read_stated(release, newest, f"the newest commit {newest[:12]} of the release branch", policies)
    theirs = _of_policies(release, policies)
    before = _previous(release, fixture, origin)
    try:
        previous = read_stated(release, before, f"the previous release (commit {before[:12]})") if before else None
    except LockgateError as error:
        unread = f"the previous release's rules cannot be read ({error.problems[0].seen})"
        return Ruling(own, main, None, (unread,), theirs)
    if previous is None or not table_of(read_pyproject(release.workspace, before)):
        return Ruling(own, main, policies=theirs)
    return Ruling(own, main, previous, loosened(previous, own), theirs)


def hold(release: Release, origin: Origin) -> None:
    """Hold a release to the rules that its own commit states, and to what the newest commit, and a policy, is stricter in.

    A newest commit whose settings cannot be read is no stricter. Raises SettingsError where the own commit's cannot.
    """
    commit, newest = _own_and_newest(release, record.find_kept(release), origin)
    found = stated_settings(read_pyproject(release.workspace, commit))
    try:
        found = stricter(found, stated_settings(read_pyproject(release.workspace, newest)))
    except SettingsError as error:
        log.warning("The newest commit's settings do not count: %s", error)
    settings = replace(release.settings, **{name: getattr(found, name) for name in HELD})
    release.settings = hold_to(settings, policies_of(release.environ), release.slug)


def read_stated(release: Release, commit: str, where: str, policies: Iterable[Policy] = ()) -> StatedRules:
    """What a commit states, held to these policies.

    Raises SettingsError where it cannot be read or falls short of a policy, RefusedError where the signers it names are missing.
    """
    pyproject = read_pyproject(release.workspace, commit)
    settings = hold_to(stated_settings(pyproject), policies, release.slug)
    signers = _signers(release, commit, settings, where) if settings.signed_approvals else ""
    return StatedRules(where, settings, signers, digest_of(pyproject, signers))


def _of_policies(release: Release, policies: Iterable[Policy]) -> tuple[StatedRules, ...]:
    """What each policy demands of approvals by itself: with its own signers, where it names any."""
    found = []
    for policy in policies:
        for demands in policy.demands_on(release.slug):
            signers = "".join(f"{line}\n" for line in demands.get(SIGNERS, ()))
            wanted = {name: value for name, value in demands.items() if name in APPROVAL}
            if not signers:  # then those that the project names count, by the project's own rules
                wanted.pop("signed_approvals", None)
            said = digest_of({"tool": {"lockgate": {name: str(value) for name, value in wanted.items()}}}, signers)
            settings = replace(stated_settings({}), **wanted)
            found.append(StatedRules(f"the policy in {policy.source}", settings, signers, f"policy {said}"))
    return tuple(found)


def _signers(release: Release, commit: str, settings: Settings, where: str) -> str:
    text = git.read_text(release.workspace, commit, settings.allowed_signers)
    if text is None:
        raise refused(
            f"{where} has no file {settings.allowed_signers!r}",
            "the allowed signers, since approvals have to be signed (`signed-approvals = true`)",
            "add it: one line for each person, `NAME namespaces=\"lockgate\" KEYTYPE KEY` (ssh-keygen(1))",
        )  # fmt: skip
    return text


def _own_and_newest(release: Release, fixture: Fixture | None, origin: Origin | None) -> tuple[str, str]:
    """The commit whose rules the release goes by, and the newest of the release branch."""
    branch = release.settings.branch
    newest = origin.heads[branch] if origin else git.resolve(release.workspace, f"refs/remotes/origin/{branch}") or ""
    return next((one for one in _commits(fixture) if git.resolve(release.workspace, one) is not None), newest), newest


def _commits(fixture: Fixture | None) -> tuple[str, ...]:
    """The release commit, else the commit that it will be made on, as far as they are recorded."""
    return tuple(one for one in (fixture.release_commit, fixture.base_commit) if one) if fixture else ()


def _previous(release: Release, fixture: Fixture | None, origin: Origin | None) -> str:
    if origin is None:
        return fixture.previous_commit if fixture else ""
    before = survey.previous(release, origin)
    return before[2] if before else ""
