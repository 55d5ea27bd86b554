"""A file from an address into a folder: encrypted only, resumed where it stopped, checked before it counts.

What has arrived lies beside the target with `.part` at the end; the next call goes on from there, if the
server can.
"""

import http.client
import re
import ssl
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from anyres.core.errors import InputError, LimitError, RunError, WeightsError
from anyres.core.weights import MAX_CHECKPOINT_BYTES, file_sha256

BLOCK_BYTES = 1 << 18
PATIENCE_S = 30.0  # without a byte
Progress = Callable[[int, int | None], None]  # bytes there, and bytes in all where the server says
Open = Callable[[urllib.request.Request], Any]  # a response of urllib, closed by `with`


def download(
    address: str,
    path: Path,
    *,
    sha256: str,
    max_bytes: int = MAX_CHECKPOINT_BYTES,
    progress: Progress | None = None,
) -> None:
    """Fetch a file, or what is missing of it.

    Args:
        address: https only, and so are all addresses that it leads on to.
        path: gets the file once it is whole and its hash is right; its folder is made.
        sha256: the hash in hexadecimal digits, or as many of its first digits as are known.
        max_bytes: nothing larger is fetched.
        progress: told how far it is.

    Raises:
        InputError: if the address is not https.
        LimitError: if the file is larger than `max_bytes`.
        RunError: if the network or the disk fails; what has arrived stays for the next call.
        WeightsError: if another file than the one wanted came; it is not kept.
    """
    if _scheme(address) != "https":
        raise InputError(f"{address} is not an https address; weights are fetched over https only.")
    opener = urllib.request.build_opener(_EncryptedRedirects())
    fetch(
        lambda request: opener.open(request, timeout=PATIENCE_S),
        address,
        path,
        sha256=sha256,
        max_bytes=max_bytes,
        progress=progress,
    )


def fetch(
    open_address: Open,
    address: str,
    path: Path,
    *,
    sha256: str,
    max_bytes: int,
    progress: Progress | None = None,
) -> None:
    """`download` by an opener of one's own, whatever the address; same arguments and errors."""
    part = path.with_name(f"{path.name}.part")
    try:
        if path.is_file() and file_sha256(path).startswith(sha256):
            return
        part.parent.mkdir(parents=True, exist_ok=True)
        _receive(open_address, address, part, max_bytes, progress or (lambda there, total: None))
        found = file_sha256(part)
        if not found.startswith(sha256):
            size_bytes = part.stat().st_size
            part.unlink()
            raise WeightsError(
                f"{address} gave {size_bytes} bytes with sha256 {found}; expected {sha256}. The file was "
                "thrown away. Start again, or give the address of the right file with --from."
            )
        part.replace(path)
    except urllib.error.HTTPError as error:
        raise RunError(
            f"{address} answered {error.code} {error.reason}. Give another address with --from."
        ) from error
    except (OSError, http.client.HTTPException) as error:
        raise RunError(_interrupted(address, part, error)) from error
    except ValueError as error:  # of a host that is no name, or a length that is no number
        raise RunError(
            f"{address} could not be fetched ({error}). Give another address with --from."
        ) from error


def _receive(open_address: Open, address: str, part: Path, max_bytes: int, progress: Progress) -> None:
    """Append to a file what it lacks of an address."""
    there = part.stat().st_size if part.is_file() else 0
    headers = {"User-Agent": "anyres", "Accept-Encoding": "identity"}
    request = urllib.request.Request(address, headers=headers)
    if there:
        request.add_header("Range", f"bytes={there}-")
    try:
        response = open_address(request)
    except urllib.error.HTTPError as error:
        if error.code == http.client.REQUESTED_RANGE_NOT_SATISFIABLE and there:
            error.close()  # the part is whole, or not of this file; its hash tells
            return
        raise
    with response:
        if response.headers.get_content_type() == "text/html":
            raise WeightsError(
                f"{address} gave a web page, not a file. Open it in a browser, copy the address of the "
                "download itself (for Dropbox it ends in dl=1), and give that with --from."
            )
        if there and not _goes_on(response, there):
            there = 0  # the server sends all of it again
        length = response.headers["Content-Length"]
        total = there + int(length) if length else None
        _refuse_larger(address, total or 0, max_bytes)
        with part.open("ab" if there else "wb") as file:
            while block := response.read(BLOCK_BYTES):
                there += len(block)
                _refuse_larger(address, there, max_bytes)
                file.write(block)
                progress(there, total)
    if total is not None and there < total:
        raise http.client.IncompleteRead(b"", total - there)


def _goes_on(response: Any, there: int) -> bool:
    """Whether an answer begins at the byte that was asked for."""
    begins = re.match(r"bytes (\d+)-", response.headers.get("Content-Range", ""))
    return response.status == http.client.PARTIAL_CONTENT and begins is not None and int(begins[1]) == there


def _refuse_larger(address: str, size_bytes: int, max_bytes: int) -> None:
    if size_bytes > max_bytes:
        raise LimitError(
            f"{address} holds {size_bytes / 1e6:.1f} MB or more; at most {max_bytes / 1e6:.1f} MB were "
            "expected. Give the address of the right file with --from."
        )


def _interrupted(address: str, part: Path, error: Exception) -> str:
    there = part.stat().st_size if part.is_file() else 0
    reason = getattr(error, "reason", None) or getattr(error, "strerror", None) or error
    if isinstance(reason, ssl.SSLCertVerificationError):
        reason = reason.verify_message
    return (
        f"Could not fetch {address}: {reason}. {there / 1e6:.1f} MB have arrived; the same command goes on "
        "from them."
    )


def _scheme(address: str) -> str:
    """What stands before the colon of an address; nothing where it is no address at all."""
    try:
        return urlsplit(address).scheme
    except ValueError:
        return ""


class _EncryptedRedirects(urllib.request.HTTPRedirectHandler):
    """Follows an address to another one only if that is https as well."""

    def redirect_request(
        self, req: urllib.request.Request, fp: Any, code: int, msg: str, headers: Any, newurl: str
    ) -> urllib.request.Request | None:
        """The next request; refused where it would leave https."""
        if _scheme(newurl) != "https":
            raise InputError(f"{req.full_url} leads to {newurl}, which is not https. Give another address.")
        return super().redirect_request(req, fp, code, msg, headers, newurl)
