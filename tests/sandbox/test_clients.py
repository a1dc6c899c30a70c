"""Clients that nobody here wrote drive whole releases against the sandbox: githubkit, PyGithub, pip, uv."""

from __future__ import annotations

import io
import subprocess
import sys
import zipfile

import github
import httpx
import pytest
from githubkit import GitHub, TokenAuthStrategy


def test_githubkit_drives_a_release(world, checkout, made):
    client = GitHub(TokenAuthStrategy(world.token), base_url=f"{world.api_url}/", http_cache=False)
    owner, name = world.slug.split("/")
    rest = client.rest.repos
    release = rest.create_release(owner, name, tag_name="v1.1.0", draft=True).parsed_data
    for file, content in made.distributions().items():
        headers = {"content-type": "application/octet-stream"}
        address = release.upload_url.split("{")[0]
        assert (
            client.request("POST", address, params={"name": file}, content=content, headers=headers).status_code == 201
        )
    checkout.tag("v1.1.0")
    world.wait_idle(30)
    runs = client.rest.actions.list_workflow_runs(owner, name, "publish.yml").parsed_data.workflow_runs
    assert [(run.head_branch, run.conclusion) for run in runs] == [("v1.1.0", "success")]
    published = rest.update_release(owner, name, release.id, draft=False).parsed_data
    assert published.html_url.endswith("/releases/tag/v1.1.0")
    assert rest.get_release_by_tag(owner, name, "v1.1.0").parsed_data.id == release.id
    archive = client.rest.actions.download_workflow_run_logs(owner, name, runs[0].id).content
    assert "0_publish.txt" in zipfile.ZipFile(io.BytesIO(archive)).namelist()


def test_pygithub_drives_a_release(world, checkout, made, tmp_path):
    client = github.Github(
        base_url=world.api_url,
        auth=github.Auth.Token(world.token),
        retry=None,
        seconds_between_requests=None,
        seconds_between_writes=None,
    )
    repository = client.get_repo(world.slug)
    assert repository.permissions.push
    release = repository.create_git_release("v1.1.0", "1.1.0", "Notes", draft=True)
    for file, content in made.distributions().items():
        (tmp_path / file).write_bytes(content)
        assert release.upload_asset(str(tmp_path / file)).state == "uploaded"
    checkout.tag("v1.1.0")
    world.wait_idle(30)
    run = repository.get_workflow("publish.yml").get_runs()[0]
    assert (run.event, run.head_branch, run.conclusion) == ("push", "v1.1.0", "success")
    assert [(job.name, job.conclusion) for job in run.jobs()] == [("publish", "success")]
    assert repository.get_release(release.id).update_release("1.1.0", "Notes", draft=False).draft is False
    assert repository.get_latest_release().tag_name == "v1.1.0"
    assert {asset.name for asset in repository.get_release("v1.1.0").get_assets()} == set(made.distributions())


@pytest.mark.parametrize("installer", ["pip", "uv"])
def test_a_released_package_is_installed(world, publish, tmp_path, installer):
    assert publish()["conclusion"] == "success"
    target = tmp_path / "installed"
    quiet = ["--no-cache-dir", "--no-deps", "--target", str(target)]
    commands = {
        "pip": [sys.executable, "-m", "pip", "install", *quiet, "--index-url", world.index_url, "lockgate-sample==1.1"],
        "uv": [
            "uv",
            "pip",
            "install",
            "--no-cache",
            "--no-deps",
            "--target",
            str(target),
            "--default-index",
            world.index_url,
        ],
    }
    command = (
        commands[installer] if installer == "pip" else [sys.executable, "-m", *commands["uv"], "Lockgate_Sample==1.1.0"]
    )
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "PIP_CONFIG_FILE": "/dev/null", "UV_NO_CONFIG": "1"}
    result = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=120)
    assert result.returncode == 0, result.stderr
    assert '__version__ = "1.1.0"' in (target / "lockgate_sample/__init__.py").read_text()


def test_uv_and_pip_see_that_a_version_is_yanked(world, made, tmp_path):
    for version in ("1.0.0", "1.1.0"):
        for name, content in made.distributions(version).items():
            (tmp_path / name).write_bytes(content)
            world.publish_file("lockgate-sample", tmp_path / name, yanked="broken" if version == "1.1.0" else False)
    command = [sys.executable, "-m", "pip", "download", "--no-cache-dir", "--no-deps", "--index-url", world.index_url]
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "PIP_CONFIG_FILE": "/dev/null"}
    subprocess.run(
        [*command, "--dest", str(tmp_path / "d"), "lockgate-sample"], check=True, env=environment, capture_output=True
    )
    assert [path.name for path in (tmp_path / "d").iterdir()] == ["lockgate_sample-1.0.0-py3-none-any.whl"]


def test_asset_is_downloaded_from_another_origin_without_the_token(world, api, made):
    release = api.release("v1.1.0", {"a.zip": b"content"})
    headers = {"accept": "application/octet-stream"}
    reply = api.client.get(f"/releases/assets/{release['assets'][0]['id']}", headers=headers)
    address = reply.headers["location"]
    assert not address.startswith(world.github_url)
    assert httpx.get(address).content == b"content"
    assert httpx.get(address, headers={"authorization": f"Bearer {world.token}"}).status_code == 400
    assert httpx.get(address.replace("sig=", "sig=0")).status_code == 403
