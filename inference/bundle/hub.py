"""Bundles on the Hugging Face Hub: a bundle is pushed to a repository, and pulled from one."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from medusa.atomic import atomic
from medusa.console import progress
from medusa.errors import RunError
from medusa.foreign import foreign
from medusa.inference.bundle.layout import SUMS, digest_of_bundle, read_sums, require_intact
from medusa.inference.bundle.record import parts_of_bundle
from medusa.inference.bundle.sources import not_contained
from medusa.inference.bundle.write import BundleResult, require_free, result_of
from medusa.workspace import remove


def push_bundle(folder: str | Path, repo: str, *, private: bool = False) -> str:
    """Upload a bundle to a repository of the Hugging Face Hub, which is made if it is absent.

    The upload is one commit with the files of the bundle. Other files of the repository stay.

    Args:
        folder: the bundle, whose checksums are compared first.
        repo: the repository, `USER/NAME`.
        private: whether a new repository is private.

    Returns:
        The address of the commit.

    Raises:
        RunError: the bundle has changed, or the Hub refuses the upload.
    """
    from huggingface_hub import HfApi

    folder = Path(folder)
    require_intact(folder)
    names = [SUMS, *read_sums(folder)]
    api = HfApi()
    with _explained(repo, "log in with `hf auth login`, and check the name and the network"):
        api.create_repo(repo, private=private, exist_ok=True)
        message = f"Upload the bundle {digest_of_bundle(folder)}"
        with _without_bars():
            commit = api.upload_folder(
                repo_id=repo, folder_path=folder, allow_patterns=names, commit_message=message
            )
        return str(commit.commit_url)


def pull_bundle(
    repo: str, folder: str | Path, *, revision: str | None = None, force: bool = False
) -> BundleResult:
    """Download a bundle from a repository of the Hugging Face Hub.

    Only the files that its list of checksums names are downloaded, and all are compared with it.

    Args:
        repo: the repository, `USER/NAME`.
        folder: the folder to write.
        revision: the branch, tag or commit; by default the newest commit.
        force: replace a bundle in this folder.

    Raises:
        RunError: there is no such repository, it contains no bundle, a file has changed, or the
            folder exists.
    """
    from huggingface_hub import HfApi

    folder = Path(folder)
    require_free(folder, force)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with atomic(folder) as partial:
        with _explained(repo, "check the name, --revision and the network"):
            commit = str(HfApi().model_info(repo, revision=revision).sha)
            _download(repo, [SUMS], commit, partial)
            names = list(read_sums(partial))
            _download(repo, names, commit, partial)
        shutil.rmtree(partial / ".cache", ignore_errors=True)  # The library's own records.
        require_intact(partial)
        remove(folder)
    return result_of(folder, tuple(not_contained(parts_of_bundle(folder).features, folder)))


def _download(repo: str, names: list[str], commit: str, folder: Path) -> None:
    """Download files, whose names have been checked, into a folder."""
    from huggingface_hub import hf_hub_download

    with _without_bars(), progress(f"pulling {repo}", len(names), "files") as advance:
        for name in names:
            hf_hub_download(repo, name, revision=commit, local_dir=folder)
            advance()


@contextmanager
def _without_bars() -> Iterator[None]:
    """Keep the Hub's library from showing a progress bar for every file."""
    import huggingface_hub.utils

    utils: Any = huggingface_hub.utils  # this module exports no types
    was_silent = utils.are_progress_bars_disabled()
    utils.disable_progress_bars()
    try:
        yield
    finally:
        if not was_silent:
            utils.enable_progress_bars()


@contextmanager
def _explained(repo: str, remedy: str) -> Iterator[None]:
    """Turn the errors of the Hub's library into one sentence with a remedy."""
    with foreign(RunError, lambda reason: f"{repo}: the Hub did not do it ({reason}); {remedy}"):
        yield
