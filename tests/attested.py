"""Real attested files: the test files of pypi-attestations, from its sdist."""

from __future__ import annotations

import hashlib
import subprocess
import sys
import tarfile
from pathlib import Path

FILE = "pypi_attestations-0.0.19.tar.gz"
REPOSITORY = "trailofbits/pypi-attestations"
WORKFLOW = "release.yml"
SDIST = "pypi-attestations==0.0.30"
DOWNLOAD_SECONDS = 240


def fetch(folder: Path) -> Path:
    """Download the sdist into a folder; the folder inside that has the files and their provenance."""
    command = [
        sys.executable,
        "-m",
        "pip",
        "download",
        "-q",
        "--no-deps",
        "--no-binary",
        "pypi-attestations",
        "-d",
        str(folder),
        SDIST,
    ]
    subprocess.run(command, check=True, capture_output=True, timeout=DOWNLOAD_SECONDS)
    with tarfile.open(next(folder.glob("*.tar.gz"))) as archive:
        archive.extractall(folder, filter="data")
    return next(folder.glob("*/test/assets"))


def sha256(assets: Path) -> str:
    """The digest of the attested file."""
    return hashlib.sha256((assets / FILE).read_bytes()).hexdigest()
