"""From a question and its sources to a decision: the task, who does it, and what has to be said beside it.

The words of the question choose the task; what the sources can do breaks ties, decides between the ways of
enlarging, and says whether anybody provided does it at all. Similarity never chooses.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from anyres.advisor.abilities import Able, Factors
from anyres.advisor.attributes import told_by
from anyres.advisor.cues import cue
from anyres.advisor.lexicon import ENLARGING, NO_TASK, lexicon
from anyres.advisor.likeness import likeness
from anyres.advisor.naming import is_named_in, names_in, same_paper
from anyres.advisor.question import Place, Question
from anyres.advisor.sources import Span

Outcome = Literal["answer", "wrong_model", "none", "unclear"]
Caveat = Literal["scale_beyond_trained", "scale_not_fixed_factor", "not_recovered"]
ENLARGE: Final = "enlarge"  # all ways of enlarging, before one of them is chosen
_ALIKE, _MOST_ALIKE = 0.7, 10.0  # what likeness to phrases counts, and at most
_SMALLEST: Final = 2.0  # what words have to come to, to name a task at all
_OF_A_FACTOR: Final = 3.0  # what a factor or two sizes say for enlarging
_OF_A_NAME: Final = 1.5  # what it says for a task that a source that does it is called by name
_PRIOR: Final = {"first": 2.0, "model": 1.0, "paper": 1.0}  # for a task that a provided source does
_NEAR: Final = 0.8  # of the best score: as likely, where both are recommended
_PROVIDED: Final = 0.5  # of the best score: near enough, where only that task is done by what is provided
_SECOND_STEP: Final = 4.0  # what words have to come to for a further step
_DEGRADED, _VIDEO = 2.0, 3.0  # what words of a bad picture, and of a video, have to come to
_WAY_LIKE, _WAY_AHEAD = 9.0, 1.3  # likeness to one way of enlarging, and to how much more than to the others
_NOTHING: Final = 1.3  # share of the best task's words and likeness, from which what is no task wins
_PICTURED, _NOT_PICTURED = 4.0, 8.0  # of the best task: pictures are meant, though another medium is named
_PLAIN: Final = 4.0  # of the lexicon's words: a task is named plainly
_RECOVERING: Final = frozenset(
    {*ENLARGING, "face_restoration", "colorization", "deblurring", "denoising", "inpainting",
     "low_light_enhancement", "compression_artifact_removal", "hdr_reconstruction", "reflection_removal"}
)  # fmt: skip


@dataclass(frozen=True)
class Step:
    """One step of the way: a task, and the source that does it."""

    task: str
    by: Able


@dataclass(frozen=True)
class Rejected:
    """A recommended model that does not do what is asked, and the factor where that is why."""

    able: Able
    is_for_factor: bool


@dataclass(frozen=True)
class Decision:
    """What was decided, and why nothing else was."""

    outcome: Outcome
    tasks: tuple[str, ...]  # in the order of the steps; the two candidates where it is unclear
    steps: tuple[Step, ...]
    rejected: Rejected | None
    caveats: tuple[Caveat, ...]
    stated: tuple[tuple[str, Place, Span], ...]  # asked attributes that a source tells
    not_stated: tuple[tuple[str, Place], ...]  # and those that none does
    factors: Factors | None  # of the source that enlarges

    @property
    def task(self) -> str:
        """The one id."""
        return self.tasks[0]


def decide(question: Question, models: Sequence[Able], papers: Sequence[Able]) -> Decision:
    """The decision for a question that comes with these sources."""
    every = [*models, *papers]
    scores = _scores(question, models, papers)
    ranked = sorted(scores, key=lambda task: -scores[task])
    is_called = bool(models) and _is_called(question, models[0])
    if not ranked or _is_about_something_else(question, scores, is_called=is_called):
        return _nothing(NO_TASK)
    first = ranked[0]
    if first == ENLARGE and question.factor is None and cue("shrinking").search(question.text):
        return _nothing(NO_TASK)  # the list has no task of making smaller
    if question.is_sequence and (steps := _steps(question, scores, models, papers)):
        return _finished(question, _in_order(question, steps), models, every)
    for second in ranked[1:3]:
        if _is_unclear(question, scores, first, second, models):
            ids = tuple(_id(question, task, models) for task in (first, second))
            return Decision("unclear", ids, (), None, (), (), (), None)
    for task in ranked:
        if scores.get(task, 0.0) < _PROVIDED * scores.get(first, 0.0):
            break
        step = _chosen(question, task, models, papers)
        if step is not None:
            return _finished(question, [step], models, every)
    return _nothing(_id(question, first, every))


def asked_tasks(question: Question) -> list[str]:
    """The tasks that the words of a question speak of, the likeliest first; all ways of enlarging are one."""
    scores = _scores(question, [], [])
    if _is_about_something_else(question, scores):
        return []
    return sorted(scores, key=lambda task: -scores[task])


def _scores(question: Question, models: Sequence[Able], papers: Sequence[Able]) -> dict[str, float]:
    """By task, all ways of enlarging as one: what its words come to, with a little for what is provided."""
    words = lexicon()
    alike = likeness(question.read, "questions")
    scores = {
        task: question.score(task) + _like(alike[task]) for task in words.tasks if task not in ENLARGING
    }
    base = question.score(ENLARGE) + _factor_bonus(question, ENLARGE)
    video, real = question.score("video_sr"), question.score("real_world_sr")
    extra = max(0.0, min(3.0, question.score("sisr_any"))) / 2
    ways = max(video if base > 0 else 0.6 * video, 0.4 * real if base > 0 else 0.0, 0.0)
    scores[ENLARGE] = base + extra + ways + _like(max(alike[way] for way in ENLARGING))
    for able in (*models, *papers):
        if _is_called(question, able) and (families := _families(able)):
            scores[families[0]] += _OF_A_NAME * (2 if able in models[:1] else 1)
    kept = {task: score for task, score in scores.items() if score >= _SMALLEST}
    for number, able in enumerate(models):
        for task in _families(able):
            if task in kept:
                kept[task] += _PRIOR["first"] if number == 0 else _PRIOR["model"]
                break
    for task in kept:
        if any(task in _families(able) for able in papers):
            kept[task] += _PRIOR["paper"]
    return kept


def _like(score: float) -> float:
    """What likeness says, in the units of the lexicon's words."""
    return min(_MOST_ALIKE, _ALIKE * score)


