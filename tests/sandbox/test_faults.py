"""Each fault does what it says, as often as it says, and nothing afterwards."""

from __future__ import annotations

import os
import subprocess
import sys

import httpx
import pytest

from sandbox.faults import Fault

RELEASES = "POST .*/releases$"


def create(api) -> httpx.Response:
    return api.client.post("/releases", json={"tag_name": "v1.1.0", "draft": True})


def test_refuse_drops_the_connection_before_anything_is_done(world, api):
    world.faults.add(Fault("refuse", match=RELEASES))
    with pytest.raises(httpx.RemoteProtocolError):
        create(api)
    assert world.releases == []
    assert create(api).status_code == 201


def test_drop_reply_carries_out_and_says_nothing(world, api):
    world.faults.add(Fault("drop-reply", match=RELEASES))
    with pytest.raises(httpx.RemoteProtocolError):
        create(api)
    assert [release["tag_name"] for release in world.releases] == ["v1.1.0"]
    assert [change["what"] for change in world.journal] == ["created draft release v1.1.0"]


@pytest.mark.parametrize("status", [500, 502, 503])
def test_error(world, api, status):
    world.faults.add(Fault("error", match=RELEASES, times=2, options={"status": status}))
    assert [create(api).status_code for _ in range(3)] == [status, status, 201]
    assert [seen["name"] for seen in world.faults.seen] == ["error", "error"]


def test_after_skips_the_first_matches(world, api):
    world.faults.add(Fault("error", match=RELEASES, after=1))
    assert [create(api).status_code for _ in range(3)] == [201, 502, 201]


def test_rate_limits(world, api):
    world.faults.add(Fault("rate-limit", match=RELEASES, options={"status": 429, "retry_after": 3}))
    secondary = create(api)
    assert (secondary.status_code, secondary.headers["retry-after"]) == (429, "3")
    world.faults.add(Fault("rate-limit", match=RELEASES, options={"primary": True}))
    primary = create(api)
    assert (primary.status_code, primary.headers["x-ratelimit-remaining"]) == (403, "0")
    assert int(primary.headers["x-ratelimit-reset"]) > 0


def test_origin_drops_the_reply_of_a_push(world, checkout):
    world.faults.add(Fault("drop-reply", "origin", "POST .*/git-receive-pack"))
    commit = checkout.commit("a", "a")
    assert checkout.push(check=False).returncode != 0
    assert checkout.git("ls-remote", "origin", "refs/heads/main").stdout.split()[0] == commit


@pytest.mark.parametrize("service", ["index", "storage"])
def test_other_services(world, api, service):
    world.faults.add(Fault("error", service, options={"status": 503}))
    address = world.index_url if service == "index" else f"http://127.0.0.1:{world.ports['storage']}/x"
    assert httpx.get(address).status_code == 503


def test_missing_run(world, api, publish):
    world.faults.add(Fault("missing-run", match="push refs/tags/"))
    with pytest.raises(IndexError):
        publish()


def test_hidden_run_shows_in_the_whole_list_only(world, api, publish):
    world.faults.add(Fault("hidden-run", options={"lookups": 2}))
    publish()
    counts = [len(api.runs(event="push")) for _ in range(3)]
    assert counts == [0, 0, 1]
    assert len(api.runs()) == 1


def index_files(world) -> list[str]:
    return sorted(
        path.name for path in world.folder.glob("index/lockgate-sample/*") if path.name.endswith((".whl", ".gz"))
    )


def test_failed_publish(world, api, publish):
    world.faults.add(Fault("failed-publish", options={"text": "The index is on holiday"}))
    run = publish()
    assert run["conclusion"] == "failure"
    assert "The index is on holiday" in api.log(run["id"])
    api.client.post(f"/actions/runs/{run['id']}/rerun-failed-jobs")
    world.wait_idle(30)
    assert api.runs()[0]["conclusion"] == "success"


def test_half_publish_is_completed_by_a_rerun(world, api, publish):
    world.faults.add(Fault("half-publish"))
    run = publish()
    assert run["conclusion"] == "failure"
    assert index_files(world) == ["lockgate_sample-1.1.0-py3-none-any.whl"]
    api.client.post(f"/actions/runs/{run['id']}/rerun-failed-jobs")
    world.wait_idle(30)
    assert len(index_files(world)) == 2


