"""What happened to a project's database migrations since its last release.

Migrations are read as Django writes them: `migrations/0002_name.py` with a class Migration that has `dependencies` and
perhaps `replaces` (Django's documentation, "Migrations"). They are parsed, never executed.
"""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from lockgate.markdown import code
from lockgate.patterns import Pattern, Piece, anything, in_one_part, literal

Pair = tuple[str, str]


@dataclass(frozen=True, slots=True)
class MigrationChanges:
    """The difference between two states of a project's migrations; files by path, apps by folder.

    `unreplaced` are the removed ones that no squashed migration stands for, `squashed` the new ones that replace others
    with what they replace, `conflicts` the apps with several leaf nodes, `chains` the apps whose longest chain of
    migrations is over the limit, `unreadable` the files that are not Python. The last three are about the state now.
    """

    added: tuple[str, ...]
    changed: tuple[str, ...]
    removed: tuple[str, ...]
    unreplaced: tuple[str, ...]
    squashed: dict[str, tuple[str, ...]]
    conflicts: dict[str, tuple[str, ...]]
    chains: dict[str, tuple[str, ...]]
    unreadable: tuple[str, ...]

    @property
    def worth_asking(self) -> bool:
        """Whether a person should look: something changed, or cannot work. A long chain alone is only told."""
        return bool(self.added or self.changed or self.removed or self.conflicts or self.unreadable)


@dataclass(frozen=True, slots=True)
class _Migration:
    """One migration: its app's folder, its name, and the (app label, name) pairs that it depends on and replaces."""

    app: str
    name: str
    dependencies: tuple[Pair, ...]
    replaces: tuple[Pair, ...]

    def own(self, pairs: tuple[Pair, ...], labels: Mapping[str, str]) -> tuple[str, ...]:
        """The names among the pairs that are of this migration's app."""
        return tuple(name for label, name in pairs if label == labels[self.app])


_Graph = dict[str, set[str]]


def find_migrations(paths: Iterable[str], globs: Iterable[str]) -> tuple[str, ...]:
    """The paths that one of the globs matches, sorted, without `__init__.py`; `**/` stands for any folders or none."""
    patterns = [_pattern(glob) for glob in globs]
    return tuple(
        sorted(
            path
            for path in paths
            if not path.endswith("__init__.py") and any(pattern.matches(path) for pattern in patterns)
        )
    )


def compare_migrations(before: Mapping[str, str], after: Mapping[str, str], chain: int) -> MigrationChanges:
    """What changed from `before` (at the last release) to `after` (now); both map paths to texts.

    Line endings are no difference. `chain` is the number of migrations that a chain may have before it is listed.
    """
    old, _ = _parse_all(before)
    new, unreadable = _parse_all(after)
    removed = tuple(sorted(before.keys() - after.keys()))
    both = (*old.values(), *new.values())
    labels = _labels(both)
    replaced = {(one.app, name) for one in both for name in one.own(one.replaces, labels)}
    graphs = {app: _graph([one for one in new.values() if one.app == app], labels) for app in sorted(labels)}
    chains = {app: _longest(graph) for app, graph in graphs.items()}
    leaves = {app: _leaves(graph) for app, graph in graphs.items()}
    return MigrationChanges(
        added=tuple(sorted(after.keys() - before.keys())),
        changed=tuple(path for path in sorted(before.keys() & after.keys()) if _differ(before[path], after[path])),
        removed=removed,
        unreplaced=tuple(path for path in removed if path in old and (old[path].app, old[path].name) not in replaced),
        squashed={
            path: tuple(name for _, name in new[path].replaces)
            for path in sorted(new.keys() - before.keys())
            if new[path].replaces
        },
        conflicts={app: names for app, names in leaves.items() if len(names) > 1},
        chains={app: names for app, names in chains.items() if len(names) > chain},
        unreadable=unreadable,
    )


def describe(changes: MigrationChanges) -> str:
    """The changes in Markdown, app by app, the dangerous ones in words that say why."""
    if not (changes.worth_asking or changes.chains):
        return "No migration changed since the last release."
    lines = [] if changes.worth_asking else ["No migration changed since the last release.", ""]
    for app in sorted({*map(_app_of, _paths(changes)), *changes.conflicts, *changes.chains}):
        lines += [f"### {code(app)}", "", *_about(app, changes), ""]
    return "\n".join(lines).rstrip()


def _about(app: str, changes: MigrationChanges) -> Iterator[str]:
    for path in (path for path in changes.added if _app_of(path) == app):
        replaced = changes.squashed.get(path)
        yield f"- added {code(path)}" + (f", squashes {', '.join(map(code, replaced))}" if replaced else "")
    for path in (path for path in changes.changed if _app_of(path) == app):
        yield f"- **changed** {code(path)}: databases that ran the released one do not run it again"
    for path in (path for path in changes.removed if _app_of(path) == app):
        danger = path in changes.unreplaced
        yield f"- **removed** {code(path)}, and nothing replaces it" if danger else f"- removed {code(path)}"
    for path in (path for path in changes.unreadable if _app_of(path) == app):
        yield f"- **not Python**: {code(path)}"
    if app in changes.conflicts:
        names = ", ".join(map(code, changes.conflicts[app]))
        yield f"- **conflict**: {names} are all last; run `makemigrations --merge`"
    if app in changes.chains:
        chain = changes.chains[app]
        yield f"- {len(chain)} migrations in a row, {code(chain[0])} to {code(chain[-1])}: squash them perhaps"


