from __future__ import annotations

import contextlib
import json
import textwrap

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lockgate.errors import RefusedError
from lockgate.publication import Publisher
from lockgate.workflows import (
    PublisherClaims,
    check_workflow,
    claims_for,
    compare_claims,
    find_publish_workflow,
    identity_of,
    moved_from,
    skip_instruction,
)

PATH = ".github/workflows/publish.yml"
SLUG = "Octo/sample"
JOB = """
permissions: {id-token: write}
runs-on: ubuntu-latest
environment: pypi
steps:
  - uses: actions/download-artifact@v5
  - uses: pypa/gh-action-pypi-publish@release/v1
"""
TAG_PUSH = "on: {push: {tags: ['v*']}}"


def job(text: str = JOB, **more: str) -> str:
    return text + "".join(f"{key.replace('_', '-')}: {value}\n" for key, value in more.items())


def workflow(on: str = TAG_PUSH, **jobs: str) -> str:
    """A workflow with these jobs; each is the text of its mapping."""
    parts = [on, "jobs:"]
    for name, text in (jobs or {"publish": JOB}).items():
        parts += [f"  {name}:", textwrap.indent(text.strip("\n"), "    ")]
    return "\n".join(parts) + "\n"


def find(text, *, tag="v1.2.3", wanted="", path=PATH, repository=SLUG, **more):
    return find_publish_workflow({path: text, **more}, wanted=wanted, tag=tag, repository=repository)


def refusal(text, **options):
    with pytest.raises(RefusedError) as raised:
        find(text, **options)
    return str(raised.value)


def check(text, environment="", tag="v1.2.3", **more):
    files = {PATH: text, **more}
    found = find_publish_workflow(files, wanted=PATH, tag=tag, repository=SLUG)
    problems, warnings = check_workflow(files, found, tag=tag, repository=SLUG, environment=environment)
    return "\n".join(map(str, problems)), "\n".join(warnings)


@pytest.mark.parametrize(
    ("on", "trigger"),
    [
        (TAG_PUSH, "tag"),
        ("on: {push: {tags: 'v*'}}", "tag"),
        ('on:\n  push:\n    tags:\n      - "v[0-9]+.[0-9]+.[0-9]+"', "tag"),
        ("on: push", "tag"),
        ("on: [push]", "tag"),
        ("on: [push, pull_request]", "tag"),
        ("on: {push: , pull_request: }", "tag"),
        ("on: {push: {branches: [main], tags: ['*']}}", "tag"),
        ("'on': {push: {tags: ['v*']}}", "tag"),
        ("on: release", "release"),
        ("on: [release]", "release"),
        ("on: {release: }", "release"),
        ("on: {release: {types: [published]}}", "release"),
        ("on: {release: {types: published}}", "release"),
        ("on: {release: {types: [released]}}", "release"),
        ("on: {release: {types: [created, published]}}", "release"),
        ("on: {push: {branches: [main]}, release: {types: [published]}}", "release"),
        ("on: {push: {tags: ['v*']}, release: {types: [published]}}", "tag"),
        ("on: {push: {tags: ['v*']}, workflow_dispatch: }", "tag"),
    ],
)
def test_triggers_of_a_release_are_recognised(on, trigger):
    found = find(workflow(on))
    assert (found.trigger, found.file, found.environment) == (trigger, "publish.yml", "pypi")
    assert [one.id for one in found.jobs] == ["publish"]
    assert found.undecided == ()


