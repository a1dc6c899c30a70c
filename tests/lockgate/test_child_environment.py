"""Which variables a child gets."""

from __future__ import annotations

import pytest

from lockgate.child_environment import helper_environment, project_environment, without_login
from lockgate.setting_values import UnfitError, variables

MARKER = "marker"
SECRET = (
    "GH_TOKEN",
    "GITHUB_TOKEN",
    "PGPASSWORD",
    "DATABASE_URL",
    "PREFECT_API_AUTH_STRING",
    "AWS_SECRET_ACCESS_KEY",
    "MYSQL_PWD",
    "TWINE_PASSWORD",
    "GIT_CONFIG_VALUE_0",
    "ACTIONS_ID_TOKEN_REQUEST_TOKEN",
    "LOCKGATE_STORE",
    "UV_PUBLISH_TOKEN",
    "UV_INDEX_X_PASSWORD",
    "NETRC",
    "KUBECONFIG",
    "PIP_KEYRING_PROVIDER",
    "SENTRY_DSN",
    "A_NAME_THAT_NOBODY_THOUGHT_OF",
)
ACTING = ("HOME", "SSH_AUTH_SOCK", "GNUPGHOME", "GIT_SSH_COMMAND", "GIT_CONFIG_GLOBAL", "HTTPS_PROXY", "https_proxy")
OURS = (
    "GH_TOKEN",
    "gh_token",
    "GITHUB_TOKEN",
    "LOCKGATE_HOME",
    "PREFECT_API_URL",
    "SSH_AUTH_SOCK",
    "AWS_PROFILE",
    "GIT_DIR",
    "LD_PRELOAD",
    "HOME",
    "PATH",
    "A-B",
    "1A",
)


@pytest.mark.parametrize(
    "name", [*SECRET, "SSH_AUTH_SOCK", "HOME", "XDG_RUNTIME_DIR", "DBUS_SESSION_BUS_ADDRESS", "PYTHONPATH"]
)
def test_the_projects_code_gets_what_is_on_the_list_and_nothing_else(name: str) -> None:
    assert project_environment({name: MARKER, "PATH": "/usr/bin"}) == {"PATH": "/usr/bin"}
    assert project_environment({name: MARKER}, named=[name]) == {name: MARKER}


@pytest.mark.parametrize("name", SECRET)
def test_helpers_get_no_secret_either(name: str) -> None:
    assert helper_environment({name: MARKER}) == {}


@pytest.mark.parametrize("name", ACTING)
def test_helpers_act_for_the_person(name: str) -> None:
    assert helper_environment({name: "x"}) == {name: "x"}


@pytest.mark.parametrize(
    ("value", "without"),
    [
        ("http://ada:marker@proxy:3128", "http://proxy:3128"),
        ("ada:marker@proxy:3128", "proxy:3128"),
        ("https://marker@a.example/simple https://u:p@b.example/s", "https://a.example/simple https://b.example/s"),
        ("https://ada:mar/ker@host/simple", "https://host/simple"),
        ("https://ada:m@rker@host/simple", "https://host/simple"),
        ("company=https://ada:marker@host/simple", "company=https://host/simple"),
        ("https://ada:mark,er@host/simple", "https://host/simple"),
        ("http://proxy:3128", "http://proxy:3128"),
        ("/opt/wheels file:///opt/simple", "/opt/wheels file:///opt/simple"),
    ],
)
def test_addresses_go_without_their_logins(value: str, without: str) -> None:
    assert without_login(value) == without
    assert project_environment({"UV_INDEX": value, "PATH": "/opt/python@3/bin"}) == {
        "UV_INDEX": without,
        "PATH": "/opt/python@3/bin",
    }


@pytest.mark.parametrize("name", [*OURS, ""])
def test_settings_cannot_name_what_is_lockgates(name: str) -> None:
    with pytest.raises(UnfitError):
        variables([name])


def test_settings_may_name_what_tests_need() -> None:
    assert variables(["DATABASE_URL", "PGPASSWORD", "DJANGO_SECRET_KEY"]) == (
        "DATABASE_URL",
        "PGPASSWORD",
        "DJANGO_SECRET_KEY",
    )