def _paths(changes: MigrationChanges) -> tuple[str, ...]:
    return changes.added + changes.changed + changes.removed + changes.unreadable


def _app_of(path: str) -> str:
    return str(PurePosixPath(path).parent.parent)


def _differ(before: str, after: str) -> bool:
    return before.replace("\r\n", "\n") != after.replace("\r\n", "\n")


_WILD = {
    "**/": Piece(anything, "folders"),
    "**": Piece(anything, "any"),
    "*": Piece(in_one_part, "any"),
    "?": Piece(in_one_part),
}


def _pattern(glob: str) -> Pattern:
    parts = re.findall(r"\*\*/|\*\*|\*|\?|.", glob)
    return Pattern(_WILD.get(part) or literal(part) for part in parts)


def _parse_all(texts: Mapping[str, str]) -> tuple[dict[str, _Migration], tuple[str, ...]]:
    """The migrations among the files, and the files that are not Python; a module without a Migration is neither."""
    found, unreadable = {}, []
    for path, text in sorted(texts.items()):
        try:
            module = ast.parse(text.removeprefix("\ufeff"))
        except (SyntaxError, ValueError):
            unreadable.append(path)
            continue
        for node in module.body:
            if isinstance(node, ast.ClassDef) and node.name == "Migration":
                lists = dict(_pair_lists(node))
                name = PurePosixPath(path).stem
                needs, replaces = lists.get("dependencies", ()), lists.get("replaces", ())
                found[path] = _Migration(_app_of(path), name, needs, replaces)
    return found, tuple(unreadable)


def _pair_lists(migration: ast.ClassDef) -> Iterator[tuple[str, tuple[Pair, ...]]]:
    """Every attribute that is a list, with the pairs of strings in it; swappable dependencies are calls, so not here."""
    for statement in migration.body:
        targets = statement.targets if isinstance(statement, ast.Assign) else []
        targets = [statement.target] if isinstance(statement, ast.AnnAssign) else targets
        value = getattr(statement, "value", None)
        if isinstance(value, ast.List | ast.Tuple):
            pairs = tuple(pair for element in value.elts if (pair := _pair(element)) is not None)
            yield from ((target.id, pairs) for target in targets if isinstance(target, ast.Name))


def _pair(element: ast.expr) -> Pair | None:
    if not isinstance(element, ast.Tuple | ast.List):
        return None
    texts = [part.value for part in element.elts if isinstance(part, ast.Constant) and isinstance(part.value, str)]
    return (texts[0], texts[1]) if len(texts) == len(element.elts) == 2 else None


def _labels(migrations: Sequence[_Migration]) -> dict[str, str]:
    """Each app's label: its folder's name, or (AppConfig.label) the other one that its migrations call each other by."""
    folders = {one.app: PurePosixPath(one.app).name for one in migrations}
    names = {(one.app, one.name) for one in migrations}
    used = Counter(
        (one.app, label)
        for one in migrations
        for label, name in one.dependencies + one.replaces
        if (one.app, name) in names
    )
    labels = {}
    for app, folder in folders.items():
        others = [label for (user, label), _ in used.most_common() if user == app and label not in folders.values()]
        labels[app] = others[0] if others and (app, folder) not in used else folder
    return labels


def _graph(migrations: Sequence[_Migration], labels: Mapping[str, str]) -> _Graph:
    """Each migration of one app with those it depends on; a squashed one stands in for those that it replaces."""
    names = {one.name for one in migrations}
    stands_for = {name: one.name for one in migrations for name in one.own(one.replaces, labels) if name != one.name}
    graph: _Graph = {_standing(name, stands_for): set() for name in names}
    for one in migrations:
        node = _standing(one.name, stands_for)
        needs = {_standing(name, stands_for) for name in one.own(one.dependencies, labels) if name in names}
        graph[node] |= needs - {node}
    return graph


def _standing(name: str, stands_for: Mapping[str, str]) -> str:
    """What stands for a migration at last: a squashed one may be squashed again."""
    seen = {name}
    while name in stands_for and stands_for[name] not in seen:
        name = stands_for[name]
        seen.add(name)
    return name


def _leaves(graph: _Graph) -> tuple[str, ...]:
    needed = {name for needs in graph.values() for name in needs}
    return tuple(sorted(graph.keys() - needed))


def _longest(graph: _Graph) -> tuple[str, ...]:
    """The longest chain, first migration first; migrations in a circle, which Django refuses, belong to none."""
    chains: dict[str, tuple[str, ...]] = {}
    waiting = dict(graph)
    while ready := [name for name, needs in waiting.items() if needs <= chains.keys()]:
        for name in ready:
            longest = max((chains[need] for need in sorted(waiting.pop(name))), key=len, default=())
            chains[name] = (*longest, name)
    return max((chains[name] for name in sorted(chains)), key=len, default=())