@pytest.mark.parametrize(
    ("on", "words"),
    [
        ("on: {push: {branches: [main]}}", "it runs only for pushed branches, not for tags"),
        ("on: workflow_dispatch", "it runs only by hand"),
        ("on: {workflow_dispatch: {inputs: {version: {required: true}}}}", "it runs only by hand"),
        ("on: {workflow_run: {workflows: [CI]}}", "it runs only after another workflow"),
        ("on: workflow_call", "it runs only when another workflow calls it"),
        ("on: {push: {tags: ['1.*']}}", "for pushed tags that match '1.*', not 'v1.2.3'"),
        ("on: {push: {tags-ignore: ['v*']}}", "for pushed tags except 'v*', which takes out 'v1.2.3'"),
        ("on: {release: {types: [created]}}", "release types 'created', of which GitHub sends none when a draft"),
        ("on: {schedule: [{cron: '0 0 * * *'}]}", "it runs only on a schedule"),
        ("on: {push: {branches: [main]}, workflow_dispatch: }", "for pushed branches, not for tags and by hand"),
        ("on: gollum", "its `on:` names no event of a release"),
    ],
)
def test_other_triggers_are_refused_with_the_reason(on, words):
    assert words in refusal(workflow(on))


def test_a_prerelease_does_not_send_released():
    text = workflow("on: {release: {types: [released]}}")
    assert find(text).trigger == "release"
    assert "sends none for a pre-release" in refusal(text, tag="v1.2.3rc1")
    assert find(workflow("on: release"), tag="v1.2.3rc1").also == ()


@pytest.mark.parametrize(
    "condition",
    [
        "startsWith(github.ref, 'refs/tags')",
        "${{ startsWith(github.ref, 'refs/tags/v') }}",
        "startsWith(github.event.ref, 'refs/tags')",
        "github.event_name == 'push' && contains(github.ref, '/tags/')",
        "github.ref_type == 'tag'",
        "github.repository == 'octo/sample'",
        "github.repository_owner == 'Octo' && github.event_name != 'pull_request'",
        "!contains(github.ref_name, 'rc')",
        "always()",
        "github.event.pull_request.merged || github.event.created",
    ],
)
def test_conditions_that_hold_for_the_tag_are_evaluated(condition):
    assert find(workflow("on: push", publish=job(**{"if": f'"{condition}"'}))).undecided == ()


@pytest.mark.parametrize(
    "condition",
    [
        "github.ref == 'refs/heads/main'",
        "github.event_name == 'release'",
        "github.repository == 'somebody/else'",
        "github.event_name == 'workflow_dispatch' && inputs.publish",
        "failure()",
    ],
)
def test_a_condition_that_is_false_is_refused_with_its_text(condition):
    text = refusal(workflow("on: push", publish=job(**{"if": f'"{condition}"'})))
    assert f"job 'publish' has `if: {condition}`, which is false then" in text
    assert "not for the push of tag v1.2.3" in text


def test_a_condition_chooses_between_two_events():
    on = "on: {push: , release: {types: [published]}}"
    found = find(workflow(on, publish=job(**{"if": "github.event_name == 'release'"})))
    assert (found.trigger, found.also) == ("release", ())
    both = find(workflow(on))
    assert both.trigger == "tag"
    assert both.also == ("the publication of release v1.2.3 (published)",)


def test_what_cannot_be_decided_is_shown():
    found = find(workflow(publish=job(**{"if": "vars.PUBLISH == 'yes'"})))
    assert found.undecided == (
        "job 'publish' has `if: vars.PUBLISH == 'yes'`, and vars.PUBLISH is not known before the run",
    )


def test_a_certain_event_is_preferred_to_an_uncertain_one():
    on = "on: {push: , release: {types: [published]}}"
    found = find(workflow(on, publish=job(**{"if": "github.event_name == 'release' || vars.EAGER"})))
    assert (found.trigger, found.undecided) == ("release", ())


def test_a_skipped_needed_job_skips_the_publishing_one():
    build = "if: github.ref == 'refs/heads/main'\nruns-on: ubuntu-latest\nsteps: [{run: make}]"
    text = workflow(build=build, publish=job(needs="build"))
    assert "job 'build' has `if: github.ref == 'refs/heads/main'`, which is false then" in refusal(text)
    assert find(workflow(build=build, publish=job(needs="[build]", **{"if": "always()"}))).jobs[-1].id == "publish"
    tolerant = job(needs="build", **{"if": "always() && needs.build.result == 'success'"})
    assert "`if: always() && needs.build.result == 'success'`" in refusal(workflow(build=build, publish=tolerant))


