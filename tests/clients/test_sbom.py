"""The bill of materials: valid by CycloneDX's own schema, complete, and the same for the same release."""

from __future__ import annotations

import json

from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from clients.sbom import write_sbom
from lockgate.artifacts import Artifact

ARTIFACTS = (
    Artifact("pkg-1.0.tar.gz", "e" * 64, 20, "sdist"),
    Artifact("pkg-1.0-py3-none-any.whl", "d" * 64, 10, "wheel"),
)
NEEDS = ("httpx>=0.28", "rich[all]; python_version < '4'")


def made() -> str:
    return write_sbom("pkg", "1.0", ARTIFACTS, needs=NEEDS, built_with=("flit_core==3.12.0",), built_at=1_700_000_000)


def test_it_is_valid_and_the_same_for_the_same_release() -> None:
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(made()) is None
    assert made() == made()


def test_it_names_the_files_what_they_need_and_what_built_them() -> None:
    data = json.loads(made())
    root = data["metadata"]["component"]
    assert root["purl"] == "pkg:pypi/pkg@1.0"
    files = {one["url"]: one["hashes"][0]["content"] for one in root["externalReferences"]}
    assert files == {one.name: one.sha256 for one in ARTIFACTS}
    found = {one["purl"]: one.get("scope", "required") for one in data["components"]}
    assert found == {"pkg:pypi/httpx": "required", "pkg:pypi/rich": "required", "pkg:pypi/flit-core@3.12.0": "excluded"}
    assert {value["value"] for one in data["components"] for value in one.get("properties", ())} == set(NEEDS)
