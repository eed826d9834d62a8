"""An S3 server for the tests of this folder, with a bucket for each test."""

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest

from medusa.tests.cache.buckets.s3 import Proxy, make_bucket, moto

NUMBERS = itertools.count()


@pytest.fixture(scope="session")
def server() -> Iterator[str]:
    with moto() as address:
        yield address


@pytest.fixture
def proxy(server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Proxy]:
    """Set the environment of the clients, whose requests go through the proxy."""
    forwarding = Proxy(server)
    variables = {
        "AWS_ENDPOINT_URL": forwarding.address,
        "AWS_ALLOW_HTTP": "true",
        "AWS_ACCESS_KEY_ID": "key",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_REGION": "us-east-1",
        "MEDUSA_BLOCKS": str(tmp_path / "blocks"),
    }
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    yield forwarding
    forwarding.close()


@pytest.fixture
def bucket(server: str, proxy: Proxy) -> str:
    return make_bucket(server, f"features-{next(NUMBERS)}")
