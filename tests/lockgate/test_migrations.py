from __future__ import annotations

import pytest

from lockgate.migrations import MigrationChanges, compare_migrations, describe, find_migrations


def migration(*dependencies: str, replaces: tuple[str, ...] = (), label: str = "shop", more: str = "") -> str:
    """A migration as Django writes it; a dependency with a dot names its app."""
    pairs = [tuple(name.split(".")) if "." in name else (label, name) for name in dependencies]
    squashes = f"    replaces = {[(label, name) for name in replaces]!r}\n" if replaces else ""
    swappable = "migrations.swappable_dependency(settings.AUTH_USER_MODEL)"
    listed = ", ".join([*map(repr, pairs), swappable])
    return (
        f"class Migration(migrations.Migration):\n{squashes}    dependencies = [{listed}]\n    operations = []\n{more}"
    )


def app(folder: str = "shop", **texts: str) -> dict[str, str]:
    return {f"{folder}/migrations/{name.removeprefix('m')}.py": text for name, text in texts.items()}


FIRST = app(m0001=migration("auth.0001", "contenttypes.0001"))
SECOND = FIRST | app(m0002=migration("0001"))
THIRD = SECOND | app(m0003=migration("0002", "auth.__latest__"))


def paths(*names: str) -> tuple[str, ...]:
    return tuple(f"shop/migrations/{name}.py" for name in names)


@pytest.mark.parametrize(
    ("globs", "wanted"),
    [
        (["**/migrations/*.py"], ["a/b/migrations/0001.py", "a/migrations/0001.py", "migrations/0001.py"]),
        (["a/migrations/*.py"], ["a/migrations/0001.py"]),
        (["*/migrations/????.py"], ["a/migrations/0001.py"]),
        (["a/**"], ["a/b/migrations/0001.py", "a/b/migrations/sub/x.py", "a/migrations/0001.py", "a/migrations/x.txt"]),
        (["a/migrations/[0].py"], []),
        ([], []),
    ],
)
def test_globs_find_migrations(globs: list[str], wanted: list[str]) -> None:
    found = ["a/migrations/0001.py", "a/migrations/__init__.py", "a/b/migrations/0001.py", "migrations/0001.py"]
    found += ["a/b/migrations/sub/x.py", "a/migrations/x.txt", "notmigrations/0001.py"]
    assert find_migrations(found, globs) == tuple(wanted)


def test_the_same_migrations_are_nothing_to_ask_about() -> None:
    windows = {path: text.replace("\n", "\r\n") for path, text in THIRD.items()}
    changes = compare_migrations(THIRD, windows, chain=3)
    assert changes == MigrationChanges((), (), (), (), {}, {}, {}, ())
    assert not changes.worth_asking
    assert describe(changes) == "No migration changed since the last release."


def test_added_changed_and_removed_migrations_are_told_apart() -> None:
    now = {**THIRD, **app(m0002=migration("0001", more="    atomic = False\n"), m0004=migration("0003"))}
    del now["shop/migrations/0003.py"]
    changes = compare_migrations(THIRD, now, chain=9)
    assert (changes.added, changes.changed, changes.removed) == (paths("0004"), paths("0002"), paths("0003"))
    assert changes.unreplaced == paths("0003")
    assert changes.worth_asking


def test_a_squashed_migration_stands_for_what_it_replaces() -> None:
    now = THIRD | app(m0001_squashed=migration(replaces=("0001", "0002", "0003")), m0004=migration("0003"))
    changes = compare_migrations(THIRD, now, chain=2)
    assert changes.squashed == {paths("0001_squashed")[0]: ("0001", "0002", "0003")}
    assert changes.conflicts == {}
    assert changes.chains == {}


def test_a_squash_of_a_squash_is_followed() -> None:
    now = THIRD | app(
        m0001_a=migration(replaces=("0001", "0002")),
        m0001_b=migration(replaces=("0001_a", "0003")),
        m0004=migration("0002", "0003"),
    )
    changes = compare_migrations(THIRD, now, chain=1)
    assert changes.conflicts == {}
    assert changes.chains == {"shop": ("0001_b", "0004")}


@pytest.mark.parametrize("keep_replaces", [True, False])
def test_removing_what_was_squashed_is_no_loss(keep_replaces: bool) -> None:
    squashed = THIRD | app(m0001_squashed=migration(replaces=("0001", "0002", "0003")))
    now = app(m0001_squashed=migration(replaces=("0001", "0002", "0003") if keep_replaces else ()))
    changes = compare_migrations(squashed, now, chain=9)
    assert changes.removed == paths("0001", "0002", "0003")
    assert changes.unreplaced == ()


def test_two_last_migrations_are_a_conflict() -> None:
    now = THIRD | app(m0003_other=migration("0002"))
    assert compare_migrations(THIRD, now, chain=9).conflicts == {"shop": ("0003", "0003_other")}
    merged = now | app(m0004_merge=migration("0003", "0003_other"))
    assert compare_migrations(THIRD, merged, chain=9).conflicts == {}


