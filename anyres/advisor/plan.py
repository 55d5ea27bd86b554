"""From a decision to a workflow: the chain of typed steps, and the document where this program can run it."""

from collections.abc import Sequence
from typing import Final

from anyres.advisor.abilities import Able
from anyres.advisor.answer import StepShown
from anyres.advisor.cards import card_of
from anyres.advisor.decide import Decision, Step
from anyres.advisor.lexicon import ENLARGING, lexicon
from anyres.advisor.naming import same_paper
from anyres.advisor.question import Question
from anyres.advisor.quoting import shown_name
from anyres.core.sizes import LARGEST_SCALE
from anyres.models.catalog import CATALOG, Model
from anyres.operations.operation import every_operation
from anyres.workflow.declarations import InputDeclaration
from anyres.workflow.document import Document, NodeEntry, ParameterFrom
from anyres.workflow.graph import resolve
from anyres.workflow.names import RESULT
from anyres.workflow.names import Source as Wire

OPERATION: Final = {"liif": "upscale"}  # what a person does with a model of the catalogue
PHOTO: Final = "photo"


def steps_shown(decision: Decision, every: Sequence[Able]) -> tuple[StepShown, ...]:
    """The chain: for each step what goes in, who does it, and what comes out."""
    tasks = lexicon().tasks
    return tuple(
        StepShown(
            task=step.task,
            takes=tasks[step.task].takes,
            by=shown_name(step.by.source),
            gives=tasks[step.task].gives,
            source=step.by.source.id,
            runs_here=model_here(step, every) is not None,
        )
        for step in decision.steps
    )


def model_here(step: Step, every: Sequence[Able]) -> Model | None:
    """The model of the catalogue whose method this step names, by its id or by its paper."""
    if step.task not in ENLARGING:
        return None
    for model in CATALOG:
        if step.by.source.name.lower() == model.id.lower():
            return model
        for other in (step.by, *every):
            is_its_own = other is step.by or same_paper(other.source, step.by.source)
            card = card_of(other.source)
            if is_its_own and card is not None and card.paper in model.paper:
                return model
    return None


def document_of_decision(question: Question, decision: Decision, every: Sequence[Able]) -> Document | None:
    """The workflow as a document that compiles; None where a step cannot be run here."""
    if not decision.steps:
        return None
    nodes: dict[str, NodeEntry] = {}
    wire = Wire(None, PHOTO)
    inputs = {PHOTO: InputDeclaration(type="Image", description="The picture.")}
    for step in decision.steps:
        model = model_here(step, every)
        if model is None:
            return None
        operation = every_operation()[OPERATION[model.name]]
        factor = question.factor.value if question.factor else 2.0
        inputs["scale"] = InputDeclaration(
            type="number",
            default=min(factor, LARGEST_SCALE),
            minimum=1.0,
            maximum=LARGEST_SCALE,
            description="Factor, whole or not.",
        )
        nodes["enlarge"] = NodeEntry(
            operation=f"{operation.name}@{operation.version}",
            inputs={next(iter(operation.ports)): (wire,)},
            parameters={"scale": ParameterFrom("scale")},
        )
        wire = Wire("enlarge", RESULT)
    document = Document(
        name="advised",
        version="1.0.0",
        title=" -> ".join(["photo", *(shown_name(step.by.source) for step in decision.steps), "result"]),
        inputs=inputs,
        nodes=nodes,
        outputs={"enlarged": wire},
    )
    resolve(document)  # what is proposed compiles, or it is our fault
    return document