def test_a_condition_on_the_step_counts():
    steps = "permissions: {id-token: write}\nsteps:\n  - uses: pypa/gh-action-pypi-publish@release/v1\n    if: "
    assert find(workflow("on: push", one=steps + "startsWith(github.ref, 'refs/tags')")).jobs[-1].id == "one"
    assert "its upload step is false" in refusal(workflow("on: push", one=steps + "github.ref == 'refs/heads/main'"))


@pytest.mark.parametrize(
    "test_upload",
    [
        "steps: [{uses: pypa/gh-action-pypi-publish@v1.13.0, with: {repository-url: 'https://test.example/legacy/'}}]",
        "steps: [{uses: pypa/gh-action-pypi-publish@v1.13.0, with: {repository_url: 'https://test.example/legacy/'}}]",
        "steps: [{run: 'twine upload -r testpypi dist/*'}]",
        "steps: [{run: 'uv publish --index testpypi'}]",
        "steps: [{run: 'twine upload dist/*', env: {TWINE_REPOSITORY: testpypi, TWINE_PASSWORD: x}}]",
    ],
)
def test_an_upload_to_a_test_index_is_left_aside(test_upload):
    text = workflow(try_it=f"environment: testpypi\npermissions: {{id-token: write}}\n{test_upload}", publish=JOB)
    found = find(text)
    assert (found.jobs[-1].id, found.environment) == ("publish", "pypi")
    assert check(text)[0] == ""
    assert "no job in" in refusal(workflow(try_it=test_upload))


def test_test_and_real_upload_in_one_job_take_the_real_one():
    text = workflow(
        both="permissions: {id-token: write}\nsteps:\n"
        "  - uses: pypa/gh-action-pypi-publish@v1.12.0\n    with: {repository-url: 'https://test.example/legacy/'}\n"
        "  - uses: pypa/gh-action-pypi-publish@v1.13.0\n    with: {repository-url: 'https://upload.example/legacy/'}\n"
    )
    assert find(text).environment == ""
    assert "v1.12.0" not in check(text)[1]


@pytest.mark.parametrize(
    ("environment", "name"),
    [
        ("pypi", "pypi"),
        ("{name: release, url: 'https://index.example/p/sample'}", "release"),
        ("\"${{ github.event_name == 'push' && 'pypi' || 'testpypi' }}\"", "pypi"),
    ],
)
def test_the_environment_is_read_in_each_form(environment, name):
    found = find(workflow(publish=JOB.replace("environment: pypi", f"environment: {environment}")))
    assert found.environment == name


def test_an_environment_that_only_the_run_knows_is_undecided():
    text = workflow(publish=JOB.replace("environment: pypi", 'environment: "${{ matrix.target }}"'))
    found = find(text)
    assert found.environment == ""
    assert found.undecided == (
        "job 'publish' has the environment ${{ matrix.target }}, which is not known before the run",
    )
    assert check(text, "pypi")[0] == ""


@pytest.mark.parametrize(
    ("steps", "words"),
    [
        ("[{uses: pypa/gh-action-pypi-publish@v1, with: {user: __token__, password: x}}]", "the action's input `passw"),
        ("[{run: 'twine upload dist/*', env: {TWINE_PASSWORD: x}}]", "(the variable TWINE_PASSWORD)"),
        ("[{run: 'python -m twine upload -u a -p b dist/*'}]", "(the option -p)"),
        ("[{run: 'uv publish --token x'}]", "(the option --token)"),
        ("[{run: 'export TWINE_PASSWORD=x; twine upload dist/*'}]", "(TWINE_PASSWORD)"),
        ("[{run: 'poetry publish --build'}]", "poetry publish, which knows no Trusted Publishing"),
        ("[{run: 'poetry config pypi-token.pypi x && poetry publish'}]", "(pypi-token.pypi)"),
        ("[{run: 'python setup.py sdist upload'}]", "setup.py upload, which knows no Trusted Publishing"),
        ("[{run: make release, env: {FLIT_PASSWORD: x}}]", "a command of its own and a password or token (FLIT_PAS"),
        ("[{uses: JRubics/poetry-publish@v2, with: {pypi_token: x}}]", "inside JRubics/poetry-publish@v2"),
    ],
)
def test_an_upload_by_password_is_refused_with_the_place(steps, words):
    text = refusal(workflow(publish=f"permissions: {{id-token: write}}\nsteps: {steps}"))
    assert words in text
    assert "Expected: Trusted Publishing" in text


