"""What may be typed into a run, and how Prefect is told to treat flows and tasks."""

from __future__ import annotations

import importlib
import pkgutil
import re
from collections.abc import Iterator
from typing import Any

import pytest
from prefect import Flow, Task
from prefect.cache_policies import NO_CACHE
from prefect.client.orchestration import get_client
from prefect.exceptions import PrefectHTTPStatusError

import flows
import tasks
from flows.release_flow import release

SECRET = re.compile(r"token|password|secret|credential|key", re.IGNORECASE)


def found(kind: type[Any]) -> dict[str, Any]:
    """Every flow or task that a module of flows/ or tasks/ holds, by name."""
    modules = [
        importlib.import_module(f"{package.__name__}.{one.name}")
        for package in (flows, tasks)
        for one in pkgutil.iter_modules(package.__path__)
    ]
    return {value.name: value for module in modules for value in vars(module).values() if isinstance(value, kind)}


def fields(schema: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for one in (schema, *schema.get("definitions", {}).values()):
        yield from one.get("properties", {}).items()


def test_every_task_looks_at_the_world_anew_and_only_the_steps_are_retried() -> None:
    known = found(Task)
    assert len(known) > 13
    for name, task in known.items():
        assert task.cache_policy is NO_CACHE, name
        assert task.persist_result is False, name


def test_no_flow_is_retried_as_a_whole() -> None:
    """A retried flow run would answer its checkpoints with nothing."""
    known = found(Flow)
    assert {"release", "scheduled-release", "reminders", "sentinel"} <= known.keys()
    assert {name: flow.retries for name, flow in known.items() if flow.retries} == {}


def test_no_parameter_can_hold_a_secret() -> None:
    for name, flow in found(Flow).items():
        schema = flow.parameters.model_dump()
        for field, _ in fields(schema):
            assert not SECRET.search(field), f"{name}: {field}"
        for definition in schema.get("definitions", {}).values():
            assert "properties" not in definition or definition.get("additionalProperties") is False, (name, definition)
            for field, details in definition.get("properties", {}).items():
                assert details.get("description") or "$ref" in str(details), f"{name}: {field} says nothing in the form"


@pytest.mark.parametrize(
    "repository",
    [
        "",
        "https://ada:a-token@github.example/a/b",
        "https://a-token@github.example/a/b.git",
        "HTTPS://a-token@github.example/a/b",
        " https://a-token@github.example/a/b",
        "git+https://ada:a-token@github.example/a/b",
        "ssh://git:a-token@github.example/a/b",
    ],
)
def test_the_server_refuses_a_token_in_the_repository_before_it_is_stored(prefect_api: str, repository: str) -> None:
    with get_client(sync_client=True) as client:
        schema = release.parameters.model_dump()
        deployment = client.create_deployment(
            client.create_flow(release), "refusing", parameter_openapi_schema=schema, enforce_parameter_schema=True
        )
        taken = {"request": {"repository": "ssh://git@github.example/a/b", "version": "minor"}}
        run = client.create_flow_run_from_deployment(deployment, parameters=taken)
        client.delete_flow_run(run.id)
        with pytest.raises(PrefectHTTPStatusError, match=r"409|422"):
            client.create_flow_run_from_deployment(deployment, parameters={"request": {"repository": repository}})
        client.delete_deployment(deployment)
