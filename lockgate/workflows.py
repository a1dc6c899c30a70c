"""Everything a release asks about GitHub workflows, under one name; the parts are in the modules imported here."""

from __future__ import annotations

from lockgate.workflow_claims import PublisherClaims, claims_for, compare_claims, identity_of, moved_from
from lockgate.workflow_events import Trigger, skip_instruction
from lockgate.workflow_inputs import fill_inputs
from lockgate.workflow_patterns import tag_matches
from lockgate.workflow_releases import ReleasePart, ReleaseShare, check_share, share_release
from lockgate.workflow_rules import check_workflow
from lockgate.workflow_search import PublishWorkflow, find_publish_workflow

__all__ = [
    "PublishWorkflow",
    "PublisherClaims",
    "ReleasePart",
    "ReleaseShare",
    "Trigger",
    "check_share",
    "check_workflow",
    "claims_for",
    "compare_claims",
    "fill_inputs",
    "find_publish_workflow",
    "identity_of",
    "moved_from",
    "share_release",
    "skip_instruction",
    "tag_matches",
]
