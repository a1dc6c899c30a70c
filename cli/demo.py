"""`make demo`: a sample package goes through all eleven steps, in a sandbox, unattended."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from cli.main import release
from sandbox.sample import write_sample


def main() -> None:
    """Make a sample repository and a new sandbox in the folder given as the only argument, and release a minor version."""
    folder = Path(sys.argv[1]).absolute()
    prefect_home = folder / "sandbox" / "prefect"  # kept: a new one takes Prefect some seconds
    for path in [folder / "sample", *(folder / "sandbox").glob("*")]:
        if path.is_dir() and path != prefect_home:
            shutil.rmtree(path)
        elif path.is_file():
            path.unlink()
    tests = (sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider")
    sample = write_sample(folder / "sample", upload="release assets", test_command=tests)
    code = release("minor", repository=str(sample), sandbox=folder / "sandbox", yes=True, report=folder / "report.json")
    print(f"\nEverything is in {folder}: the sandbox's origin, index and GitHub, the workspace, and report.json.")
    print(f"Prefect's pages of it: PREFECT_HOME={prefect_home} .venv/bin/prefect server start")
    sys.exit(code)


if __name__ == "__main__":
    main()