def test_other_bytes(world, publish, made):
    world.faults.add(Fault("other-bytes"))
    assert publish()["conclusion"] == "success"
    name = "lockgate_sample-1.1.0.tar.gz"
    assert (world.folder / "index/lockgate-sample" / name).read_bytes() != made.distributions()[name]


def test_skipped_publish(world, publish):
    world.faults.add(Fault("skipped-publish"))
    assert publish()["conclusion"] == "success"
    assert index_files(world) == []


def test_late_by_lookups(world, publish):
    world.faults.add(Fault("late", "index", options={"lookups": 2}))
    publish()
    headers = {"accept": "application/vnd.pypi.simple.v1+json"}
    counts = [len(httpx.get(f"{world.index_url}lockgate-sample/", headers=headers).json()["files"]) for _ in range(3)]
    assert counts == [0, 0, 2]


def test_late_on_one_page_only(world, publish):
    world.faults.add(Fault("late", "index", options={"seconds": 1000, "only": "simple"}))
    publish()
    base = world.index_url.removesuffix("/simple/")
    assert len(httpx.get(f"{base}/pypi/lockgate-sample/1.1.0/json").json()["urls"]) == 2
    assert ".whl" not in httpx.get(f"{world.index_url}lockgate-sample/").text


def test_starter_asset(world, api):
    world.faults.add(Fault("starter-asset"))
    release = api.release("v1.1.0")
    assert api.upload(release, "a.zip", b"a").status_code == 502
    left = api.client.get(f"/releases/{release['id']}/assets").json()
    assert [(asset["state"], asset["size"], asset["digest"]) for asset in left] == [("starter", 0, None)]
    assert api.upload(release, "a.zip", b"a").status_code == 422
    assert api.client.delete(f"/releases/assets/{left[0]['id']}").status_code == 204
    assert api.upload(release, "a.zip", b"a").status_code == 201


def test_moved_main(world, checkout):
    world.faults.add(
        Fault(
            "moved-main",
            "origin",
            "GET .*service=|GET .*/info/refs",
            options={"path": "other.txt", "message": "Other work"},
        )
    )
    checkout.commit("a", "a")
    result = checkout.push(check=False)
    assert "fetch first" in result.stdout
    checkout.git("fetch", "--quiet")
    assert checkout.git("log", "-1", "--format=%s", "origin/main").stdout.strip() == "Other work"


@pytest.mark.parametrize(("when", "done"), [("before", 0), ("after", 1)])
def test_kill_caller(world, when, done):
    """The caller waits for its own number, so that the fault can be armed with it."""
    text = "import os, sys, urllib.request as u; print(os.getpid(), flush=True); sys.stdin.readline();"
    text += (
        'body = b\'{"tag_name": "v9", "draft": true}\'; head = {"Authorization": "Bearer " + os.environ["GH_TOKEN"]};'
    )
    text += "u.urlopen(u.Request(sys.argv[1], body, head))"
    address = f"{world.api_url}/repos/{world.slug}/releases"
    command = [sys.executable, "-c", text, address]
    environment = {**os.environ, **world.environment}
    with subprocess.Popen(command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as caller:
        assert int(caller.stdout.readline()) == caller.pid
        world.faults.add(Fault("kill-caller", match=RELEASES, options={"pid": caller.pid, "when": when}))
        caller.stdin.write("\n")
        caller.stdin.flush()
        assert caller.wait(30) == -9
    assert len(world.releases) == done


def test_steered_from_another_process(world, api):
    address = f"{world.github_url}/_sandbox/faults"
    fault = {"name": "error", "match": RELEASES, "options": {"status": 500}}
    assert httpx.post(address, json=fault).status_code == 201
    assert httpx.get(address).json()["armed"][0]["name"] == "error"
    assert create(api).status_code == 500
    assert [seen["name"] for seen in httpx.get(address).json()["seen"]] == ["error"]
    httpx.post(address, json=fault)
    assert httpx.delete(address).status_code == 204
    assert world.faults.armed == []
    assert "is no fault" in httpx.post(address, json={"name": "else"}).json()["message"]
    assert httpx.post(address, json={"unknown": 1}).status_code == 400
    assert httpx.get(f"{world.github_url}/_sandbox/journal").json() == world.journal
    assert httpx.get(f"{world.github_url}/_sandbox/problems").json() == []


@pytest.mark.parametrize("wrong", [{"name": "else"}, {"name": "error", "service": "else"}])
def test_what_is_no_fault(wrong):
    with pytest.raises(ValueError, match="'else' is no"):
        Fault(**wrong)