def _factor_bonus(question: Question, task: str) -> float:
    if task != ENLARGE or question.factor is None:
        return 0.0
    others = [question.score(one) for one in lexicon().tasks if one not in ENLARGING]
    return _OF_A_FACTOR if question.score(ENLARGE) > 0 or max(others) < 5.0 else 0.5


def _families(able: Able) -> list[str]:
    return list(
        dict.fromkeys(ENLARGE if task in ENLARGING else task for task in (one.task for one in able.abilities))
    )


def _is_about_something_else(
    question: Question, scores: Mapping[str, float], *, is_called: bool = False
) -> bool:
    """No question of pictures: another medium is named, or it is most like what is no task."""
    is_pictured, best = bool(cue("pictures").search(question.text)), max(scores.values(), default=0.0)
    needed = _PICTURED if is_pictured else _NOT_PICTURED
    if cue("no_pictures").search(question.text) and best < needed:
        return True
    if question.factor is not None or is_called:
        return False
    alike = likeness(question.read, "questions")
    nothing = alike[NO_TASK]
    best_like = max(score for task, score in alike.items() if task != NO_TASK)
    words = max(question.score(task) for task in (*lexicon().tasks, ENLARGE))
    return nothing > best_like and _like(nothing) + _ALIKE > _NOTHING * words


