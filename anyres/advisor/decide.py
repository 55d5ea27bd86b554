"""From a question and its sources to a decision: the task, who does it, and what has to be said beside it.

The question's words, and what the sources can do, choose the task (`ranking.py`); the sources decide between
the ways of enlarging, and say whether anybody provided does it at all.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from anyres.advisor.abilities import Able, Factors
from anyres.advisor.attributes import told_by
from anyres.advisor.cues import cue
from anyres.advisor.kinds import OtherKind, other_kind
from anyres.advisor.lexicon import ENLARGING, NO_TASK, lexicon
from anyres.advisor.likeness import likeness
from anyres.advisor.naming import is_named_in, same_paper
from anyres.advisor.question import Place, Question
from anyres.advisor.ranking import ENLARGE, families, scores, scores_of_words
from anyres.advisor.sources import Span

Outcome = Literal["answer", "wrong_model", "none", "unclear"]
Caveat = Literal["scale_beyond_trained", "scale_not_fixed_factor", "not_recovered"]
_NEAR, _UNSURE = 2.0, 5.0  # log-odds between two tasks, each done by a recommended model: as likely
_SHORT: Final = 20  # words of a question that may be too few to tell two tasks apart
_SECOND_STEP: Final = 1.0  # log-odds above what is no task, for a further step
_DEGRADED, _VIDEO = 2.0, 3.0  # what words of a bad picture, and of a video, have to come to
_WAY_LIKE, _WAY_AHEAD = 9.0, 1.3  # likeness to one way of enlarging, and to how much more than to the others
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
    other_kind: OtherKind | None = None  # of the task, where that is why


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
    factor: float | None = None  # that is asked for
    short: Able | None = None  # what enlarges, where nothing provided does by as much as is asked
    other_kind: OtherKind | None = None  # what does the task, but nothing does its kind that is asked for

    @property
    def task(self) -> str:
        """The one id."""
        return self.tasks[0]


def decide(question: Question, models: Sequence[Able], papers: Sequence[Able]) -> Decision:
    """The decision for a question that comes with these sources."""
    every = [*models, *papers]
    odds = scores(question, models, papers)
    ranked = sorted(odds, key=lambda task: -odds[task])
    first = ranked[0]
    if first == NO_TASK:
        return _nothing(NO_TASK)
    if first == ENLARGE:
        question = question.as_of_enlarging()
        is_reduced = cue("shrinking").search(question.text) and not cue("undoing").search(question.text)
        if question.factor is None and is_reduced:
            return _nothing(NO_TASK)  # the list has no task of making smaller
    if question.is_sequence and (steps := _steps(question, odds, models, papers)):
        return _reaching(question, _in_order(question, steps), models, every)
    for second in ranked[1:3]:
        if _is_unclear(question, odds, first, second, models):
            ids = tuple(_id(question, task, models) for task in (first, second))
            return Decision("unclear", ids, (), None, (), (), (), None)
    step = _chosen(question, first, models, papers)
    if step is None:
        return _nothing(_id(question, first, every), _of_other_kind(question, first, every))
    return _reaching(question, [step], models, every)


def asked_tasks(question: Question) -> list[str]:
    """The tasks that a question speaks of, the likeliest first; all ways of enlarging are one."""
    odds = scores_of_words(question)
    ranked = sorted(odds, key=lambda task: -odds[task])
    return [] if ranked[0] == NO_TASK else [task for task in ranked if task != NO_TASK]


def _steps(
    question: Question, odds: Mapping[str, float], models: Sequence[Able], papers: Sequence[Able]
) -> list[Step]:
    """Two steps by two recommended models, where the question speaks of both tasks; none otherwise."""
    tasks = {families(able)[0] for able in models if able.abilities}
    likely = sorted(tasks, key=lambda task: -odds[task])[:2]
    if len(likely) < 2 or odds[likely[1]] < odds[NO_TASK] + _SECOND_STEP:
        return []
    question = question.as_of_enlarging()  # of no matter to a step that does not enlarge
    steps = [_chosen(question, task, models, papers) for task in likely]
    found = [step for step in steps if step is not None and step.by in models]
    return found if len(found) == 2 and found[0].by is not found[1].by else []


def _is_unclear(
    question: Question, odds: Mapping[str, float], first: str, second: str, models: Sequence[Able]
) -> bool:
    """Two tasks as likely as each other, each done by a recommended model."""
    done = [task for able in models for task in families(able)[:1]]
    if first not in done or second not in done or question.is_sequence:
        return False
    if cue("unsure").search(question.text):
        return odds[first] - odds[second] <= _UNSURE
    is_short = len(question.text.split()) <= _SHORT
    is_arguing = question.is_turned_down or question.is_recommendation_told
    return is_short and not is_arguing and odds[first] - odds[second] <= _NEAR


def _id(question: Question, task: str, sources: Sequence[Able]) -> str:
    """The id of a task of `scores`: which way of enlarging, where nobody was chosen."""
    if task != ENLARGE:
        return task
    if _is_video(question):
        return "video_sr"
    if question.factor is not None and not question.factor.is_whole:
        return "sisr_any"
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
    alike = likeness("questions")(question.read)
    others = max(alike[other] for other in ENLARGING if other != way)
    return alike[way] > max(_WAY_LIKE, _WAY_AHEAD * others)


def _chosen(question: Question, task: str, models: Sequence[Able], papers: Sequence[Able]) -> Step | None:
    """Who does it best of those provided; recommended models before papers."""
    candidates = [*models, *papers]
    if task != ENLARGE:
        able = next(
            (one for one in candidates if task in one.tasks and not other_kind(question, task, one)), None
        )
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
        is_degraded = _is_degraded(question)
        misfit += 0.0 if (way == "real_world_sr") == is_degraded else 2.0 if is_degraded else 1.0
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


def _reaching(
    question: Question, steps: list[Step], models: Sequence[Able], every: Sequence[Able]
) -> Decision:
    """The steps, if what enlarges among them reaches the factor: the same rule for one step and for two."""
    enlarging = next((step for step in steps if step.task in ENLARGING), None)
    if enlarging is not None:
        question = question.as_of_enlarging()
        if _is_out_of_reach(question, every):
            return _short_of(question, enlarging, steps, every)
    return _finished(question, steps, models, every)


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
        factor=question.factor.value if question.factor else None,
    )


def _rejected(question: Question, steps: Sequence[Step], models: Sequence[Able]) -> Rejected | None:
    """The first recommended model, where it does not do what is asked and another source does."""
    if not models or any(step.by is models[0] for step in steps):
        return None
    first = models[0]
    if not first.abilities:
        return None  # nothing is told of it, so nothing against it either
    if not any(_does(first, step.task) for step in steps):
        return Rejected(first, is_for_factor=False)
    for step in steps:
        if other := other_kind(question, step.task, first):
            return Rejected(first, is_for_factor=False, other_kind=other)
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


def _is_out_of_reach(question: Question, every: Sequence[Able]) -> bool:
    """Whether all that enlarges has fixed factors, and the one asked for is larger than any of them.

    A source of the plain way that states no factor has some fixed one, which is not known: it does not count.
    """
    if question.factor is None:
        return False
    enlarging = [able for able in every if able.tasks & set(ENLARGING)]
    if any(not able.factors.fixed and able.tasks & set(ENLARGING) != {"sisr"} for able in enlarging):
        return False
    fixed = [able.factors.fixed for able in enlarging if able.factors.fixed]
    return bool(fixed) and all(question.factor.value > max(one) + 5e-3 for one in fixed)


def _short_of(question: Question, step: Step, steps: Sequence[Step], every: Sequence[Able]) -> Decision:
    """Nothing does it; the nearest would by a smaller factor, of which the rest is told as ever."""
    enlarging = [able for able in every if able.tasks & set(ENLARGING) and able.factors.fixed]
    nearest = step.by if step.by in enlarging else max(enlarging, key=lambda able: max(able.factors.fixed))
    caveats: tuple[Caveat, ...] = ("scale_not_fixed_factor",)
    if question.unknowable:
        caveats += ("not_recovered",)
    told = _attributes(question, [Step(step.task, nearest)], every)
    way = _id(question, ENLARGE, every)
    tasks = tuple(way if one is step else one.task for one in steps)
    return Decision("none", tasks, (), None, caveats, *told, nearest.factors, short=nearest)


def _of_other_kind(question: Question, task: str, every: Sequence[Able]) -> OtherKind | None:
    """What is provided for the task, but for another kind of it."""
    found = (other_kind(question, task, one) for one in every if task in one.tasks)
    return next((one for one in found if one), None)


def _nothing(task: str, other: OtherKind | None = None) -> Decision:
    return Decision("none", (task,), (), None, (), (), (), None, other_kind=other)
