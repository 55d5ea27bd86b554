import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from anyres.core.errors import InputError
from tests.server.serving import Serve, ended, png, until, uploaded

SLOW = {"scale": 12.0}  # of 200 x 200 pixels: several seconds


def begun(client: TestClient, picture: Any, **parameters: Any) -> Any:
    answer = client.post("/api/operations/upscale", json={"image": picture["id"], **parameters})
    assert answer.status_code == 202, answer.text
    return answer.json()


def worker_of(client: TestClient) -> Any:
    return client.app.state.studio.foreman.worker  # type: ignore[attr-defined]


def test_a_run_gives_the_bytes_of_the_command_line(client: TestClient, tmp_path: Path) -> None:
    content = png(40, 30)
    run = ended(client, begun(client, uploaded(client, content, "my photo.png"), scale=2.0))
    assert run["status"] == "done", run["reason"]
    (result,) = run["results"]
    assert (result["name"], result["width"], result["height"]) == ("my photo.x2.png", 80, 60)
    (tmp_path / "photo.png").write_bytes(content)
    command = "import sys; from anyres.cli.main import main; sys.argv[0] = 'anyres'; main()"
    arguments = ["upscale", str(tmp_path / "photo.png"), "--scale", "2"]
    subprocess.run([sys.executable, "-c", command, *arguments], check=True, capture_output=True)
    assert (
        client.get(f"/api/files/{result['id']}/content").content == (tmp_path / "photo.x2.png").read_bytes()
    )


def test_a_workflow_by_name_and_by_document_gives_the_same(client: TestClient) -> None:
    picture = uploaded(client)
    document = next(
        one["document"] for one in client.get("/api/workflows").json() if one["name"] == "enlarge-photo"
    )
    results = []
    for how in ({"workflow": "enlarge-photo"}, {"document": document}):
        answer = client.post("/api/runs", json={**how, "inputs": {"photo": picture["id"]}})
        assert answer.status_code == 202, answer.text
        run = ended(client, answer.json())
        assert run["status"] == "done", run["reason"]
        assert run["document"]["name"] == "enlarge-photo"
        results.append([one["sha256"] for one in run["results"]])
    assert results[0] == results[1]


def test_a_report_is_a_result_too(client: TestClient) -> None:
    one, other = uploaded(client, png(seed=1)), uploaded(client, png(seed=2))
    ports = next(
        entry["ports"] for entry in client.get("/api/operations").json() if entry["name"] == "measure"
    )
    names = list(ports)
    body = {names[0]: one["id"], names[1]: other["id"]}
    answer = client.post("/api/operations/measure", json=body)
    assert answer.status_code == 202, answer.text
    run = ended(client, answer.json())
    (result,) = run["results"]
    assert result["media_type"] == "application/json"
    assert "figures" in client.get(f"/api/files/{result['id']}/content").json()
    assert client.get(f"/api/files/{result['id']}/preview").status_code == 404


def test_events_come_in_order_and_go_on_where_a_stream_broke_off(client: TestClient) -> None:
    run = begun(client, uploaded(client, png(120, 90)), scale=3.0)
    events = list(_events(client, run))
    kinds = [kind for _, kind, _ in events]
    assert kinds[:2] == ["waiting", "running"]
    assert kinds[-1] == "done"
    assert [number for number, _, _ in events] == list(range(1, len(events) + 1))
    fractions = [data["fraction"] for _, kind, data in events if kind == "progress"]
    assert fractions == sorted(fractions)
    late = list(_events(client, run, {"Last-Event-ID": "2"}))
    assert late == events[2:]


