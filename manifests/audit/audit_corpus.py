"""All faults of a workspace's manifest: the function behind `medusa manifest audit`."""

from medusa.console import progress
from medusa.manifests.audit.checks import audit
from medusa.manifests.audit.findings import Finding, Subject
from medusa.workspace import Workspace


def audit_corpus(
    workspace: Workspace, *, digests: bool = False, listen: bool = False
) -> list[Finding]:
    """Return the faults of the labels, votes, splits, speakers, texts and recordings.

    Args:
        workspace: a workspace with a manifest.
        digests: read every recording and compare its bytes with the imported ones.
        listen: decode every recording, to find clipping, silence and near duplicates.

    Returns:
        The findings, errors first.
    """
    subject = Subject.read(workspace.manifest, workspace.transcripts)
    files = subject.frame["path"].nunique() * (2 if listen else 1)
    with progress("auditing", files, unit="file") as advance:
        return audit(subject, digests, advance, listen)
