import io
import sys
from collections.abc import Iterator

import numpy as np
import PIL.Image
import pytest
from fastapi.testclient import TestClient

from anyres.server.worker import ASKERS
from tests.server.serving import Serve, png, uploaded


def test_an_upload_is_known_by_its_id_and_comes_back_as_it_was(client: TestClient) -> None:
    content = png(30, 20)
    entry = uploaded(client, content, "holiday.png")
    assert (entry["width"], entry["height"], entry["levels"]) == (30, 20, 5)
    assert entry["media_type"] == "image/png"
    assert entry["run_id"] is None
    answer = client.get(f"/api/files/{entry['id']}/content")
    assert answer.content == content
    assert answer.headers["content-disposition"] == 'attachment; filename="holiday.png"'
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert [one["id"] for one in client.get("/api/files").json()] == [entry["id"]]


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("../../etc/passwd.png", "passwd.png"),
        ("C:\\Users\\me\\a.png", "a.png"),
        ("<script>alert(1)</script>.png", "script>.png"),
        ("\x1b[31mred\x00.png", "[31mred.png"),
        ("", "picture"),
        ("한국.png", "한국.png"),
    ],
)
def test_a_name_is_for_people_and_never_a_path(client: TestClient, name: str, shown: str) -> None:
    assert uploaded(client, name=name)["name"] == shown


