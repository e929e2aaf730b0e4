"""Small objects beside the raw zone, in a folder or in S3: state, archived payloads, dead letters.

A version (ETag) makes a write conditional, so that two concurrent runs cannot overwrite each other's state.
"""

import hashlib
import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from tickerlake.errors import UserError

if TYPE_CHECKING:
    from botocore.exceptions import ClientError
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import PutObjectRequestTypeDef

ABSENT = ""
"""The version of an object that does not exist yet."""


class VersionConflictError(Exception):
    """Another process wrote the object since it was read: read it again and decide anew."""


@dataclass(frozen=True, slots=True)
class StoredObject:
    """An object's bytes and the version they were read at."""

    content: bytes
    version: str


class StateStore(Protocol):
    """Objects by key. Keys are relative, with `/` between their parts."""

    def read(self, key: str) -> StoredObject | None:
        """Return the object, or None when there is none."""
        ...

    def write(self, key: str, content: bytes, expected: str | None = None) -> str:
        """Write the object whole and return its new version.

        With `expected`, raise VersionConflictError unless that is its current version (ABSENT: there is no object).
        """
        ...

    def keys(self, prefix: str) -> list[str]:
        """List the objects whose key begins with `prefix` (which ends with `/`), sorted."""
        ...

    def delete(self, key: str) -> None:
        """Remove the object; a missing one is no error."""
        ...


class FolderStore:
    """Objects as files below a folder; a version is the content's SHA-256."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def read(self, key: str) -> StoredObject | None:
        """Read the file. Raises UserError when it exists and cannot be read."""
        try:
            content = (self._folder / key).read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise UserError(f"cannot read {self._folder / key}: {error.strerror}") from None
        return StoredObject(content, hashlib.sha256(content).hexdigest())

    def write(self, key: str, content: bytes, expected: str | None = None) -> str:
        """Write the file under a hidden name and rename it; a lock file beside it guards a conditional write."""
        target = self._folder / key
        if expected is None:
            write_atomically(target, content)
            return hashlib.sha256(content).hexdigest()
        lock = target.with_name(f".{target.name}.lock")
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            with lock.open("w") as guard:
                _lock(guard.fileno())
                current = self.read(key)
                if (current.version if current else ABSENT) != expected:
                    raise VersionConflictError(key)
                write_atomically(target, content)
        except OSError as error:
            raise UserError(f"cannot write {target}: {error.strerror}") from None
        return hashlib.sha256(content).hexdigest()

    def keys(self, prefix: str) -> list[str]:
        """List the files below a folder, without hidden ones (locks, unfinished files)."""
        files = (path for path in (self._folder / prefix).rglob("*") if path.is_file())
        return sorted(path.relative_to(self._folder).as_posix() for path in files if not path.name.startswith("."))

    def delete(self, key: str) -> None:
        """Remove the file. Raises UserError when it cannot be removed."""
        try:
            (self._folder / key).unlink(missing_ok=True)
        except OSError as error:
            raise UserError(f"cannot remove {self._folder / key}: {error.strerror}") from None


def _lock(descriptor: int) -> None:
    """Lock the file until it is closed; without fcntl (Windows), one process at a time is assumed."""
    with suppress(ImportError):
        import fcntl

        fcntl.flock(descriptor, fcntl.LOCK_EX)


class S3Store:
    """Objects in a bucket below a prefix; a version is S3's ETag, checked by S3 itself (`If-Match`)."""

    def __init__(self, client: "S3Client", bucket: str, prefix: str = "") -> None:
        self._client, self._bucket, self._prefix = client, bucket, prefix

    def read(self, key: str) -> StoredObject | None:
        """Read the object. Raises UserError when S3 refuses."""
        from botocore.exceptions import ClientError

        try:
            response = self._client.get_object(Bucket=self._bucket, Key=self._prefix + key)
        except ClientError as error:
            if _error_code(error) in ("NoSuchKey", "404"):
                return None
            raise UserError(f"cannot read s3://{self._bucket}/{self._prefix}{key}: {_error_code(error)}") from None
        return StoredObject(response["Body"].read(), response["ETag"])

    def write(self, key: str, content: bytes, expected: str | None = None) -> str:
        """Put the object. Raises UserError when S3 refuses for another reason than the condition."""
        from botocore.exceptions import ClientError

        request: PutObjectRequestTypeDef = {"Bucket": self._bucket, "Key": self._prefix + key, "Body": content}
        if expected == ABSENT:
            request["IfNoneMatch"] = "*"
        elif expected is not None:
            request["IfMatch"] = expected
        try:
            response = self._client.put_object(**request)
        except ClientError as error:
            if _error_code(error) in ("PreconditionFailed", "ConditionalRequestConflict", "412", "409", "NoSuchKey"):
                raise VersionConflictError(key) from None
            raise UserError(f"cannot write s3://{self._bucket}/{self._prefix}{key}: {_error_code(error)}") from None
        return response["ETag"]

    def keys(self, prefix: str) -> list[str]:
        """List the objects, page by page. Raises UserError when S3 refuses."""
        from botocore.exceptions import ClientError

        pages = self._client.get_paginator("list_objects_v2").paginate(
            Bucket=self._bucket, Prefix=self._prefix + prefix
        )
        try:
            return sorted(item["Key"].removeprefix(self._prefix) for page in pages for item in page.get("Contents", []))
        except ClientError as error:
            raise UserError(f"cannot list s3://{self._bucket}/{self._prefix}{prefix}: {_error_code(error)}") from None

    def delete(self, key: str) -> None:
        """Delete the object. Raises UserError when S3 refuses."""
        from botocore.exceptions import ClientError

        try:
            self._client.delete_object(Bucket=self._bucket, Key=self._prefix + key)
        except ClientError as error:
            raise UserError(f"cannot delete s3://{self._bucket}/{self._prefix}{key}: {_error_code(error)}") from None


def store_from_environment(lake: Path, environment: Mapping[str, str] = os.environ) -> StateStore:
    """Return the store that the environment names: TICKERLAKE_STATE_BUCKET (and _PREFIX), else the lake's folder."""
    bucket = environment.get("TICKERLAKE_STATE_BUCKET")
    if not bucket:
        return FolderStore(lake)
    import boto3

    return S3Store(boto3.client("s3"), bucket, environment.get("TICKERLAKE_STATE_PREFIX", ""))


def _error_code(error: "ClientError") -> str:
    return str(error.response.get("Error", {}).get("Code", "unknown"))


def write_atomically(target: Path, content: bytes) -> None:
    """Write a file so that a reader sees all of it or nothing. Raises UserError when the folder is not writable."""
    hidden = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            with hidden.open("wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            hidden.replace(target)
        finally:
            hidden.unlink(missing_ok=True)
    except OSError as error:
        raise UserError(
            f"cannot write {target.parent}: {error.strerror}; choose another folder with --lake or TICKERLAKE_LAKE"
        ) from None
