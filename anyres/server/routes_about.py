"""Routes that tell what is here: the studio itself, operations, workflows; and the advisor."""

import json
from dataclasses import replace
from importlib.metadata import version
from typing import Any

from fastapi import APIRouter

from anyres.advisor.ask import ask
from anyres.advisor.brief import read_brief
from anyres.advisor.run_here import with_weights_here
from anyres.core.errors import InputError
from anyres.operations.operation import Operation, every_operation
from anyres.server.problems import PROBLEMS
from anyres.server.schemas import (
    AboutEntry,
    AdviceEntry,
    OperationEntry,
    Question,
    WorkflowEntry,
)
from anyres.server.studio import Studio, weights_that_enlarge
from anyres.workflow.document import document_text
from anyres.workflow.finding import find_workflow, workflow_paths


def routes(studio: Studio, *, is_page_built: bool) -> APIRouter:
    """Those that only tell."""
    router = APIRouter(prefix="/api", tags=["about"], responses=PROBLEMS)

    @router.get("/about")
    def about() -> AboutEntry:
        """What runs here, and what it takes at most."""
        return AboutEntry(
            name="anyres",
            version=version("anyres"),
            limits=studio.vault.limits,
            weights=weights_that_enlarge(),
            is_page_built=is_page_built,
        )

    @router.get("/operations")
    def operations() -> list[OperationEntry]:
        """All operations; those on pictures alone have a route of their own."""
        return [_operation(one) for one in every_operation().values()]

    @router.get("/workflows")
    def workflows() -> list[WorkflowEntry]:
        """The workflows that are here by name."""
        return [one for name in sorted(workflow_paths()) if (one := _workflow(name)) is not None]

    @router.post("/ask")
    def advise(question: Question) -> AdviceEntry:
        """Answer a question from the given sources alone, or from what comes with anyres."""
        return _advice(question)

    return router


def _advice(question: Question) -> AdviceEntry:
    """An answer, whose document names the weights that the command line would run."""
    brief = None if question.brief is None else read_brief(question.brief.encode())
    answer = ask(question.question, brief=brief, language=question.language)
    if answer.document is not None:
        answer = replace(answer, document=with_weights_here(answer.document))
    told = answer.as_json()
    kept = ("question", "language", "outcome", "task", "sentences", "links", "notices")
    return AdviceEntry(
        **{name: told[name] for name in kept},
        names={name: source.name for name, source in answer.sources.items()},
        steps=told["workflow"]["steps"],
        document=told["workflow"]["document"],
    )


def _operation(operation: Operation[..., Any]) -> OperationEntry:
    return OperationEntry(
        name=operation.name,
        version=operation.version,
        summary=operation.summary,
        description=operation.description,
        ports={name: str(type_) for name, type_ in operation.port_types.items()},
        parameters=operation.parameters.model_json_schema(),
        output=str(operation.output_type),
    )


def _workflow(name: str) -> WorkflowEntry | None:
    """A workflow by name; None where its file is no workflow."""
    try:
        document = find_workflow(name)
    except InputError:
        return None
    content = json.loads(document_text(document))
    return WorkflowEntry(name=name, title=document.title or name, document=content)
