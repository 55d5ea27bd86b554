"""Reading what is no file: it is refused in a sentence, where it was waited for without end before."""

import os
import socket
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from anyres.core.errors import InputError
from anyres.core.files import read_header, read_image, read_rgb8, read_xmp
from anyres.core.regular import refuse_special
from anyres.core.weights import read_foreign_checkpoint, read_tensors

pytestmark = [
    pytest.mark.skipif(sys.platform == "win32", reason="pipes with names"),
    pytest.mark.usefixtures("at_most_five_seconds"),
]
READERS = [read_header, read_image, read_xmp, read_rgb8, read_tensors, read_foreign_checkpoint]


@pytest.mark.parametrize("read", READERS)
def test_a_pipe_is_refused_and_not_waited_for(read: Callable[[Path], object], tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "photo.jpg")
    with pytest.raises(InputError, match=r"photo\.jpg is a pipe, not a file\. Save what comes from it"):
        read(tmp_path / "photo.jpg")


def test_a_socket_and_a_device_are_no_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)  # a socket's path is short
    with socket.socket(socket.AF_UNIX) as listening, pytest.raises(InputError, match="is a socket"):
        listening.bind("photo.png")
        refuse_special("photo.png")
    with pytest.raises(InputError, match="/dev/zero is a device"):
        read_image("/dev/zero")
