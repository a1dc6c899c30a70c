"""Logs of runs: one text per job, and the zip of an attempt in GitHub's layout.

Source: https://docs.github.com/en/rest/actions/workflow-runs#download-workflow-run-logs
"""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

from sandbox.context import Context
from sandbox.state import JSON, write_atomically


def log_archive_path(context: Context, run_id: int, attempt: int) -> Path:
    """Where the zip of an attempt's logs is kept."""
    return context.state.folder / f"github/logs/{run_id}-{attempt}.zip"


def job_log(job: JSON) -> str:
    """The whole log of a job, a time before each line."""
    return "".join(_step_log(step) for step in job["steps"])


def _step_log(step: JSON) -> str:
    time = step["log_time"].replace("Z", "0Z")
    lines = [line for text in step["log"] for line in text.split("\n")]
    return "".join(f"{time} {line}\n" for line in [f"##[group]{step['name']}", "##[endgroup]", *lines])


def _file_name(text: str) -> str:
    return "".join("_" if character in '/\\:*?"<>|' else character for character in text)[:90].strip()


def write_log_archive(context: Context, run: JSON) -> None:
    """Keep the zip of the run's present attempt: a text per job at the top, and one per step in a folder of the job."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for number, job in enumerate(run["jobs"]):
            if not job["steps"]:
                continue
            archive.writestr(f"{number}_{_file_name(job['name'])}.txt", job_log(job))
            for step in job["steps"]:
                name = f"{_file_name(job['name'])}/{step['number']}_{_file_name(step['name'])}.txt"
                archive.writestr(name, _step_log(step))
    write_atomically(log_archive_path(context, run["id"], run["run_attempt"]), buffer.getvalue())