def test_what_does_not_fit_or_is_wrong_is_refused_before_it_runs(serve: Serve) -> None:
    client = serve(result_megapixels=1.0)
    picture = uploaded(client, png(200, 200))
    refused: list[tuple[str, dict[str, Any], int, str]] = [
        ("operations/upscale", {"image": picture["id"], "scale": 10.0}, 413, "at most"),
        ("operations/upscale", {"image": picture["id"], "scale": 2.0, "width": 5}, 400, ""),
        ("operations/upscale", {"image": picture["id"], "scale": -1.0}, 400, "scale"),
        ("operations/upscale", {"image": picture["id"], "shape": 1}, 422, "shape"),
        ("operations/upscale", {"image": "0" * 32}, 404, "no file"),
        ("operations/upscale", {"image": "../../etc/passwd"}, 422, "image"),
        ("operations/upscale", {"image": picture["id"], "model": "../x"}, 400, "weights"),
        ("runs", {"workflow": "no-such", "inputs": {}}, 400, "no workflow"),
        ("runs", {"workflow": "../../x", "inputs": {}}, 400, ""),
        ("runs", {"inputs": {"photo": picture["id"]}}, 400, "Nothing is asked for"),
        ("runs", {"workflow": "enlarge-photo", "inputs": {}}, 400, "photo"),
        ("runs", {"document": {"anyres_workflow": 1, "name": "<script>"}, "inputs": {}}, 400, ""),
    ]
    for path, body, status, words in refused:
        answer = client.post(f"/api/{path}", json=body)
        assert (answer.status_code, words in answer.json()["message"]) == (status, True), answer.text
    assert client.get("/api/runs").json() == []


def test_a_forecast_says_sizes_memory_and_refusals(client: TestClient) -> None:
    picture = uploaded(client, png(50, 40))
    asked = {"workflow": "enlarge-photo", "inputs": {"photo": picture["id"]}, "parameters": {"scale": 3}}
    answer = client.post("/api/forecast", json=asked)
    assert answer.status_code == 200, answer.text
    found = answer.json()
    assert found["nodes"][-1]["sizes"] == [[150, 120]]
    assert found["memory_megabytes"] > 0
    assert client.get("/api/runs").json() == []


def test_cancel_ends_a_run_within_two_seconds_and_leaves_nothing(client: TestClient) -> None:
    run = begun(client, uploaded(client, png(200, 200)), **SLOW)
    until(lambda: client.get(f"/api/runs/{run['id']}").json()["fraction"] > 0)
    begun_s = time.monotonic()
    assert client.post(f"/api/runs/{run['id']}/cancel").status_code == 202
    assert ended(client, run)["status"] == "cancelled"
    assert time.monotonic() - begun_s < 2.5  # two, and the time that the test takes to look
    found = client.get(f"/api/runs/{run['id']}").json()
    assert found["results"] == []
    assert client.post(f"/api/runs/{run['id']}/cancel").status_code == 409


def test_a_waiting_run_is_cancelled_too_and_one_behind_it_runs(client: TestClient) -> None:
    picture = uploaded(client, png(200, 200))
    first, second = begun(client, picture, **SLOW), begun(client, picture, scale=2.0)
    third = begun(client, picture, scale=1.5)
    client.post(f"/api/runs/{second['id']}/cancel")
    client.post(f"/api/runs/{first['id']}/cancel")
    assert ended(client, first)["status"] == "cancelled"
    assert ended(client, second)["status"] == "cancelled"
    assert ended(client, third)["status"] == "done"


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGKILL there")
def test_a_run_whose_process_was_killed_runs_again_and_twice_has_failed(client: TestClient) -> None:
    run = begun(client, uploaded(client, png(200, 200)), **SLOW)
    for attempt in (1, 2):
        until(lambda: client.get(f"/api/runs/{run['id']}").json()["fraction"] > 0)
        before = worker_of(client).pid
        os.kill(before, signal.SIGKILL)
        if attempt == 1:
            until(lambda: worker_of(client).pid not in (None, before))  # noqa: B023
    found = ended(client, run)
    assert found["status"] == "failed"
    assert "ended from outside" in found["reason"]
    again = client.post(f"/api/runs/{run['id']}/again")
    assert again.status_code == 202
    client.post(f"/api/runs/{again.json()['id']}/cancel")
    assert ended(client, again.json())["status"] == "cancelled"


