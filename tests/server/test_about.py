from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from anyres.models.catalog import user_weights_dir
from anyres.operations.operation import OPERATIONS
from tests.server.serving import Serve


def test_limits_are_told_before_anything_is_sent(client: TestClient) -> None:
    about = client.get("/api/about").json()
    assert about["limits"]["upload_megabytes"] == 256.0
    assert about["weights"][0] == "liif-compact"


def test_every_operation_on_pictures_has_a_route_of_its_own_parameters(client: TestClient) -> None:
    document = client.get("/api/openapi.json").json()
    assert document["openapi"].startswith("3.1")
    for name, operation in OPERATIONS.items():
        path = f"/api/operations/{name.replace('_', '-')}"
        assert (path in document["paths"]) == operation.is_of_files, name
        if operation.is_of_files:
            body = document["paths"][path]["post"]["requestBody"]["content"]["application/json"]["schema"]
            schema = document["components"]["schemas"][body["$ref"].rpartition("/")[2]]
            assert set(schema["properties"]) == {*operation.ports, *operation.parameters.model_fields}


def test_an_answer_names_a_source_for_every_sentence_and_a_workflow_that_runs(client: TestClient) -> None:
    answer = client.post("/api/ask", json={"question": "Enlarge my photograph 2x"})
    assert answer.status_code == 200, answer.text
    told = answer.json()
    assert told["outcome"] == "answer"
    assert told["document"]["anyres_workflow"] == 1
    assert {one["part"] for one in told["sentences"]} == {1, 2, 3}
    for sentence in told["sentences"]:
        assert sentence["spans"]
        assert all(span["source"] in told["names"] for span in sentence["spans"])


def test_a_brief_is_answered_from_alone_and_scripts_in_it_are_text(client: TestClient) -> None:
    brief = "<script>alert(1)</script>"
    answer = client.post("/api/ask", json={"question": "두 배로 키워 줘", "brief": brief})
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    assert (answer.json()["outcome"], answer.json()["document"]) == ("none", None)
    assert client.post("/api/ask", json={}).status_code == 400
    assert client.post("/api/ask", json={"question": "x", "language": "fr"}).status_code == 422


@pytest.mark.parametrize("is_built", [True, False])
def test_the_bare_address_gives_the_page_or_says_how_to_have_it(
    serve: Serve, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, is_built: bool
) -> None:
    monkeypatch.setattr("anyres.server.app.PAGE", tmp_path)
    if is_built:
        (tmp_path / "index.html").write_text("<!doctype html><title>the page</title>", encoding="utf-8")
    client = serve()
    answer = client.get("/")
    assert ("the page" in answer.text, "make page" in answer.text) == (is_built, not is_built)
    assert client.get("/api/about").json()["is_page_built"] == is_built
    assert "default-src 'self'" in answer.headers["content-security-policy"]


def test_weights_that_cannot_be_read_are_left_out(client: TestClient) -> None:
    folder = user_weights_dir()
    folder.mkdir(parents=True, exist_ok=True)
    damaged = folder / "damaged.safetensors"
    damaged.write_bytes(b"no weights")
    try:
        assert "damaged" not in client.get("/api/about").json()["weights"]
    finally:
        damaged.unlink()


def test_a_page_leaves_the_routes_their_refusals(client: TestClient) -> None:
    assert client.get("/api/operations/crop").status_code == 405
    assert client.get("/no-such-page").status_code == 404