@pytest.mark.parametrize(
    "command",
    [
        "uv publish",
        "uv publish --trusted-publishing always",
        "mkdir -p dist && uv --quiet publish dist/*",
        "twine upload dist/*",
        "python -m twine upload --repository pypi dist/*",
        "uvx twine upload \\\\\n dist/*",
    ],
)
def test_tools_that_know_trusted_publishing_are_taken(command):
    text = workflow(publish=f'permissions: {{id-token: write}}\nsteps: [{{run: "{command}"}}]')
    assert find(text).jobs[-1].id == "publish"
    assert check(text)[0] == ""


@pytest.mark.parametrize("command", ["echo twine upload", "# uv publish", "uv publish --dry-run", "uv pip install x"])
def test_commands_that_upload_nothing_are_left_aside(command):
    text = refusal(workflow(publish=f"permissions: {{id-token: write}}\nsteps: [{{run: '{command}'}}]"))
    assert "no job in .github/workflows/publish.yml uploads to an index" in text
    assert "lockgate init" in text


def test_publishing_inside_a_called_workflow_is_refused():
    called = workflow("on: workflow_call")
    caller = workflow(publish="uses: ./.github/workflows/called.yml\npermissions: {id-token: write}")
    text = refusal(caller, **{".github/workflows/called.yml": called})
    assert "publishes inside the called workflow ./.github/workflows/called.yml" in text
    assert "an index refuses the identity of a called workflow" in text
    elsewhere = workflow(publish="uses: o/r/.github/workflows/publish_pure.yml@v1\nsecrets: {pypi_token: x}")
    assert "inside the called workflow o/r/.github/workflows/publish_pure.yml@v1" in refusal(elsewhere)


def test_a_called_build_workflow_is_fine():
    text = workflow(
        build="uses: ./.github/workflows/build.yml",
        inspect="steps: [{uses: hynek/build-and-inspect-python-package@v2}]",
        wheels="strategy: {matrix: {os: [ubuntu-latest, macos-14]}}\nsteps: [{uses: pypa/cibuildwheel@v3}]",
        publish=job(needs="[build, inspect, wheels]"),
    )
    build = workflow("on: workflow_call", build="steps: [{run: python -m build}]")
    assert find(text, **{".github/workflows/build.yml": build}).jobs[-1].id == "publish"


def test_several_workflows_are_refused_and_the_setting_chooses():
    other = {".github/workflows/release.yaml": workflow("on: {release: {types: [published]}}")}
    text = refusal(workflow(), **other)
    assert "several workflows would publish 'v1.2.3': .github/workflows/publish.yml, .github/workflows/rel" in text
    assert "set `workflow` in [tool.lockgate]" in text
    for wanted in ("release.yaml", ".github/workflows/release.yaml"):
        assert find(workflow(), wanted=wanted, **other).trigger == "release"


def test_a_workflow_that_only_tests_is_no_candidate():
    tests = workflow("on: [push]", test="steps: [{run: pytest}]")
    assert find(workflow(), **{".github/workflows/ci.yml": tests}).file == "publish.yml"


def test_a_wanted_workflow_that_is_missing_is_refused_with_the_ones_there():
    assert "'deploy.yml' is not in the release commit; workflows there: publish.yml" in refusal(
        workflow(), wanted="deploy.yml"
    )


