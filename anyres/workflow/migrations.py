"""Documents of past formats, brought to today's one step at a time.

A migration is a pure function from the JSON of one format to that of the next; none is ever changed or
removed, and `tests/workflow/formats/` holds a document of every format that there was.

Format 0 was never released: it is made up, so that the tests run the mechanism from the first day.
"""

from collections.abc import Callable, Mapping
from typing import Any

from anyres.core.errors import InputError

FORMAT_KEY = "anyres_workflow"
MAX_STEPS = 100  # of format 0


def _from_0(raw: Mapping[str, Any]) -> dict[str, Any]:
    """Format 0 had a list of `steps`, each with id, type, wires and values; format 1 has `nodes` by id."""
    names = {"type": "operation", "wires": "inputs", "values": "parameters"}
    if "nodes" in raw:
        raise InputError(
            "A workflow of format 0 has steps and no nodes; nodes are there. Say format 1, or rename."
        )
    steps = raw.get("steps", [])
    if not isinstance(steps, list) or not all(
        isinstance(step, dict) and isinstance(step.get("id"), str) for step in steps
    ):
        raise InputError("A workflow of format 0 has a list of steps, each with its id; this one has not.")
    ids = [step["id"] for step in steps]
    twice = sorted({str(one) for one in ids if ids.count(one) > 1}) if len(ids) <= MAX_STEPS else []
    if twice or len(ids) > MAX_STEPS:
        raise InputError(
            f"A workflow of format 0 has {MAX_STEPS} steps at most, each with its own id; "
            f"this one has {len(ids)}{', and twice ' + twice[0] if twice else ''}."
        )
    for step in steps:
        if later := set(names.values()) & step.keys():
            raise InputError(
                f"Step {step['id']:.80} of format 0 has {', '.join(sorted(later))}, which format 1 has. "
                f"In format 0 there are {', '.join(names)}."
            )
    nodes = {
        step["id"]: {names.get(key, key): value for key, value in step.items() if key != "id"}
        for step in steps
    }
    return {key: value for key, value in raw.items() if key != "steps"} | {"nodes": nodes}


MIGRATIONS: tuple[Callable[[Mapping[str, Any]], dict[str, Any]], ...] = (_from_0,)
FORMAT = len(MIGRATIONS)  # today's: the one that the last migration arrives at


def migrated(raw: Mapping[str, Any], *, name: str) -> Mapping[str, Any]:
    """The JSON of a document in today's format; `name` is what errors call it.

    Raises InputError if it names no format, or one of the future.
    """
    found = raw.get(FORMAT_KEY)
    if type(found) is not int or found < 0:
        raise InputError(
            f"{name} is no workflow: {FORMAT_KEY!r} says the format, a whole number up to {FORMAT}; "
            f"{'nothing' if found is None else repr(found)[:40]} was given."
        )
    if found > FORMAT:
        raise InputError(
            f"{name} is of format {found}; this anyres reads formats up to {FORMAT}. Update anyres."
        )
    for step in MIGRATIONS[found:]:
        raw = step(raw)
    return {**raw, FORMAT_KEY: FORMAT}
