"""What an address of a store means: a path, `s3://`, `gs://`, `az://`, or whatever else PyArrow or fsspec open."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, unquote, urlsplit

import pyarrow.fs as pafs

from trainables.outside.places import folder_problem, local_path
from trainables.outside.text import Unreadable, shown
from trainables.store.files import Files, StoreError
from trainables.store.folders import FolderFiles
from trainables.store.objects import ObjectFiles

if TYPE_CHECKING:
    from obstore.store import ObjectStore

NO_STORE = ("http", "https", "git", "github", "data", "reference")
"""Schemes that fsspec knows and that nothing can be written to."""
CREDENTIALS = {
    "s3": "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY in the environment, or the machine's role",
    "gs": "GOOGLE_APPLICATION_CREDENTIALS in the environment, or the machine's service account",
    "az": "AZURE_STORAGE_ACCOUNT_NAME and AZURE_STORAGE_ACCOUNT_KEY in the environment, or the machine's identity",
}
"""Where object stores take credentials from, by scheme. Never from the address, which is in job specs and logs."""
OTHER_NAMES = {"s3a": "s3", "gcs": "gs", "abfs": "az", "abfss": "az", "azure": "az"}
OPTIONS = ("endpoint", "region")
"""What may follow an S3 address: `s3://BUCKET/PATH?endpoint=https://HOST:PORT&region=REGION`."""
VARIABLE = "AWS_ENDPOINT_URL"
_SERVER = re.compile(r"https?://[\w.-]+(:\d{1,5})?/?|https?://\[[0-9a-fA-F:]+\](:\d{1,5})?/?")


def open_files(uri: str) -> tuple[Files, str]:
    """What holds the files of a path or a URI, and the root of all paths there. Asks the network nothing.

    Raises StoreError where it can be none.
    """
    if "://" not in uri:
        return FolderFiles(pafs.LocalFileSystem()), _local_root(uri)
    scheme = uri.partition("://")[0].lower()
    if scheme in NO_STORE:
        raise StoreError(f"{shown(uri)}: nothing can be written to {scheme}; a URI is like s3://BUCKET/PATH")
    if OTHER_NAMES.get(scheme, scheme) in CREDENTIALS:
        return _object_store(uri, OTHER_NAMES.get(scheme, scheme))
    try:
        fs, root = pafs.FileSystem.from_uri(uri)
    except (ValueError, OSError):  # a scheme that PyArrow does not know; fsspec knows many more
        import fsspec

        try:
            fs, root = fsspec.core.url_to_fs(uri)
        except Exception as error:  # each protocol is somebody else's code
            raise StoreError(f"{shown(uri)} cannot be opened ({error})") from None
        fs = pafs.PyFileSystem(pafs.FSSpecHandler(fs))
    return FolderFiles(fs), _local_root(root) if isinstance(fs, pafs.LocalFileSystem) else root.rstrip("/")


def _object_store(uri: str, kind: str) -> tuple[Files, str]:
    try:
        address = urlsplit(uri)
        options = dict(parse_qsl(address.query, keep_blank_values=True, strict_parsing=bool(address.query)))
        if address.password is not None:
            raise StoreError(f"{kind}: a password stands in the address; take it out, and set {CREDENTIALS[kind]}")
        if not address.hostname or address.port is not None or address.fragment:
            raise ValueError
    except ValueError:
        raise StoreError(f"{shown(uri)} cannot be opened: a URI is like {kind}://BUCKET/PATH") from None
    unknown = sorted(set(options) - set(OPTIONS if kind == "s3" else ()))
    if unknown:
        takes = f"takes {' and '.join(OPTIONS)} alone" if kind == "s3" else "takes none"
        raise StoreError(f"{kind}://{address.netloc}: {shown(unknown[0])} after the ?: it {takes}; {CREDENTIALS[kind]}")
    for name, endpoint in (("endpoint", options.get("endpoint")), (VARIABLE, os.environ.get(VARIABLE))):
        if endpoint is not None and not _SERVER.fullmatch(endpoint):
            raise StoreError(f"{name}: {shown(endpoint)} is no address of a server; it is like https://HOST:PORT")
    root = f"{address.scheme}://{address.netloc}/{'/'.join(part for part in unquote(address.path).split('/') if part)}"

    def opener(client: dict[str, Any], retries: dict[str, Any]) -> ObjectStore:
        import obstore.store

        # The address of a server says whether it is spoken to by HTTPS.
        given = {"client_options": {**client, "allow_http": True}, "retry_config": retries, **_profile(kind), **options}
        make: Any = obstore.store.from_url
        return make(root, **given)

    try:
        return ObjectFiles(opener, root.rstrip("/"), CREDENTIALS[kind]), root.rstrip("/")
    except StoreError:
        raise
    except Exception as error:  # a variable of the environment that is wrong or missing
        reason = str(error).partition("\n")[0].rpartition("error: ")[2]
        raise StoreError(f"{shown(uri)} cannot be opened ({reason}); it wants {CREDENTIALS[kind]}") from None


def _profile(kind: str) -> dict[str, Any]:
    """The credentials of an AWS profile, where one is chosen: obstore reads the environment and asks the machine, and
    boto3 alone reads `~/.aws`."""
    files = (Path("~/.aws/credentials").expanduser(), Path("~/.aws/config").expanduser())
    if kind != "s3" or "AWS_ACCESS_KEY_ID" in os.environ:
        return {}
    if "AWS_PROFILE" not in os.environ and not any(file.is_file() for file in files):
        return {}
    try:
        from obstore.auth.boto3 import Boto3CredentialProvider
    except ImportError:
        raise StoreError(
            "the profiles of ~/.aws are read by boto3: pip install boto3, or set AWS_ACCESS_KEY_ID"
        ) from None
    return {"credential_provider": Boto3CredentialProvider()}


def _local_root(place: str) -> str:
    try:
        path = local_path(place)
    except Unreadable as error:
        raise StoreError(str(error)) from None
    if problem := folder_problem(path):
        raise StoreError(problem)
    return str(path)