def test_a_wanted_workflow_may_be_started_by_hand():
    text = workflow("on: {workflow_dispatch: {inputs: {dry: {default: 'no'}}}}")
    found = find(text, wanted="publish.yml")
    assert (found.trigger, found.dispatchable) == ("dispatch", True)
    assert "or set `workflow = 'publish.yml'` in [tool.lockgate] to have it started by hand" in refusal(text)
    needy = workflow("on: {workflow_dispatch: {inputs: {version: {required: true}}}}")
    assert "it runs only by hand" in refusal(needy, wanted="publish.yml")


def test_a_workflow_that_can_also_be_dispatched_says_so():
    assert find(workflow("on: {push: {tags: ['v*']}, workflow_dispatch: }")).dispatchable
    assert not find(workflow()).dispatchable


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("on: [push\njobs:", "publish.yml cannot be read as YAML"),
        ("- a list", "publish.yml is no mapping"),
        ("", "publish.yml is no mapping"),
        ("on: push", "publish.yml has no jobs"),
        ("on: push\njobs: {}", "publish.yml has no jobs"),
        ("[" * 450, "publish.yml cannot be read as YAML"),
        ("on: push\njobs: {a: \x00}", "publish.yml cannot be read as YAML"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused_with_its_name(text, words):
    assert words in refusal(text)
    assert words in refusal(text, wanted="publish.yml")


@pytest.mark.parametrize("jobs", ["[a]", "{a: }", "{a: text}", "{a: {steps: x}}", "{a: {steps: [x, [y], {uses: []}]}}"])
def test_odd_shapes_are_refused_and_never_crash(jobs):
    assert "Expected:" in refusal(f"on: push\njobs: {jobs}")


def test_a_broken_neighbour_does_not_matter():
    assert find(workflow(), **{".github/workflows/broken.yml": "a: [", "README.md": "x"}).jobs[-1].id == "publish"


def test_no_workflow_at_all_is_refused():
    with pytest.raises(RefusedError, match="the release commit has no workflow"):
        find_publish_workflow({}, wanted="", tag="v1", repository=SLUG)


def test_a_workflow_that_publishes_the_releases_own_assets_is_recognised():
    text = workflow(fetch="steps: [{run: gh release download v1 --dir dist}]", publish=job(needs="fetch"))
    assert find(text).downloads_assets
    assert not find(workflow()).downloads_assets
    own = "steps: [{run: gh release create v1 dist/*}, {run: gh release download v1}]"
    assert not find(workflow(own=own, publish=job(needs="own"))).downloads_assets


@pytest.mark.parametrize(
    "step",
    [
        "{uses: robinraju/release-downloader@v1}",
        "{uses: dsaltares/fetch-gh-release-asset@master}",
        "{run: 'curl -LO https://github.example/o/r/releases/download/v1/x.whl'}",
    ],
)
def test_other_ways_to_fetch_assets_are_recognised(step):
    assert find(workflow(publish=JOB + f"  - {step}\n")).downloads_assets


@pytest.mark.parametrize(
    ("step", "attested"),
    [
        ("{uses: pypa/gh-action-pypi-publish@release/v1}", True),
        ("{uses: pypa/gh-action-pypi-publish@v1.11.0}", True),
        ("{uses: pypa/gh-action-pypi-publish@v1.8.14}", False),
        ("{uses: pypa/gh-action-pypi-publish@release/v1, with: {attestations: false}}", False),
        ("{run: uv publish}", False),
        ("{run: 'twine upload --attestations dist/*'}", True),
    ],
)
def test_attestations_are_known_before(step, attested):
    assert find(workflow(publish=f"permissions: {{id-token: write}}\nsteps: [{step}]")).attestations is attested


SEVERAL = {"sdist": JOB, "wheels": job(needs="sdist")}


def test_every_job_that_publishes_for_the_tag_is_found():
    assert [one.id for one in find(workflow(**SEVERAL)).jobs] == ["sdist", "wheels"]
    only_main = job(**{"if": "github.ref == 'refs/heads/main'"})
    assert [one.id for one in find(workflow("on: push", nightly=only_main, publish=JOB)).jobs] == ["publish"]
    assert check(workflow(**SEVERAL)) == ("", "")


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("permissions: {id-token: write}", "permissions: {}", "the publishing job 'sdist' cannot ask for an identity"),
        ("ubuntu-latest", "windows-latest", "the publishing job 'sdist' runs on windows-latest"),
        (
            "environment: pypi",
            "environment: other",
            "present several identities: job 'sdist' has the environment 'other'",
        ),
        ("environment: pypi", "", "job 'sdist' names no environment, job 'wheels' has the environment 'pypi'"),
        ("release/v1", "v1.12.0", "v1.12.0): older than 1.13.0"),
        ("release/v1", "release/v1\n    if: vars.LATER", "a step of job 'sdist' has `if: vars.LATER`"),
    ],
)
def test_every_publishing_job_is_checked(old, new, words):
    text = workflow(**{**SEVERAL, "sdist": JOB.replace(old, new)})
    assert words in "\n".join(check(text))


