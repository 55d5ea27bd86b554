"""The server as its command begins it, asked all that its OpenAPI document allows, and more."""

import os
import subprocess
import sys
from pathlib import Path

import httpx2
import pytest

from tests.server.live import REPOSITORY
from tests.server.serving import png, until

CHECKS = (
    "not_a_server_error,status_code_conformance,content_type_conformance,response_headers_conformance,"
    "response_schema_conformance,unsupported_method"
)


@pytest.mark.slow
def test_no_request_makes_a_fault_or_an_answer_that_is_not_documented(
    server: tuple[str, int], tmp_path: Path
) -> None:
    address, _ = server
    with httpx2.Client(base_url=address) as client:
        picture = client.post("/api/files", content=png()).json()["id"]
        run = client.post("/api/operations/upscale", json={"image": picture}).json()["id"]
        until(lambda: client.get(f"/api/runs/{run}").json()["status"] == "done")
    program = [str(Path(sys.executable).with_name("schemathesis")), "run", f"{address}/api/openapi.json"]
    options = ["--checks", CHECKS, "--phases", "coverage,fuzzing", "--max-examples", "12", "--seed", "1"]
    environment = {
        **os.environ,
        "PYTHONPATH": str(REPOSITORY),
        "SCHEMATHESIS_HOOKS": "tests.server.schema_hooks",
        "ANYRES_TEST_PICTURE": picture,
        "ANYRES_TEST_RUN": run,
    }
    asked = subprocess.run(
        [*program, *options], env=environment, cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert asked.returncode == 0, asked.stdout[-6000:] + asked.stderr[-2000:]
    with httpx2.Client(base_url=address) as client:
        assert client.get("/api/about").status_code == 200
    assert "Traceback" not in (tmp_path / "said.txt").read_text()