def _is_called(question: Question, able: Able) -> bool:
    return any(
        re.search(rf"(?<!\w){re.escape(name)}(?!\w)", question.text, re.IGNORECASE)
        for name in names_in([able.source])
    )


def _steps(
    question: Question, scores: Mapping[str, float], models: Sequence[Able], papers: Sequence[Able]
) -> list[Step]:
    """Two steps by two recommended models, where the question speaks of both tasks; none otherwise."""
    tasks = {_families(able)[0] for able in models if able.abilities}
    likely = sorted((task for task in tasks if task in scores), key=lambda task: -scores[task])[:2]
    if len(likely) < 2 or scores[likely[1]] < _SECOND_STEP:
        return []
    steps = [_chosen(question, task, models, papers) for task in likely]
    found = [step for step in steps if step is not None and step.by in models]
    return found if len(found) == 2 and found[0].by is not found[1].by else []


def _is_unclear(
    question: Question, scores: Mapping[str, float], first: str, second: str, models: Sequence[Able]
) -> bool:
    """Two tasks as likely as each other, each done by a recommended model."""
    done = [task for able in models for task in _families(able)[:1]]
    if first not in done or second not in done or question.is_sequence:
        return False
    share = 0.3 if cue("unsure").search(question.text) else _NEAR
    return scores[second] >= share * scores[first]


def _id(question: Question, task: str, sources: Sequence[Able]) -> str:
    """The id of a task of `_scores`: which way of enlarging, where nobody was chosen."""
    if task != ENLARGE:
        return task
    if _is_video(question):
        return "video_sr"
    ways = {one.task for able in sources for one in able.abilities if one.task in ENLARGING}
    if len(ways) == 1:
        return ways.pop()
    return "real_world_sr" if _is_degraded(question) else "sisr_any"


def _is_degraded(question: Question) -> bool:
    """Whether it speaks of a bad picture."""
    return question.score("real_world_sr") >= _DEGRADED or _is_most_like(question, "real_world_sr")


def _is_video(question: Question) -> bool:
    """Whether it speaks of a video, and not of one picture."""
    return question.score("video_sr") >= _VIDEO or _is_most_like(question, "video_sr")


def _is_most_like(question: Question, way: str) -> bool:
    if question.score(way) <= 0:
        return False  # likeness alone is no word of it
    alike = likeness(question.read, "questions")
    others = max(alike[other] for other in ENLARGING if other != way)
    return alike[way] > max(_WAY_LIKE, _WAY_AHEAD * others)


def _chosen(question: Question, task: str, models: Sequence[Able], papers: Sequence[Able]) -> Step | None:
    """Who does it best of those provided; recommended models before papers."""
    candidates = [*models, *papers]
    if task != ENLARGE:
        able = next((one for one in candidates if task in one.tasks), None)
        return None if able is None else Step(task, able)
    fitting = [one for one in candidates if one.tasks & set(ENLARGING)]
    if not fitting:
        return None
    best = min(fitting, key=lambda one: _misfit(question, one) + (1.5 if one in papers else 0.0))
    if _misfit(question, best) >= 5.0 and _is_video(question):
        return None
    way = next(one.task for one in best.abilities if one.task in ENLARGING)
    if question.factor and not question.factor.is_whole and not best.factors.has(question.factor.value):
        way = "sisr_any"
    return Step(way, best)


def _misfit(question: Question, able: Able) -> float:
    """How badly a way of enlarging fits what is asked; 0 fits."""
    way = next((one.task for one in able.abilities if one.task in ENLARGING), None)
    if way is None:
        return 10.0
    is_video = _is_video(question) or (way == "video_sr" and question.score("video_sr") >= _VIDEO / 2)
    misfit = 5.0 if (way == "video_sr") != is_video else 0.0
    if not is_video:
        misfit += 1.0 if (way == "real_world_sr") != _is_degraded(question) else 0.0
    if question.factor and not able.factors.has(question.factor.value):
        misfit += 4.0
    elif question.factor and not question.factor.is_whole and way != "sisr_any" and not able.factors.fixed:
        misfit += 3.0
    return misfit