def test_each_publishing_job_must_have_the_environment_of_the_settings():
    text = workflow(**{**SEVERAL, "sdist": JOB.replace("environment: pypi", "environment: other")})
    assert "job 'sdist' of .github/workflows/publish.yml has the environment 'other'" in check(text, "pypi")[0]
    assert "'wheels'" not in check(text, "pypi")[0]


def test_attestations_need_every_publishing_job():
    bare = JOB.replace("release/v1", "release/v1\n    with: {attestations: false}")
    assert not find(workflow(**{**SEVERAL, "sdist": bare})).attestations
    assert find(workflow(**SEVERAL)).attestations


def test_names_are_expanded_as_far_as_known():
    assert find(workflow(publish=job(name='"Upload ${{ github.ref_name }}"'))).jobs[-1].name == "Upload v1.2.3"
    assert find(workflow(publish=job(name='"Upload ${{ matrix.what }}"'))).jobs[-1].name == "Upload"
    assert find("name: Release it\n" + workflow()).name == "Release it"


def test_a_good_workflow_has_no_problems():
    assert check(workflow(), "pypi") == ("", "")


@pytest.mark.parametrize(
    "permissions", ["permissions: {id-token: write}", "permissions: write-all", 'permissions: {"id-token": "write"}']
)
def test_permissions_of_the_workflow_count_where_the_job_has_none(permissions):
    bare = JOB.replace("permissions: {id-token: write}", "")
    assert check(f"{permissions}\n{workflow(publish=bare)}")[0] == ""
    assert "cannot ask for an identity" in check(f"{permissions}\n{workflow(publish=bare + 'permissions: {}')}")[0]


@pytest.mark.parametrize("permissions", ["", "permissions: read-all", "permissions: {contents: read}"])
def test_a_job_without_an_identity_is_a_problem(permissions):
    problems, _ = check(workflow(publish=JOB.replace("permissions: {id-token: write}", permissions)))
    assert "the publishing job 'publish' cannot ask for an identity" in problems
    assert "`permissions: id-token: write` on that job" in problems


def test_another_environment_is_a_problem():
    problems, _ = check(workflow(), "release")
    assert "job 'publish' of .github/workflows/publish.yml has the environment 'pypi'" in problems
    assert "the environment 'release', which the settings name" in problems
    assert check(workflow(), "PyPI")[0] == ""
    bare = workflow(publish=JOB.replace("environment: pypi", ""))
    assert "names no environment" in check(bare, "pypi")[0]
    assert check(bare)[0] == ""
    assert "names no environment: any job of publish.yml could publish" in check(bare)[1]


def test_another_upload_by_password_is_a_problem():
    text = workflow(old="if: false\nsteps: [{run: twine upload -p x dist/*}]", publish=JOB)
    assert "job 'old' of .github/workflows/publish.yml uploads with twine upload and a password" in check(text)[0]


def test_a_container_action_needs_linux():
    assert "runs on windows-latest" in check(workflow(publish=JOB.replace("ubuntu", "windows")))[0]