def test_a_conflict_is_told_even_when_nothing_changed() -> None:
    state = THIRD | app(m0003_other=migration("0002"))
    assert compare_migrations(state, state, chain=9).worth_asking


def test_apps_are_kept_apart() -> None:
    other = app("a/users", m0001=migration(label="users"), m0002=migration("0001", "shop.0003", label="users"))
    changes = compare_migrations(THIRD, THIRD | other, chain=9)
    assert changes.conflicts == {}
    assert "### `a/users`" in describe(changes)
    assert "### `shop`" not in describe(changes)


def test_an_equal_name_in_another_app_is_no_dependency() -> None:
    """0002 depends on auth's 0001, which does not put it after the app's own 0001."""
    now = app(m0001=migration(), m0002=migration("auth.0001"), m0003=migration("0002"))
    assert compare_migrations(now, now, chain=9).conflicts == {"shop": ("0001", "0003")}


def test_a_label_may_differ_from_the_folder() -> None:
    now = app("shop", m0001=migration(), m0002=migration("0001", label="store"), m0003=migration("0002", label="store"))
    changes = compare_migrations({}, now, chain=2)
    assert changes.conflicts == {}
    assert changes.chains == {"shop": ("0001", "0002", "0003")}


@pytest.mark.parametrize(("limit", "listed"), [(2, {"shop": ("0001", "0002", "0003")}), (3, {})])
def test_long_chains_are_listed(limit: int, listed: dict[str, tuple[str, ...]]) -> None:
    changes = compare_migrations(THIRD, THIRD, chain=limit)
    assert changes.chains == listed
    assert not changes.worth_asking


def test_a_chain_of_hundreds_is_no_trouble() -> None:
    now = app(**{f"m{number:04}": migration(f"{number - 1:04}") for number in range(1, 401)})
    assert len(compare_migrations({}, now, chain=20).chains["shop"]) == 400


def test_a_circle_is_a_conflict_of_nothing() -> None:
    now = app(m0001=migration("0002"), m0002=migration("0001"))
    changes = compare_migrations({}, now, chain=1)
    assert (changes.conflicts, changes.chains) == ({}, {})


def test_files_that_are_no_migrations_are_files_all_the_same() -> None:
    now = FIRST | app(helpers="def backwards(): ...\n", m0002="class Migration(\n", m0003="x = '\0'")
    changes = compare_migrations(FIRST, now, chain=9)
    assert changes.added == paths("0002", "0003", "helpers")
    assert changes.unreadable == paths("0002", "0003")
    assert changes.conflicts == {}


def test_annotations_and_tuples_are_read_too() -> None:
    text = "class Migration(M):\n    dependencies: list[object] = [['shop', '0001'], ('auth', x), 3]\n"
    text += "    replaces = (('shop', '0001', 'x'),)\n    initial = 0 or True\n    x: int\n"
    changes = compare_migrations(FIRST, FIRST | app(m0002=text), chain=1)
    assert changes.chains == {"shop": ("0001", "0002")}
    assert changes.squashed == {}


def test_migrations_are_not_executed(tmp_path_factory: pytest.TempPathFactory) -> None:
    mark = tmp_path_factory.mktemp("m") / "mark"
    compare_migrations({}, app(m0001=f"open({str(mark)!r}, 'w')\n{migration()}"), chain=1)
    assert not mark.exists()


def test_the_description_says_what_is_dangerous() -> None:
    now = {
        **THIRD,
        **app(m0002=migration("0001", more="#"), m0004_x=migration("0002"), m0009="("),
        **app("a`b", m0001_squashed=migration(replaces=("0001", "0002"))),
    }
    del now["shop/migrations/0003.py"]
    now |= app(m0003_x=migration("0002"))
    assert describe(compare_migrations(THIRD, now, chain=2)) == "\n".join(
        [
            "### ``a`b``",
            "",
            "- added ``a`b/migrations/0001_squashed.py``, squashes `0001`, `0002`",
            "",
            "### `shop`",
            "",
            "- added `shop/migrations/0003_x.py`",
            "- added `shop/migrations/0004_x.py`",
            "- added `shop/migrations/0009.py`",
            "- **changed** `shop/migrations/0002.py`: databases that ran the released one do not run it again",
            "- **removed** `shop/migrations/0003.py`, and nothing replaces it",
            "- **not Python**: `shop/migrations/0009.py`",
            "- **conflict**: `0003_x`, `0004_x` are all last; run `makemigrations --merge`",
            "- 3 migrations in a row, `0001` to `0003_x`: squash them perhaps",
        ]
    )


def test_a_long_chain_alone_is_told_with_the_news_that_nothing_changed() -> None:
    text = describe(compare_migrations(THIRD, THIRD, chain=2))
    assert text.startswith("No migration changed since the last release.\n\n### `shop`\n\n- 3 migrations in a row")