def _in_order(question: Question, steps: list[Step]) -> list[Step]:
    """As they run: pictures are made before they are looked at, else in the order of the words."""
    tasks = lexicon().tasks

    def place(step: Step) -> tuple[bool, int]:
        found = question.first_place(step.task)
        if step.task in ENLARGING:
            places = [question.first_place(ENLARGE), question.factor.place if question.factor else None]
            found = min((one for one in places if one), default=found)
        return tasks[step.task].gives not in ("Image", "Video"), found[0] if found else 0

    return sorted(steps, key=place)


def _finished(
    question: Question, steps: list[Step], models: Sequence[Able], every: Sequence[Able]
) -> Decision:
    rejected = _rejected(question, steps, models)
    enlarging = next((step.by for step in steps if step.task in ENLARGING), None)
    factors = _known_factors(enlarging, every) if enlarging else None
    caveats: list[Caveat] = []
    if question.factor and enlarging and factors:
        is_lacking = not enlarging.factors.has(question.factor.value)
        if is_lacking or (rejected is not None and rejected.is_for_factor):
            caveats.append("scale_not_fixed_factor")
        elif factors.trained and question.factor.value > factors.trained[1] + 5e-3:
            caveats.append("scale_beyond_trained")
    if question.unknowable and any(step.task in _RECOVERING for step in steps):
        caveats.append("not_recovered")
    stated, not_stated = _attributes(question, steps, every)
    return Decision(
        "answer" if rejected is None else "wrong_model",
        tuple(step.task for step in steps),
        tuple(steps),
        rejected,
        tuple(caveats),
        stated,
        not_stated,
        factors,
    )


def _rejected(question: Question, steps: Sequence[Step], models: Sequence[Able]) -> Rejected | None:
    """The first recommended model, where it does not do what is asked and another source does."""
    if not models or any(step.by is models[0] for step in steps):
        return None
    first = models[0]
    if not any(_does(first, step.task) for step in steps):
        return Rejected(first, is_for_factor=False)
    enlarging = next((step for step in steps if step.task in ENLARGING), None)
    if enlarging is None or _misfit(question, first) - _misfit(question, enlarging.by) < 1.0:
        return None
    is_for_factor = bool(question.factor) and not first.factors.has(question.factor.value)  # type: ignore[union-attr]
    return Rejected(first, is_for_factor=is_for_factor)


def _does(able: Able, task: str) -> bool:
    return bool(able.tasks & set(ENLARGING)) if task in ENLARGING else task in able.tasks


def _known_factors(able: Able, every: Sequence[Able]) -> Factors:
    """Its factors, with the trained range that another source of the same method tells."""
    if able.factors.trained is not None or able.factors.fixed:
        return able.factors
    for other in every:
        if other.factors.trained is not None and (
            same_paper(able.source, other.source) or is_named_in(other, able)
        ):
            return other.factors
    return able.factors


def _attributes(
    question: Question, steps: Sequence[Step], every: Sequence[Able]
) -> tuple[tuple[tuple[str, Place, Span], ...], tuple[tuple[str, Place], ...]]:
    """What is asked of the models, told or not told by them and by their papers."""
    read = [step.by for step in steps]
    read += [
        one
        for one in every
        if one not in read and any(same_paper(one.source, step.by.source) for step in steps)
    ]
    stated, missing = [], []
    for name, place in dict(question.attributes).items():
        span = next((found for able in read if (found := told_by(able.source, name))), None)
        if span is None:
            missing.append((name, place))
        else:
            stated.append((name, place, span))
    return tuple(stated), tuple(missing)


def _nothing(task: str) -> Decision:
    return Decision("none", (task,), (), None, (), (), (), None)
