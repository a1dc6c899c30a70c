"""What git's own words mean: each known message becomes a refusal or an outage with something to do next.

git is run with LC_ALL=C, so its texts are English. A text that is not known is a refusal that shows it: only what is
known to pass by itself is tried again.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from lockgate.errors import LockgateError, Problem, RefusedError, UnavailableError
from lockgate.lines import lines_of
from lockgate.repository import PushedRef


@dataclass(frozen=True, slots=True)
class Meaning:
    """A pattern of git's output and what it says: `transient` ones are tried again."""

    name: str
    pattern: str
    expected: str
    next: str
    transient: bool = False


_OUTAGE_NEXT: Final = (
    "Nothing to do at once: it is tried again; should it stay, check the network and the host's status"
)
_LOOK_FIRST: Final = "It is looked at again before anything is repeated"

# In order: the first that fits counts. The server's rules come before the rejections they cause.
MEANINGS: Final = (
    Meaning(
        "no git",
        r"GitCommandNotFound|^git: No such file|No such file or directory: '?git|env: .?git.?: No such file"
        r"|failed to execute \S+: No such file",
        "git 2.30 or newer on the PATH",
        "Install git",
    ),
    Meaning(
        "timeout",
        r"^Timeout: the command|Operation too slow|Operation timed out|Connection timed out|Resolving timed out",
        "an answer in time",
        _LOOK_FIRST,
        transient=True,
    ),
    Meaning(
        "too much",
        r"^Too much: |[Oo]ut of memory",
        "an answer of a size that a repository has",
        "See what answers at that address; a repository that is really so large cannot be released from this machine",
    ),
    Meaning(
        "repository rule",
        r"GH013|push declined due to repository rule violations",
        "rules of the repository that allow this push",
        "Read the rule named above (Settings, Rules), change it or let the token's owner bypass it, then run again",
    ),
    Meaning(
        "push protection",
        r"GH009|Push cannot contain secrets",
        "no secret in the pushed commits",
        "Take the secret out of the commit and revoke it, then run again",
    ),
    Meaning(
        "protected branch",
        r"GH006|[Pp]rotected branch",
        "a branch this token may push to",
        "Let the token's owner push to the branch (Settings, Branches), or release from another branch, then run again",
    ),
    Meaning(
        "workflow scope",
        r"refusing to allow .* to create or update workflow",
        "a token that may change workflows, as the pushed commits do",
        "Give the token the scope `workflow` (or Workflows: write), or push those commits yourself first",
    ),
    Meaning(
        "file too large",
        r"GH001|exceeds GitHub's file size limit",
        "files below the host's size limit",
        "Take the large file out of the commit",
    ),
    Meaning(
        "hook declined",
        r"hook declined|hook exited with error|\.git/hooks/|hook '?[\w-]+'? (failed|returned)",
        "the hook to accept this",
        "Read the hook's words above, correct what it names, then run again",
    ),
    Meaning(
        "tag exists",
        r"\(already exists\)|tag '.*' already exists",
        "no tag of that name that points elsewhere",
        "Look at that tag; Lockgate moves no tag: take another version, or delete the wrong tag by hand",
    ),
    Meaning(
        "main moved",
        r"\(fetch first\)|\(non-fast-forward\)|\(stale info\)|Updates were rejected",
        "a branch on origin without commits that are missing here",
        "Fetch and look at what was pushed meanwhile; run again so that the release is made on top of it",
    ),
    Meaning(
        "shallow",
        r"shallow update not allowed|shallow file has changed",
        "a complete history",
        "Run `git fetch --unshallow` in the checkout",
    ),
    Meaning(
        "concurrent update",
        r"cannot lock ref|failed to update ref|reference already exists|failed to lock",
        "no other update of the same ref at this moment",
        _LOOK_FIRST,
        transient=True,
    ),
    Meaning(
        "lock present",
        r"\.lock'?: File exists|Another git process seems to be running|Unable to create '.*\.lock'",
        "no lock file in the repository",
        "Wait for the other git to end; if none is running (`ps`), delete the lock file named above and run again",
    ),
    Meaning(
        "dubious ownership",
        r"dubious ownership|safe\.directory",
        "a repository that belongs to the user who runs this",
        "Change its owner, or allow it with `git config --global --add safe.directory FOLDER`",
    ),
    Meaning(
        "no permission",
        r"requested URL returned error: 403|Permission to .* denied|Write access to repository not granted"
        r"|You're not authorized|\bdenied to\b|insufficient permission",
        "a token or key with write access to the repository's contents",
        "Give the token the permission Contents: write for this repository (classic: scope `repo`), then run again",
    ),
    Meaning(
        "authentication",
        r"could not read Username|could not read Password|Authentication failed|Invalid username or"
        r"|Permission denied \(|Host key verification failed|terminal prompts disabled|unable to read askpass"
        r"|requested URL returned error: 401",
        "credentials that origin accepts, without a prompt",
        "Set GH_TOKEN to a valid token (https), or load the key into ssh-agent and accept the host's key once (ssh)",
    ),
    Meaning(
        "redirected",
        r"requested URL returned error: 30[1278]|unable to update url base from redirection",
        "an address that answers by itself; a redirect is not followed because it could carry the token elsewhere",
        "The repository was probably renamed: set its new address with `git remote set-url origin ADDRESS`",
    ),
    Meaning(
        "not found",
        r"Repository not found|repository '.*' not found|does not appear to be a git repository"
        r"|requested URL returned error: 404|'.*' does not exist$|No such remote|The project you were looking for",
        "a repository at that address which these credentials may see",
        "Check the address; a private repository answers the same to a token without access to it",
    ),
    Meaning(
        "no such branch",
        r"couldn't find remote ref|Remote branch .* not found|src refspec .* does not match",
        "a branch or commit of that name",
        "Check the name of the branch",
    ),
    Meaning(
        "rate limited",
        r"requested URL returned error: 429",
        "fewer requests",
        _OUTAGE_NEXT,
        transient=True,
    ),
    Meaning(
        "server error",
        r"requested URL returned error: 5\d\d|Internal Server Error|remote error: .*try again"
        r"|\(internal server error\)|\(remote failure\)",
        "an origin that answers",
        _OUTAGE_NEXT,
        transient=True,
    ),
    Meaning(
        "certificate",
        r"SSL certificate problem|server certificate verification failed|certificate verify failed",
        "a certificate that this machine trusts",
        "Check the host's address and this machine's certificates and clock",
    ),
    Meaning(
        "unreachable",
        r"Could not resolve host|Failed to connect|Connection refused|Connection reset|Network is unreachable"
        r"|No route to host|Empty reply from server|RPC failed|early EOF|unexpected disconnect|hung up unexpectedly"
        r"|SSL_ERROR|SSL_connect|Recv failure|Send failure|transfer closed|Could not read from remote repository"
        r"|Couldn't connect|fetch-pack: invalid|gnutls_handshake|temporarily unavailable|bad line length",
        "a connection to origin",
        _OUTAGE_NEXT,
        transient=True,
    ),
    Meaning(
        "protocol",
        r"transport '.*' not allowed|[Uu]nable to find remote helper|remote-\S+' is not a git command",
        "an https, ssh or file address",
        "Set such an address with `git remote set-url origin ADDRESS`",
    ),
    Meaning(
        "no identity",
        r"tell me who you are|empty ident name|auto-detect email|no email was given|no name was given",
        "a name and an address for the commit",
        "Set `git config user.name` and `git config user.email`",
    ),
    Meaning(
        "cannot sign",
        r"failed to sign|gpg failed|signing failed|user\.signingkey|no signature|ssh-keygen",
        "a signature made without a prompt",
        "Load the signing key into its agent (ssh-agent, gpg-agent) and check user.signingkey and gpg.format",
    ),
    Meaning(
        "ignored",
        r"ignored by one of your \.gitignore",
        "a release file that git tracks",
        "Take the file out of .gitignore, or name another one in the settings",
    ),
    Meaning(
        "no repository",
        r"not a git repository",
        "a git checkout",
        "Give the folder of a git checkout",
    ),
    Meaning(
        "disk full",
        r"No space left on device|Disk quota exceeded",
        "free disk space",
        "Free some space, then run again",
    ),
    Meaning(
        "damaged",
        r"bad object|object file .* is empty|loose object .* corrupt|missing blob|unable to read tree",
        "a complete and healthy repository that holds this commit",
        "Fetch it, and look with `git fsck`",
    ),
)
_UNKNOWN: Final = Meaning("unknown", "", "git to succeed", "Read git's words, correct what they name, run again")


