"""The role of every source, with its reason and the words that show it."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

from anyres.advisor.abilities import Able
from anyres.advisor.decide import Decision, Step
from anyres.advisor.lexicon import ENLARGING, NO_TASK, Task, lexicon
from anyres.advisor.naming import is_named_in, same_paper
from anyres.advisor.sources import Span

Role = Literal["primary", "supporting", "related", "unrelated"]
Reason = Literal[
    "does_it",
    "paper_of",
    "part_of",
    "same_task",
    "candidate",
    "other_task",
    "same_idea",
    "nothing_common",
    "no_task",
]
_IDEAS: Final = {
    "resolution": re.compile(r"resolution|upsampl|up-?scal|rescal|super-?res|enlarg|magnif|finer", re.I),
    "restoration": re.compile(
        r"restor|degrad|denois|deblur|\bnoise|artifact|artefact|haz[ey]|dehaz|\brain(?:y|s|drops?)?\b|derain|enhanc",
        re.I,
    ),
    "correspondence": re.compile(
        r"match|correspond|align|regist|optical flow|between (?:two|the) (?:frames|pictures|images)", re.I
    ),
    "recognition": re.compile(r"segment|detect|classif|recogni|mask|keypoint|boxes", re.I),
    "generation": re.compile(r"generat|synthes|diffusion|inpaint|style|GAN\b|adversarial", re.I),
    "language": re.compile(r"\btext|caption|language|question|words?\b", re.I),
    "geometry": re.compile(r"depth|3d|stereo|views?\b|pose", re.I),
}  # fmt: skip
_PICTURES: Final = re.compile(
    r"image|picture|photo|pixel|video|visual|\bframes?\b|\bscenes?\b|\bvision\b", re.I
)
_KIN: Final = (  # tasks of different groups that one idea joins
    frozenset({"video_sr", "frame_interpolation", "optical_flow"}),  # several frames
    frozenset({"inpainting", "semantic_segmentation", "background_removal"}),  # masks
    frozenset({"inpainting", "image_editing", "text_to_image", "style_transfer"}),  # pictures made anew
    frozenset({"image_captioning", "image_classification", "visual_question_answering", "text_to_image"}),
)
_PIXELS: Final = frozenset(
    {"resolution", "restoration"}
)  # groups whose tasks give a better picture of the same


@dataclass(frozen=True)
class RoleOf:
    """What a source is to this question."""

    source: str
    role: Role
    reason: Reason
    step: int | None  # the step it does or supports
    task: str | None  # what the source itself does, where that is known
    span: Span  # the words that show it


def roles(decision: Decision, sources: Sequence[Able]) -> tuple[RoleOf, ...]:
    """One for each source, in their order."""
    return tuple(_role(decision, able) for able in sources)


def _role(decision: Decision, able: Able) -> RoleOf:
    own = able.abilities[0].task if able.abilities else None
    shown = able.abilities[0].span if able.abilities else _beginning(able)
    for number, step in enumerate(decision.steps):
        if step.by is able:
            ability = able.ability(step.task)
            assert ability is not None
            return RoleOf(able.source.id, "primary", "does_it", number, ability.task, ability.span)
    for number, step in enumerate(decision.steps):
        if same_paper(able.source, step.by.source):
            return RoleOf(able.source.id, "supporting", "paper_of", number, own, shown)
    for number, step in enumerate(decision.steps):
        if _is_of_same_task(able, step.task) and not _lacks_factor(decision, able):
            ability = able.ability(step.task)
            assert ability is not None
            return RoleOf(able.source.id, "supporting", "same_task", number, ability.task, ability.span)
        if is_named_in(able, step.by) and _shares_idea(decision, able):
            return RoleOf(able.source.id, "supporting", "part_of", number, own, shown)
    if decision.task == NO_TASK:
        return RoleOf(able.source.id, "unrelated", "no_task", None, own, shown)
    if decision.outcome == "unclear" and any(_is_of_same_task(able, task) for task in decision.tasks):
        return RoleOf(able.source.id, "supporting", "candidate", None, own, shown)
    if _shares_idea(decision, able):
        if own:
            return RoleOf(able.source.id, "related", "other_task", None, own, shown)
        return RoleOf(able.source.id, "related", "same_idea", None, own, _idea(decision, able))
    return RoleOf(able.source.id, "unrelated", "nothing_common", None, own, shown)


def _is_of_same_task(able: Able, task: str) -> bool:
    if task in ENLARGING:
        ways = able.tasks & set(ENLARGING)
        return bool(ways) and ((task == "video_sr") == ("video_sr" in ways))
    return task in able.tasks


def _lacks_factor(decision: Decision, able: Able) -> bool:
    """Whether it enlarges by other factors alone than the one that is asked for and that another gives."""
    if decision.factor is None or able.factors.has(decision.factor):
        return False
    return any(step.task in ENLARGING and step.by.factors.has(decision.factor) for step in decision.steps)


def _shares_idea(decision: Decision, able: Able) -> bool:
    """The same group of tasks, a better picture in both, or the words of the idea in its own text."""
    tasks = lexicon().tasks
    for asked in (tasks[task] for task in decision.tasks if task in tasks):
        done = [tasks[one.task] for one in able.abilities]
        if any(_is_near(asked, one) for one in done) or asked.id in able.mentions:
            return True
        text = " ".join(able.source.fields.values())
        if len(_IDEAS[asked.group].findall(text)) >= 2 and _PICTURES.search(text):
            return True
    return False


def _is_near(asked: Task, done: Task) -> bool:
    if any({asked.id, done.id} <= kin for kin in _KIN):
        return True
    return asked.group == done.group or (
        asked.group in _PIXELS and done.group in _PIXELS and done.gives == "Image"
    )


def _idea(decision: Decision, able: Able) -> Span:
    """The sentence in which the source comes closest to what was asked, else what it says of itself."""
    tasks = lexicon().tasks
    best: tuple[int, Span] | None = None
    for asked in (tasks[task] for task in decision.tasks if task in tasks):
        for name, start, end in able.source.prose():
            count = len(_IDEAS[asked.group].findall(able.source.fields[name][start:end]))
            if count and (best is None or count > best[0]):
                best = count, able.source.span(name, start, end)
    if best is not None:
        return best[1]
    return able.abilities[0].span if able.abilities else _beginning(able)


def _beginning(able: Able) -> Span:
    first = next(able.source.prose(), None)
    return able.source.span(*first) if first else able.source.span("name")


def step_of(decision: Decision, role: RoleOf) -> Step | None:
    """The step that a role speaks of."""
    return None if role.step is None else decision.steps[role.step]
