"""All faults of a workspace's manifest: the function behind `medusa manifest audit`."""

from contextlib import suppress

from medusa.console import progress
from medusa.errors import ManifestError
from medusa.manifests.audit.checks import audit
from medusa.manifests.audit.findings import Finding, Subject
from medusa.manifests.audit.waveforms import sounds_of
from medusa.manifests.near_copies.keep import keep_near_copies
from medusa.workspace import Workspace


def audit_corpus(
    workspace: Workspace, *, digests: bool = False, listen: bool = False
) -> list[Finding]:
    """Return the faults of the labels, votes, splits, speakers, texts and recordings.

    With `listen`, the provenance of a readable manifest then names its near copies, which the
    next split keeps together.

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
        sounds = sounds_of(subject, advance) if listen else None
        found = audit(subject, digests, advance, sounds)
    if sounds:
        with suppress(ManifestError):  # The findings name the faults of such a manifest.
            keep_near_copies(workspace.manifest, {name: one.bits for name, one in sounds.items()})
    return found
