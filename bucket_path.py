"""Paths in object stores: `s3://`, `gs://` and `az://`, read and written through obstore.

A `BucketPath` has the methods of `pathlib.Path` that the feature cache needs. A folder exists as
long as it contains an object. An object is written as a whole, in several parts if it is large, and
nobody sees it before its last part has arrived. obstore reads the credentials from the environment
(AWS_ACCESS_KEY_ID, GOOGLE_APPLICATION_CREDENTIALS, AZURE_STORAGE_ACCOUNT_NAME, ...).
"""

import errno
import functools
import os
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import suppress
from fnmatch import fnmatchcase
from itertools import chain
from pathlib import Path, PosixPath
from typing import Any, Literal, Self, TypeVar

from medusa.errors import MedusaError

Result = TypeVar("Result")
SCHEMES = ("s3:", "gs:", "az:")
LOCAL = "file://"
TRIES = 4  # obstore repeats refused requests by itself, but not a body that was cut
WAIT_S = 0.2
PART_BYTES = 16 << 20


class BucketPath(PosixPath):
    """An object, or the common beginning of the names of several objects."""

    __slots__ = ()

    def __str__(self) -> str:
        scheme, *rest = self.parts
        return f"{scheme}//{'/'.join(rest)}"

    @property
    def key(self) -> str:
        """The name of the object in its bucket."""
        return "/".join(self.parts[2:])

    @property
    def bucket(self) -> Any:
        """The store of obstore for the bucket."""
        return _bucket(f"{self.parts[0]}//{self.parts[1]}")

    def absolute(self) -> Self:
        return self

    def resolve(self, strict: bool = False) -> Self:
        return self

    def mkdir(self, mode: int = 0o777, parents: bool = False, exist_ok: bool = False) -> None:
        """Do nothing: a folder begins to exist with its first object."""

    def is_file(self) -> bool:
        try:
            self.stat()
        except FileNotFoundError:
            return False
        return True

    def is_dir(self) -> bool:
        return next(self._objects(), None) is not None

    def is_symlink(self) -> bool:
        return False

    def exists(self) -> bool:
        return self.is_file() or self.is_dir()

    def stat(self, *, follow_symlinks: bool = True) -> os.stat_result:
        """Return the size and the time of change; the other fields are 0."""
        import obstore

        meta = _repeat(self, lambda: obstore.head(self.bucket, self.key))
        changed = int(meta["last_modified"].timestamp())
        return os.stat_result((0, 0, 0, 0, 0, 0, meta["size"], changed, changed, changed))

    def read_bytes(self) -> bytes:
        import obstore

        return _repeat(self, lambda: bytes(obstore.get(self.bucket, self.key).bytes()))

    def version(self) -> tuple[int, str]:
        """Return the size of the object, and a name that changes with its bytes.

        Raises:
            OSError: the object cannot be read; FileNotFoundError: there is none.
        """
        import obstore

        return _facts(_repeat(self, lambda: obstore.head(self.bucket, self.key)))

    def stream(self, start: int, stop: int, version: str, least: int) -> Iterator[memoryview]:
        """Yield the bytes from `start` to `stop` as they arrive; a cut answer is continued.

        Args:
            start, stop: bytes of the object.
            version: what the object is known to be, from `version`.
            least: a part has at least this many bytes, unless the answer ends with it.

        Raises:
            OSError: the object cannot be read, or it was replaced.
        """
        while start < stop:
            found, parts = _repeat(self, functools.partial(self._arriving, start, stop, least))
            if found != version:
                raise OSError(errno.ESTALE, "the object was replaced while it was read", str(self))
            with suppress(Exception):  # The rest is requested again, which repeats and explains.
                for part in parts:
                    start += len(part)
                    yield part

    def _arriving(self, start: int, stop: int, least: int) -> tuple[str, Iterator[memoryview]]:
        """Request bytes; return the version and the parts, after the first part has arrived."""
        import obstore

        found = obstore.get(self.bucket, self.key, options={"range": (start, stop)})
        parts = (memoryview(part) for part in found.stream(min_chunk_size=least))
        if not (first := next(parts, None)):
            raise OSError(errno.EIO, "the answer was cut short", str(self))
        return _facts(found.meta)[1], chain([first], parts)

    def put(self, source: bytes | Path, new: bool = False) -> None:
        """Write the object from bytes or from a file; `new` refuses to replace an object.

        Raises:
            FileExistsError: `new`, and the object exists.
            OSError: the object cannot be written; it is then absent or as it was.
        """
        import obstore

        mode: Literal["create", "overwrite"] = "create" if new else "overwrite"
        size = source.stat().st_size if isinstance(source, Path) else len(source)
        parts = size > PART_BYTES and not new  # a conditional create is one request
        _repeat(
            self,
            lambda: obstore.put(
                self.bucket,
                self.key,
                source,
                mode=mode,
                use_multipart=parts,
                chunk_size=PART_BYTES,
            ),
        )

    def unlink(self, missing_ok: bool = False) -> None:
        import obstore

        _repeat(self, lambda: obstore.delete(self.bucket, self.key))

    def remove_all(self) -> None:
        """Remove every object of a folder; the first name in alphabetical order goes last."""
        import obstore

        names = sorted((one["path"] for one in self._objects()), reverse=True)
        for first in range(0, len(names), 500):
            part = names[first : first + 500]
            _repeat(self, lambda part=part: obstore.delete(self.bucket, part))  # type: ignore[misc]

    def sizes(self) -> dict[str, int]:
        """Return the name of every object in a folder, relative to it, and its bytes."""
        skip = len(self.key) + 1
        return {one["path"][skip:]: one["size"] for one in self._objects()}

    def iterdir(self) -> Generator[Self, None, None]:
        import obstore

        prefix = f"{self.key}/"
        found = _repeat(self, lambda: obstore.list_with_delimiter(self.bucket, prefix))
        names = [*found["common_prefixes"], *(one["path"] for one in found["objects"])]
        yield from (self / name.rstrip("/").rpartition("/")[2] for name in sorted(names))

    def glob(self, pattern: str, **_: Any) -> Iterator[Self]:  # type: ignore[override]
        first, _slash, rest = pattern.partition("/")
        if any(sign in first for sign in "*?["):
            found = [one for one in self.iterdir() if fnmatchcase(one.name, first)]
        else:
            found = [self / first]
        for one in found:
            if rest:
                yield from one.glob(rest)
            elif one.exists():
                yield one

    def rglob(self, pattern: str, **_: Any) -> Iterator[Self]:  # type: ignore[override]
        for name in sorted(self.sizes()):
            if fnmatchcase(name.rpartition("/")[2], pattern):
                yield self / name

    def _objects(self) -> Iterator[Any]:
        """Yield the facts of every object in this folder."""
        import obstore

        listing = obstore.list(self.bucket, f"{self.key}/" if self.key else None)
        for part in _repeat(self, lambda: list(listing)):
            yield from part


