"""The bill of materials of a release: what was built, what it was built with, and what it needs.

CycloneDX 1.6 as JSON (ECMA-424), written by the CycloneDX project's own library.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import UTC, datetime

from cyclonedx.model import ExternalReference, ExternalReferenceType, HashAlgorithm, HashType, Property, XsUri
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentScope, ComponentType
from cyclonedx.output.json import JsonV1Dot6
from packageurl import PackageURL
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from lockgate.artifacts import Artifact


def write_sbom(
    project: str,
    version: str,
    artifacts: Sequence[Artifact],
    *,
    needs: Sequence[str],
    built_with: Sequence[str],
    built_at: int,
) -> str:
    """Return the bill of materials of these artifacts, the same text for the same release.

    `needs` are the wheel's Requires-Dist, `built_with` the build environment's packages as NAME==VERSION, `built_at` the
    commit's time in seconds since 1970. What is needed has no version: the project names a range, which is kept as a property.
    """
    root = Component(
        type=ComponentType.LIBRARY, name=project, version=version, purl=_purl(project, version), bom_ref="the-release",
        external_references=[_distribution(one) for one in artifacts],
    )  # fmt: skip
    digests = ",".join(sorted(one.sha256 for one in artifacts))
    bom = Bom(serial_number=uuid.uuid5(uuid.NAMESPACE_OID, digests))
    bom.metadata.timestamp = datetime.fromtimestamp(built_at, UTC)
    bom.metadata.component = root
    needed = [_needed(text) for text in dict.fromkeys(needs)]
    for component in (*needed, *(_built_with(text) for text in dict.fromkeys(built_with))):
        bom.components.add(component)
    bom.register_dependency(root, needed)
    return str(JsonV1Dot6(bom).output_as_string(indent=2)) + "\n"


def _distribution(artifact: Artifact) -> ExternalReference:
    hashes = [HashType(alg=HashAlgorithm.SHA_256, content=artifact.sha256)]
    return ExternalReference(type=ExternalReferenceType.DISTRIBUTION, url=XsUri(artifact.name), hashes=hashes)


def _needed(text: str) -> Component:
    requirement = Requirement(text)
    return Component(
        type=ComponentType.LIBRARY, name=requirement.name, purl=_purl(requirement.name), bom_ref=f"needs {text}",
        properties=[Property(name="lockgate:requires-dist", value=text)],
    )  # fmt: skip


def _built_with(text: str) -> Component:
    name, _, version = text.partition("==")
    return Component(
        type=ComponentType.LIBRARY, name=name, version=version or None, purl=_purl(name, version), bom_ref=f"built with {text}",
        scope=ComponentScope.EXCLUDED,
    )  # fmt: skip


def _purl(name: str, version: str = "") -> PackageURL:
    return PackageURL(type="pypi", name=canonicalize_name(name), version=version or None)