def test_downloading_a_draft_needs_write_access():
    fetch = "permissions: {{contents: {}}}\nsteps: [{{run: gh release download v1}}]"
    text = workflow(fetch=fetch.format("read"), publish=job(needs="fetch"))
    assert "job 'fetch' of .github/workflows/publish.yml downloads the release's assets without" in check(text)[0]
    assert check(workflow(fetch=fetch.format("write"), publish=job(needs="fetch")))[0] == ""


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (("release/v1", "v1.12.4"), "v1.12.4): older than 1.13.0, has a known vulnerability (GHSA-vxmw-7h4f-hqxh)"),
        (("release/v1", "0" * 40 + " # v1.8.14"), "(v1.8.14): older than 1.13.0"),
        (("release/v1", "0" * 40), "is a commit without a version beside it: whether it is 1.13.0 or later"),
        (("release/v1", "master"), "that branch is no longer maintained"),
        (("release/v1", "release/v1\n    with: {skip-existing: true}"), "succeeds even when the index holds other"),
        (("release/v1", "release/v1\n    with: {attestations: 'false'}"), "turns attestations off"),
        (("release/v1", "release/v1\n    continue-on-error: true"), "succeeds even when the upload fails"),
    ],
)
def test_weaknesses_are_warnings(change, words):
    problems, warnings = check(workflow(publish=JOB.replace(*change)))
    assert problems == ""
    assert words in warnings


@pytest.mark.parametrize("version", ["v1.13.0", "v1.14.2", "v1", "0" * 40 + "  # v1.14.2", "release/v1"])
def test_current_versions_are_not_warned_about(version):
    assert check(workflow(publish=JOB.replace("release/v1", version))) == ("", "")


def test_a_second_start_and_neighbours_are_warnings():
    assert "(released) starts publish.yml once more" in check(workflow("on: release"))[1]
    _, warnings = check(workflow(), **{".github/workflows/a.yml": workflow("on: push")})
    assert ".github/workflows/a.yml publishes at the push of tag v1.2.3 as well as publish.yml" in warnings


def test_claims_name_what_the_index_compares():
    claims = claims_for(find(workflow()), repository=SLUG, tag="v1.2.3")
    assert claims == PublisherClaims("Octo", "sample", "publish.yml", "pypi", "refs/tags/v1.2.3")


@pytest.mark.parametrize(
    ("previous", "field"),
    [
        (None, ""),
        (Publisher("GitHub", "octo/Sample", "publish.yml", "pypi"), ""),
        (Publisher("GitHub", "octo/sample", "publish.yml", ""), ""),
        (Publisher("GitHub", "octo/sample", "publish.yml", "PyPI"), ""),
        (Publisher("GitHub", "octo/sample", "Publish.yml", "pypi"), "the workflow 'publish.yml'"),
        (Publisher("GitHub", "octo/other", "publish.yml", "pypi"), "the repository 'Octo/sample'"),
        (Publisher("GitHub", "octo/sample", "publish.yml", "release"), "the environment 'pypi'"),
        (Publisher("GitLab", "octo/sample", "publish.yml", "pypi"), "the kind 'GitHub'"),
    ],
)
def test_claims_that_differ_from_the_last_release_name_the_field(previous, field):
    claims = claims_for(find(workflow()), repository=SLUG, tag="v1.2.3")
    problems = compare_claims(claims, previous)
    assert len(problems) == bool(field)
    assert not problems or f"the run will present {field}" in str(problems[0])


ELSEWHERE = Publisher("GitHub", "octo/other", "release.yml", "")


def test_a_move_that_is_stated_exactly_is_no_problem():
    claims = claims_for(find(workflow()), repository=SLUG, tag="v1.2.3")
    assert identity_of(claims) == "Octo/sample/publish.yml@pypi"
    assert len(compare_claims(claims, ELSEWHERE)) == 2
    assert compare_claims(claims, ELSEWHERE, stated=identity_of(claims)) == ()
    assert moved_from(claims, ELSEWHERE) == "GitHub octo/other/release.yml"
    assert moved_from(claims, None) == moved_from(claims, Publisher("GitHub", "octo/sample", "publish.yml", "")) == ""


