"""Errors as answers: the same sentences as at every other door, with a status of HTTP."""

import re
from typing import Any, Final

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from anyres.core.errors import AnyresError, InputError, LimitError, RunError, WeightsError
from anyres.server.schemas import Kind, Problem
from anyres.server.vault import NotNowError, NotThereError, Vault

Responses = dict[int | str, dict[str, Any]]  # by status, as routes declare them
_STATUS: Final[dict[type[AnyresError], tuple[int, Kind]]] = {
    NotThereError: (404, "not_there"),
    NotNowError: (409, "not_now"),
    InputError: (400, "input"),
    WeightsError: (400, "weights"),
    LimitError: (413, "limit"),
    RunError: (503, "run"),
}
_DESCRIPTIONS: Final = {
    400: "What was given is wrong.",
    403: "The request comes from elsewhere.",
    404: "There is no such thing.",
    409: "It does not go with the state of things.",
    413: "Beyond a limit.",
    422: "The request is not of the form that the route takes.",
    503: "The work could not be finished now.",
}
PROBLEMS: Final[Responses] = {
    status: {"model": Problem, "description": text} for status, text in _DESCRIPTIONS.items()
}


def answer_problems(app: FastAPI, vault: Vault) -> None:
    """Have every error answered as a Problem."""

    @app.exception_handler(AnyresError)
    def of_ours(_: Request, error: AnyresError) -> JSONResponse:
        status, kind = next((one for type_, one in _STATUS.items() if isinstance(error, type_)), (503, "run"))
        return _answer(status, kind, vault.in_words(str(error)), error.exit_code)

    @app.exception_handler(RequestValidationError)
    def of_form(_: Request, error: RequestValidationError) -> JSONResponse:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"][1:]) or str(first["loc"][0])
        return _answer(422, "input", f"{place}: {first['msg']}.", 2)

    @app.exception_handler(HTTPException)
    def of_http(request: Request, error: HTTPException) -> JSONResponse:
        kind: Kind = "not_there" if error.status_code == 404 else "refused"
        answer = _answer(error.status_code, kind, str(error.detail), 2)
        if error.status_code == 405:
            answer.headers["Allow"] = ", ".join(sorted(_methods(app, request.url.path)))
        return answer


def _methods(app: FastAPI, path: str) -> set[str]:
    """All that a path takes: Starlette names those of its first route alone."""
    found: set[str] = set()
    for pattern, operations in app.openapi()["paths"].items():
        if re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", pattern), path):
            found |= {method.upper() for method in operations}
    return found


def _answer(status: int, kind: Kind, message: str, exit_code: int) -> JSONResponse:
    problem = Problem(kind=kind, message=message, exit_code=exit_code)
    return JSONResponse(problem.model_dump(), status_code=status)