def meaning_of(text: str, *, remote: bool = True) -> Meaning:
    """Give the first meaning whose pattern occurs in `text`; `unknown` when none does.

    Without a remote nothing passes by itself: words such as "Connection refused" then come from a person's hook.
    """
    known = (meaning for meaning in MEANINGS if remote or not meaning.transient)
    return next((meaning for meaning in known if re.search(meaning.pattern, text, re.MULTILINE)), _UNKNOWN)


def explain(what: str, text: str, *, remote: bool = True) -> LockgateError:
    """Turn git's words about `what` (such as "Fetching main from …") into the error to raise."""
    meaning = meaning_of(text, remote=remote)
    problem = Problem(f"{what} failed ({meaning.name}): {_shorten(text)}", meaning.expected, meaning.next)
    return UnavailableError(problem) if meaning.transient else RefusedError(problem)


def explain_push(what: str, refs: Iterable[PushedRef], text: str) -> LockgateError:
    """Turn a failed push into the error to raise: the server's words first, then git's verdict on each ref."""
    verdicts = [f"{ref.ref} {ref.summary}" for ref in refs if ref.flag == "!"]
    return explain(what, "\n".join([text, *verdicts]))


def _shorten(text: str, limit: int = 1500) -> str:
    """Keep the lines that say something; a push prints progress and advice around them."""
    lines = [line.strip() for line in lines_of(text) if line.strip() and not line.startswith(("hint:", "To "))]
    joined = "; ".join(lines) or "git said nothing"
    return joined if len(joined) <= limit else f"{joined[:limit]} …"