@pytest.mark.parametrize(
    "stated", ["octo/sample/publish.yml@pypi", "Octo/sample/publish.yml", "Octo/sample/release.yml@pypi"]
)
@pytest.mark.parametrize("previous", [None, ELSEWHERE, Publisher("GitHub", "octo/sample", "publish.yml", "pypi")])
def test_a_publisher_that_is_not_stated_exactly_is_refused(stated, previous):
    claims = claims_for(find(workflow()), repository=SLUG, tag="v1.2.3")
    (problem,) = compare_claims(claims, previous, stated=stated)
    assert f"`publisher` states {stated!r}, and the run will present 'Octo/sample/publish.yml@pypi'" in problem.seen


@pytest.mark.parametrize(
    ("message", "found"),
    [
        ("Release 1.2.3", None),
        ("Release 1.2.3 [skip ci]", "[skip ci]"),
        ("Release\n\n[CI Skip]", "[ci skip]"),
        ("Release\n\nskip-checks: true", "skip-checks: true"),
        ("Do not skip ci", None),
    ],
)
def test_skip_instructions_are_noticed(message, found):
    assert skip_instruction(message) == found


@pytest.mark.parametrize("url", ["http://localhost:${{ env.port }}/", "http://[::1]:80/", "http://[x", "private"])
def test_an_upload_to_another_index_is_shown(url):
    text = workflow(
        publish=f"permissions: {{id-token: write}}\nsteps:\n  - uses: pypa/gh-action-pypi-publish@v1\n"
        f"    with: {{repository-url: '{url}'}}"
    )
    assert find(text).undecided[-1].endswith("not to the default index")
    both = text + textwrap.indent(f"real:\n{textwrap.indent(JOB, '  ')}", "  ")
    assert (find(both).jobs[-1].id, find(both).undecided) == ("real", ())


LEAVES = st.sampled_from(
    ["", "push", "release", "v*", "publish", "true", "${{ x", "${{ needs.a.result }}", "always()", "twine upload",
     "pypa/gh-action-pypi-publish@v1", "./.github/workflows/publish.yml", "id-token", "write"]
)  # fmt: skip
KEYS = st.sampled_from(
    ["on", "jobs", "push", "release", "tags", "types", "workflow_dispatch", "inputs", "steps", "uses", "run", "with",
     "env", "if", "needs", "a", "b", "permissions", "environment", "name", "repository-url", "strategy"]
)  # fmt: skip
TREES = st.recursive(LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4))
JOBS = st.dictionaries(
    st.sampled_from(["a", "b"]),
    st.fixed_dictionaries({"steps": st.lists(st.dictionaries(KEYS, TREES), max_size=2)}, optional={
        "needs": TREES, "if": TREES, "uses": TREES, "permissions": TREES, "environment": TREES, "env": TREES,
    }),
    max_size=2,
)  # fmt: skip


@given(on=TREES, jobs=JOBS | TREES)
@settings(max_examples=150, deadline=None)
def test_any_shape_is_described_or_refused(on, jobs):
    text = json.dumps({"on": on, "jobs": jobs})
    with contextlib.suppress(RefusedError):
        assert find(text).path == PATH
        check(text)


@pytest.mark.parametrize(
    ("compare", "warned"),
    [
        ("", True),
        (", {run: sha256sum dist/*}", True),
        (", {run: sha256sum --check --strict digests, if: false}", True),
        (", {run: sha256sum --check --strict digests}", False),
        (", {run: shasum -a 256 -c digests}", False),
        (", {run: gh attestation verify dist/pkg.whl --repo o/r}", False),
    ],
)
def test_assets_that_are_published_without_a_comparison_are_a_warning(compare: str, warned: bool) -> None:
    fetch = f"permissions: {{contents: write}}\nsteps: [{{run: gh release download v1 --dir dist}}{compare}]"
    problems, warnings = check(workflow(fetch=fetch, publish=job(needs="fetch")))
    assert problems == ""
    assert ("publishes the release's files without comparing them" in warnings) is warned