@pytest.mark.parametrize(
    ("content", "status", "words"),
    [
        (b"", 400, "no body"),
        (b"not a picture at all", 400, "picture"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>", 400, "picture"),
        (png()[:40], 400, ""),
        (b"GIF89a" + bytes(40), 400, ""),
    ],
)
def test_what_is_no_picture_is_refused_with_a_sentence(
    client: TestClient, content: bytes, status: int, words: str
) -> None:
    answer = client.post("/api/files", params={"name": "photo.png"}, content=content)
    assert answer.status_code == status
    assert words in answer.json()["message"]
    assert "incoming" not in answer.json()["message"]
    assert client.get("/api/files").json() == []


def test_a_file_over_the_limit_is_refused_before_and_while_it_comes(serve: Serve) -> None:
    client = serve(upload_megabytes=0.001)

    def in_parts() -> Iterator[bytes]:
        yield from [b"x" * 600] * 3

    for content in (b"x" * 2000, in_parts()):
        answer = client.post("/api/files", content=content)
        assert answer.status_code == 413
        assert "0.001 MB" in answer.json()["message"]


def test_a_bomb_is_refused_by_its_header(serve: Serve) -> None:
    client = serve(picture_megapixels=1.0)
    file = io.BytesIO()
    PIL.Image.new("1", (5000, 5000)).save(file, "PNG")
    answer = client.post("/api/files", content=file.getvalue())
    assert answer.status_code == 413
    assert answer.json()["kind"] == "limit"


def test_a_full_vault_takes_nothing_more(serve: Serve) -> None:
    client = serve(stored_megabytes=0.003)
    uploaded(client)
    uploaded(client)
    answer = client.post("/api/files", content=png())
    assert answer.status_code == 413
    assert "Delete runs or pictures" in answer.json()["message"]


@pytest.mark.parametrize("identity", ["0" * 32, "f" * 32])
def test_an_id_that_nothing_has_is_not_there(client: TestClient, identity: str) -> None:
    for path in ("", "/content", "/preview", "/tiles/0/0/0"):
        assert client.get(f"/api/files/{identity}{path}").status_code == 404


@pytest.mark.parametrize("identity", ["..", "%2e%2e%2fstore.db", "a" * 31, "A" * 32, "0" * 31 + "/"])
def test_what_is_no_id_reaches_no_file(client: TestClient, identity: str) -> None:
    assert client.get(f"/api/files/{identity}/content").status_code in (404, 422)


def test_tiles_are_the_levels_of_a_pyramid(client: TestClient) -> None:
    content = png(600, 300)
    entry = uploaded(client, content)
    assert entry["levels"] == 10
    whole = np.asarray(PIL.Image.open(io.BytesIO(content)))
    tile = client.get(f"/api/files/{entry['id']}/tiles/10/1/1")
    pixels = np.asarray(PIL.Image.open(io.BytesIO(tile.content)))
    np.testing.assert_array_equal(pixels, whole[256:512, 256:512])
    half = PIL.Image.open(io.BytesIO(client.get(f"/api/files/{entry['id']}/tiles/9/0/0").content))
    assert half.size == (256, 150)
    one = PIL.Image.open(io.BytesIO(client.get(f"/api/files/{entry['id']}/tiles/0/0/0").content))
    assert one.size == (1, 1)
    for path in ("11/0/0", "10/3/0", "10/0/2", "-1/0/0"):
        assert client.get(f"/api/files/{entry['id']}/tiles/{path}").status_code == 400
    preview = PIL.Image.open(io.BytesIO(client.get(f"/api/files/{entry['id']}/preview?side=100").content))
    assert preview.size == (100, 50)


def test_a_continuous_tile_is_the_crop_of_the_whole_enlargement(client: TestClient) -> None:
    from anyres.core.image import Image
    from anyres.operations.upscale import upscale

    content = png(90, 70)
    entry = uploaded(client, content)
    path = f"/api/files/{entry['id']}/continuous/liif-compact"
    early = client.get(f"{path}/2/0/0")
    assert early.status_code == 400
    assert "first" in early.json()["message"]
    found = client.put(path)
    assert found.status_code == 200, found.text
    assert (found.json()["width"], found.json()["trained_scales"]) == (90, [1.0, 4.0])
    tile = client.get(f"{path}/2/1/1")
    pixels = np.asarray(PIL.Image.open(io.BytesIO(tile.content))).astype(int)
    image = Image.from_pil(PIL.Image.open(io.BytesIO(content)))
    whole = upscale(image, scale=4.0).to_numpy().astype(int)
    assert np.abs(pixels - whole[256:280, 256:360]).max() <= 1
    assert client.get(f"{path}/6/0/0").status_code == 400
    assert client.put(f"/api/files/{entry['id']}/continuous/retina-compact").status_code == 400


def test_the_viewer_survives_the_death_of_its_process(client: TestClient) -> None:
    entry = uploaded(client)
    path = f"/api/files/{entry['id']}/tiles/0/0/0"
    assert client.get(path).status_code == 200
    studio = client.app.state.studio  # type: ignore[attr-defined]
    studio.stored._process.kill()
    studio.stored._process.join()
    assert client.get(path).status_code == 200


def test_an_upload_is_deleted_with_its_file(client: TestClient) -> None:
    entry = uploaded(client)
    vault = client.app.state.studio.vault  # type: ignore[attr-defined]
    path = vault.path_of(entry["id"])
    assert client.delete(f"/api/files/{entry['id']}").status_code == 204
    assert not path.exists()
    assert client.get(f"/api/files/{entry['id']}").status_code == 404


@pytest.mark.skipif(sys.platform == "win32", reason="links need rights there")
def test_a_link_in_the_place_of_a_file_is_not_followed(client: TestClient) -> None:
    entry = uploaded(client)
    vault = client.app.state.studio.vault  # type: ignore[attr-defined]
    path = vault.path_of(entry["id"])
    path.unlink()
    path.symlink_to("/etc/hostname")
    assert client.get(f"/api/files/{entry['id']}/content").status_code == 404


def test_no_more_than_a_few_wait_for_a_tile(client: TestClient) -> None:
    entry = uploaded(client)
    worker = client.app.state.studio.stored  # type: ignore[attr-defined]
    path = f"/api/files/{entry['id']}/tiles/0/0/0"
    for _ in range(ASKERS):
        worker._askers.acquire()
    answer = client.get(path)
    assert (answer.status_code, "in a moment" in answer.json()["message"]) == (503, True)
    for _ in range(ASKERS):
        worker._askers.release()
    assert client.get(path).status_code == 200