def test_a_restart_in_mid_run_loses_no_run(serve: Serve) -> None:
    first = serve()
    picture = uploaded(first, png(100, 100))
    run, behind = begun(first, picture, scale=8.0), begun(first, picture, scale=2.0)
    until(lambda: first.get(f"/api/runs/{run['id']}").json()["fraction"] > 0)
    first.__exit__(None, None, None)
    second = serve()
    for one in (run, behind):
        found = ended(second, one)
        assert found["status"] == "done", found["reason"]
        assert len(found["results"]) == 1


@pytest.mark.parametrize(
    ("limits", "words"),
    [({"run_seconds": 0.3}, "longer than 0.3 s"), ({"worker_megabytes": 50.0}, "more than 50 MB of memory")],
)
def test_limits_on_time_and_memory_end_a_run_with_the_reason(
    serve: Serve, limits: dict[str, float], words: str
) -> None:
    client = serve(**limits)
    run = ended(client, begun(client, uploaded(client, png(200, 200)), **SLOW))
    assert (run["status"], run["exit_code"]) == ("failed", 3)
    assert words in run["reason"]


def test_a_reason_names_a_picture_as_its_owner_does_and_no_place(client: TestClient, tmp_path: Path) -> None:
    damaged = png(200, 200)
    picture = uploaded(client, damaged[: len(damaged) // 2], "my photo.png")
    run = ended(client, begun(client, picture, scale=2.0))
    assert run["status"] == "failed"
    assert "my photo.png" in run["reason"]
    tile = client.get(f"/api/files/{picture['id']}/tiles/0/0/0").json()["message"]
    assert "my photo.png" in tile
    assert str(tmp_path) not in run["reason"] + tile


def test_a_run_is_deleted_with_what_it_made(client: TestClient) -> None:
    picture = uploaded(client)
    run = ended(client, begun(client, picture, scale=2.0))
    (result,) = run["results"]
    assert client.delete(f"/api/files/{result['id']}").status_code == 409
    assert client.delete(f"/api/runs/{run['id']}").status_code == 204
    assert client.get(f"/api/files/{result['id']}").status_code == 404
    assert client.get(f"/api/runs/{run['id']}").status_code == 404
    vault = client.app.state.studio.vault  # type: ignore[attr-defined]
    assert not vault.run_folder(run["id"]).exists()


def test_a_line_that_is_full_takes_no_more(serve: Serve) -> None:
    client = serve(waiting_runs=1)
    picture = uploaded(client, png(200, 200))
    first = begun(client, picture, **SLOW)
    until(lambda: client.get(f"/api/runs/{first['id']}").json()["status"] == "running")
    begun(client, picture, scale=2.0)
    answer = client.post("/api/operations/upscale", json={"image": picture["id"]})
    assert answer.status_code == 413
    assert "wait already" in answer.json()["message"]
    client.post(f"/api/runs/{first['id']}/cancel")


def _events(client: TestClient, run: Any, headers: dict[str, str] | None = None) -> Any:
    with client.stream("GET", f"/api/runs/{run['id']}/events", headers=headers or {}) as stream:
        number, kind = 0, ""
        for line in stream.iter_lines():
            name, _, value = line.partition(": ")
            if name == "id":
                number = int(value)
            elif name == "event":
                kind = value
            elif name == "data":
                yield number, kind, json.loads(value)


def test_two_servers_in_one_folder_would_take_each_others_runs(serve: Serve) -> None:
    serve()
    with pytest.raises(InputError, match="Another studio"):
        serve()


def test_a_database_that_fails_for_a_while_loses_no_run(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    vault, failures = client.app.state.studio.vault, []  # type: ignore[attr-defined]

    def failing() -> None:
        failures.append(1)
        raise OSError(28, os.strerror(28))

    with monkeypatch.context() as patched:
        patched.setattr(vault, "next_waiting", failing)
        run = begun(client, uploaded(client), scale=2.0)
        until(lambda: len(failures) > 1)
    assert ended(client, run)["status"] == "done"