def located(path: Path | str) -> Path:
    """Return the path of a URL or of a local file.

    Raises:
        MedusaError: a path in a bucket is given, and obstore is not installed.
    """
    text = str(path)
    if text.startswith(LOCAL):
        return Path(text.removeprefix(LOCAL))
    if isinstance(path, BucketPath) or not text.startswith(tuple(f"{one}/" for one in SCHEMES)):
        return Path(path) if isinstance(path, str) else path
    if len(parts := PosixPath(text).parts) < 2 or ".." in parts:
        raise MedusaError(f"{text}: expected SCHEME://BUCKET/FOLDER, such as s3://speech/features")
    try:
        import obstore  # noqa: F401
    except ImportError as problem:
        raise MedusaError(
            f"{text}: buckets need obstore; run `pip install 'medusa-ser[cloud]'`"
        ) from problem
    return BucketPath(text)


@functools.cache
def _bucket(url: str) -> Any:
    """Return the store of obstore for a bucket, with the credentials of the environment."""
    from obstore.store import from_url

    plain = os.environ.get("AWS_ALLOW_HTTP", "").lower() in ("1", "true")
    return from_url(
        url,
        client_options={"timeout": "120s", "connect_timeout": "10s", "allow_http": plain},
        retry_config={"max_retries": 20},
    )


def _repeat(path: BucketPath, act: Callable[[], Result]) -> Result:
    """Do something with an object, several times if the connection fails.

    Raises:
        FileNotFoundError, FileExistsError: there is no such object, or there is one already.
        OSError: it fails every time, or access is denied.
    """
    from obstore import exceptions as kinds

    refused = (kinds.PermissionDeniedError, kinds.UnauthenticatedError, kinds.InvalidPathError)
    for number in range(TRIES):
        try:
            return act()
        except (FileNotFoundError, kinds.NotFoundError):
            raise FileNotFoundError(errno.ENOENT, "there is no such object", str(path)) from None
        except (kinds.AlreadyExistsError, kinds.PreconditionError):
            raise FileExistsError(errno.EEXIST, "the object exists", str(path)) from None
        except refused as problem:
            raise PermissionError(errno.EACCES, _first_line(problem), str(path)) from problem
        except (kinds.BaseError, OSError) as problem:
            if number == TRIES - 1:
                raise OSError(errno.EIO, _first_line(problem), str(path)) from problem
            time.sleep(WAIT_S * 2**number)
    raise AssertionError("unreachable")


def _facts(meta: Any) -> tuple[int, str]:
    """Return the size and the version of an object."""
    return meta["size"], meta["e_tag"] or str(meta["last_modified"])


def _first_line(problem: Exception) -> str:
    return str(problem).partition("\n")[0][:300]
