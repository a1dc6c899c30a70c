"""Versions: what is one, which comes next, which tag carries it, and whether one may still be released.

Everything is a `packaging.version.Version`, so 1.0, v1.0.0 and 1.0.0 are one and the same wherever they are met.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from packaging.utils import canonicalize_name
from packaging.version import Version

from lockgate.errors import Problem, SettingsError
from lockgate.placeholders import fill

DEFAULT_TAG_FORMAT = "v{version}"
CLOSED_STATUSES = ("archived", "quarantined")
"""Projects with one of these take no uploads (PEP 792)."""
VANISHED = "vanished"
"""In the place of a status: the index has no such project, although releases of it were recorded there."""

_STAGES = {"alpha": "a", "beta": "b", "rc": "rc"}
_PLAIN_PREFIX = re.compile(r"(?:v|ver|version|rel|release)?[-_/.]?v?", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class IndexVersions:
    """What the index knows of a project: versions in sight (yanked ones included), and names that are burnt."""

    versions: tuple[Version, ...] = ()
    yanked: frozenset[Version] = frozenset()
    status: str = "active"
    banned: frozenset[Version] = frozenset()


def parse_version(text: str) -> Version:
    """The version that a person or a file wrote; raises SettingsError when it is none, or a local one (PEP 440)."""
    try:
        version = Version(text)
    except ValueError as err:
        raise _invalid(f"{text!r} is not a version", "a version as PEP 440 defines it", "write one like 1.4.0") from err
    if version.local is not None:
        seen = f"{text!r} is a local version (PEP 440), which no index takes"
        raise _invalid(seen, f"a public version such as {version.public}", f"leave out +{version.local}")
    return version


def is_word(text: str) -> bool:
    """Whether the text asks for a next version by word (`patch`, `rc`, …) instead of naming one."""
    return text in WORDS


def next_version(base: Version, word: str) -> Version:
    """The version that the word asks for, always greater than `base`.

    | word | 1.2.3 | 1.2.4rc1 | 1.3.0.dev2 | 1.2.3.post1 |
    |---|---|---|---|---|
    | patch | 1.2.4 | 1.2.4 | 1.3.0 | 1.2.4 |
    | minor | 1.3.0 | 1.3.0 | 1.3.0 | 1.3.0 |
    | major | 2.0.0 | 2.0.0 | 2.0.0 | 2.0.0 |
    | alpha | 1.2.4a1 | refused | 1.3.0a1 | 1.2.4a1 |
    | beta | 1.2.4b1 | refused | 1.3.0b1 | 1.2.4b1 |
    | rc | 1.2.4rc1 | 1.2.4rc2 | 1.3.0rc1 | 1.2.4rc1 |
    | final | refused | 1.2.4 | 1.3.0 | refused |
    | post | 1.2.3.post1 | refused | refused | 1.2.3.post2 |
    | dev | 1.2.4.dev1 | 1.2.4rc2.dev1 | 1.3.0.dev3 | 1.2.4.dev1 |

    A version keeps its number of parts where it can (1.2 + minor is 1.3, 1.2 + patch is 1.2.1) and its epoch. Raises
    SettingsError for an unknown word, and where the word has no meaning after `base`.
    """
    if word not in WORDS:
        raise _invalid(f"{word!r} is no word for a next version", "one of " + ", ".join(WORDS), "use one, or a version")
    return WORDS[word](base)


def detect_tag_format(tags: Iterable[str], project: str = "") -> str:
    """The format of the repository's release tags, `v{version}` when there are none.

    Tags that start with the project's name come first, then plain ones (`v1.0`, `1.0`, `release-1.0`), then any other;
    among these the format that most tags have, and of equally frequent ones that of the greatest version.
    """
    found = [split for tag in tags if (split := _split_tag(tag)) is not None]
    counts = Counter(prefix for prefix, _ in found)
    greatest: dict[str, Version] = {}
    for prefix, version in found:
        greatest[prefix] = max(version, greatest.get(prefix, version))
    if not counts:
        return DEFAULT_TAG_FORMAT
    best = max(counts, key=lambda prefix: (_rank(prefix, project), counts[prefix], greatest[prefix]))
    return best + "{version}"


def tag_for(version: Version, tag_format: str) -> str:
    """The tag that a release of this version gets; raises SettingsError for a format without `{version}`."""
    _parts_of(tag_format)
    return fill(tag_format, version=version)


def version_of_tag(tag: str, tag_format: str) -> Version | None:
    """The version that a tag of this format stands for, in any spelling, with or without a `v`; None for other tags.

    Raises SettingsError for a format without `{version}`.
    """
    prefix, suffix = _parts_of(tag_format)
    plain = prefix.removesuffix("v")
    match = re.fullmatch(rf"{re.escape(plain)}v?(?P<version>\d.*){re.escape(suffix)}", tag)
    return _public(match["version"]) if match else None


def released_versions(tags: Iterable[str], tag_format: str) -> dict[Version, str]:
    """Every released version with its tag; of two tags for one version, the one that Lockgate would have made."""
    released: dict[Version, str] = {}
    for tag in sorted(tags):
        version = version_of_tag(tag, tag_format)
        if version is not None and (version not in released or tag == tag_for(version, tag_format)):
            released[version] = tag
    return released


def previous_release(version: Version, released: Iterable[Version]) -> Version | None:
    """The greatest released version below this one, or None for a first release."""
    return max((other for other in released if other < version), default=None)


def check_version(
    wanted: Version,
    *,
    repository: Version | None,
    tagged: Mapping[Version, str],
    index: IndexVersions | None,
    ours: bool,
) -> tuple[Problem, ...]:
    """Every reason why this version may not be released (step 1); none for a version that is free.

    It must be newer than every released one (yanked counts), not older than the repository's own, and the project must
    take uploads. `index` is None only when the index answered that it has no such project. `ours` says that what is
    there under this version is known to be this very release, so that it may be finished, newer releases or not.
    """
    known = index or IndexVersions()
    if ours and (wanted in tagged or wanted in known.versions):
        return () if wanted in known.versions else _status_problems(known)
    taken = _where_taken(wanted, tagged, known)
    everything = {wanted, *tagged, *known.versions, *known.yanked, *known.banned}
    advice = f"take another version, such as {_after(max(everything | ({repository} if repository else set())))}"
    problems = _status_problems(known)
    if taken:
        seen = f"{wanted} is taken: {' and '.join(taken)}"
        problems += (Problem(seen, "a version that was never released, in whatever spelling", advice),)
    else:
        problems += _order_problems(wanted, tagged, known, advice)
    if repository is not None and wanted < repository:
        seen = f"{wanted} is older than the repository's own version {repository}"
        problems += (Problem(seen, f"{repository} or newer", advice),)
    return problems


def _status_problems(index: IndexVersions) -> tuple[Problem, ...]:
    if index.status == VANISHED:
        recorded = ", ".join(map(str, sorted(index.banned)[-3:]))
        seen = f"the index has no such project, and fixtures in the repository record that {recorded} was there"
        advice = "find out whether it was deleted, or `index` is wrong; for another index set `fixture` to another path"
        return (Problem(seen, "the project on the index", advice),)
    if index.status not in CLOSED_STATUSES:
        return ()
    seen = f"the project is {index.status} on the index, so it takes no uploads (PEP 792)"
    advice = "un-archive it in the project's settings" if index.status == "archived" else "write to the index's admins"
    return (Problem(seen, "an active project", f"{advice}, then start again"),)


def _where_taken(wanted: Version, tagged: Mapping[Version, str], index: IndexVersions) -> tuple[str, ...]:
    places = []
    if wanted in tagged:
        places.append(f"tagged as {tagged[wanted]}")
    if wanted in index.yanked:
        places.append("on the index, yanked")
    elif wanted in index.versions:
        places.append("on the index")
    elif wanted in index.banned:
        places.append("burnt: a file of it was on the index once, and a file name is never given twice")
    return tuple(places)


def _order_problems(
    wanted: Version, tagged: Mapping[Version, str], index: IndexVersions, advice: str
) -> tuple[Problem, ...]:
    newest = max((*tagged, *index.versions, *index.yanked, *index.banned), default=None)
    if newest is None or wanted > newest:
        return ()
    place = " and ".join(_where_taken(newest, tagged, index))
    return (Problem(f"{wanted} is older than the released {newest} ({place})", f"a version after {newest}", advice),)


def _after(version: Version) -> Version:
    return next_version(version, "rc" if version.pre and version.pre[0] == "rc" else "patch")


def _bump(part: int) -> Callable[[Version], Version]:
    """A rule for major, minor or patch; a pre-release of exactly such a version becomes that version."""

    def bump(base: Version) -> Version:
        release = base.release + (0,) * (part + 1 - len(base.release))
        if not (base.is_prerelease and base.post is None and not any(release[part + 1 :])):
            release = (*release[:part], release[part] + 1, *(0 for _ in release[part + 1 :]))
        return base.__replace__(release=release, pre=None, post=None, dev=None, local=None)

    return bump


_major, _minor, _patch = _bump(0), _bump(1), _bump(2)


def _stage(word: str) -> Callable[[Version], Version]:
    """A rule for alpha, beta or rc: the next of its kind, or the first one of the version that comes next."""
    letter = _STAGES[word]

    def stage(base: Version) -> Version:
        if base.post is not None or not base.is_prerelease:
            return _patch(base).__replace__(pre=(letter, 1))
        reached, number = base.pre or ("", 0)
        if reached > letter:
            raise _meaningless(base, word, f"{base} is past its {word} stage")
        again = number if base.dev is not None else number + 1
        return base.__replace__(pre=(letter, again if reached == letter else 1), dev=None, local=None)

    return stage


def _final(base: Version) -> Version:
    if not base.is_prerelease:
        raise _meaningless(base, "final", f"{base} is final already")
    return base.__replace__(pre=None, dev=None, local=None)


def _post(base: Version) -> Version:
    if base.is_prerelease:
        raise _meaningless(base, "post", f"{base} is not final, and only a final version has post-releases here")
    return base.__replace__(post=1 if base.post is None else base.post + 1, local=None)


def _dev(base: Version) -> Version:
    if base.dev is not None:
        return base.__replace__(dev=base.dev + 1, local=None)
    if base.pre is not None and base.post is None:
        return base.__replace__(pre=(base.pre[0], base.pre[1] + 1), dev=1, local=None)
    return _patch(base).__replace__(dev=1)


WORDS: dict[str, Callable[[Version], Version]] = {
    "patch": _patch,
    "minor": _minor,
    "major": _major,
    "alpha": _stage("alpha"),
    "beta": _stage("beta"),
    "rc": _stage("rc"),
    "final": _final,
    "post": _post,
    "dev": _dev,
}
"""The words for a next version, each with its rule."""


def _meaningless(base: Version, word: str, why: str) -> SettingsError:
    return _invalid(why, f"a version that {word!r} can follow", f"use patch, minor or major after {base}, or a version")


def _invalid(seen: str, expected: str, advice: str) -> SettingsError:
    return SettingsError(Problem(seen, expected, advice))


def _public(text: str) -> Version | None:
    try:
        version = Version(text)
    except ValueError:
        return None
    return None if version.local else version


def _split_tag(tag: str) -> tuple[str, Version] | None:
    """Prefix and version; `x2-1.0` is 1.0 of x2, so `N-N`, PEP 440's short post-release, is not taken for a version."""
    for start in (match.start() for match in re.finditer(r"(?<![\d.])\d", tag)):
        version = _public(tag[start:])
        if version is not None and not re.fullmatch(r"\d+-\d+", tag[start:]):
            return tag[:start], version
    return None


def _rank(prefix: str, project: str) -> int:
    name = re.sub(r"(?<![a-z0-9])v$", "", prefix.lower()).rstrip("-_/.@=")
    if project and name and canonicalize_name(name) == canonicalize_name(project):
        return 2
    return 1 if _PLAIN_PREFIX.fullmatch(prefix) else 0


def _parts_of(tag_format: str) -> tuple[str, str]:
    if tag_format.count("{version}") != 1:
        seen = f"the tag format is {tag_format!r}"
        raise _invalid(seen, "a format with {version} in it once", 'set tag-format to one like "v{version}"')
    prefix, suffix = tag_format.split("{version}")
    return prefix, suffix
