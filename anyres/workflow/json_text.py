"""JSON from strangers: read with limits, and with nothing that two readers could take differently.

Refused are keys given twice, NaN and infinity, numbers that no float holds, nesting and sizes beyond those of
an honest document, and text that UTF-8 cannot carry. What comes back is dict, list, str, int, float, bool
and None.
"""

import json
import math
import re
import reprlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from anyres.core.errors import InputError

MAX_BYTES = 4_000_000  # of a document's text
MAX_NESTING = 64
MAX_VALUES = 300_000  # of all lists and objects together
_MAX_DIGITS = 15  # of a whole number: what every reader of JSON keeps exactly
_SURROGATE = re.compile("[\ud800-\udfff]")


def parsed_json(content: bytes | str, *, name: str) -> Any:
    """The value of a JSON text; `name` is what errors call it.

    Raises InputError for text that is too long, no UTF-8, no JSON, or refused as the file's head says.
    """
    data = content.encode("utf-8", "surrogatepass") if isinstance(content, str) else content
    if len(data) > MAX_BYTES:
        raise InputError(f"{name} has {len(data)} bytes; {MAX_BYTES} are the most that is read.")
    if data.count(b",") > MAX_VALUES:  # before they are read, which takes longer than counting
        raise InputError(f"{name} holds more than {MAX_VALUES} values. Split it.")
    try:
        value = json.loads(
            data.decode("utf-8-sig"),
            object_pairs_hook=_without_duplicates,
            parse_constant=_refused_constant,
            parse_float=_finite,
            parse_int=_short,
        )
    except RecursionError:
        raise InputError(f"{name} is nested deeper than {MAX_NESTING} levels. Flatten it.") from None
    except UnicodeDecodeError as refusal:
        raise InputError(f"{name} is not text in UTF-8: byte {refusal.start} is not. Save it so.") from None
    except json.JSONDecodeError as refusal:
        where = f"line {refusal.lineno}, column {refusal.colno}"
        raise InputError(f"{name} is not JSON: {refusal.msg} at {where}. Mend it there.") from None
    check_values(value, name=name)
    return value


def check_values(value: object, *, name: str) -> None:
    """Refuse what JSON cannot carry, or too much or too deep of it: InputError names the place."""
    count = 0
    stack: list[tuple[object, tuple[object, ...]]] = [(value, ())]
    while stack:
        holder, path = stack.pop()
        if len(path) > MAX_NESTING:
            raise InputError(
                f"{name} is nested deeper than {MAX_NESTING} levels at {_place(path)}. Flatten it."
            )
        if isinstance(holder, (dict, Mapping)):  # a dict first, which is told apart sooner
            items: Iterable[tuple[object, object]] = holder.items()
            _check_keys(holder, path, name)
        elif isinstance(holder, (list, tuple)):
            items = enumerate(holder)
        else:
            _check_scalar(holder, path, name)
            continue
        count += len(holder)
        if count > MAX_VALUES:
            raise InputError(f"{name} holds more than {MAX_VALUES} values. Split it.")
        for key, item in items:
            if isinstance(item, (dict, list, tuple, Mapping)):
                stack.append((item, (*path, key)))
            elif item is not None and not (isinstance(item, str) and item.isascii()):
                _check_scalar(item, (*path, key), name)


def _check_keys(holder: Mapping[Any, object], path: tuple[object, ...], name: str) -> None:
    for key in holder:
        if not isinstance(key, str):
            raise InputError(f"{name}: a key is text; {key!r:.80} stands at {_place(path)}.")
        if not key.isascii():
            _check_text(key, path, name)


def _check_scalar(value: object, path: tuple[object, ...], name: str) -> None:
    if isinstance(value, _Refused):
        raise InputError(f"{name}: {value.reason}. It stands at {_place(path)}.")
    if isinstance(value, str):
        _check_text(value, path, name)
    elif isinstance(value, float):
        if not math.isfinite(value):
            raise InputError(f"{name}: {value} stands at {_place(path)}. A number is finite.")
    elif value is not None and not isinstance(value, (bool, int)):
        raise InputError(f"{name}: {type(value).__name__} at {_place(path)} is nothing that JSON carries.")


def _check_text(text: str, path: tuple[object, ...], name: str) -> None:
    if not text.isascii() and _SURROGATE.search(text):
        raise InputError(f"{name}: half a letter (a lone surrogate) stands at {_place(path)}. Remove it.")


def _place(path: tuple[object, ...]) -> str:
    shown = ".".join(map(str, path[:8])) or "its top"
    return shown[:200].encode("utf-8", "replace").decode() + ("..." if len(path) > 8 else "")


@dataclass(frozen=True)
class _Refused:
    """Stands where something was read that is no honest value, until its place is known."""

    reason: str


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any] | _Refused:
    value = dict(pairs)
    if len(value) != len(pairs):
        seen: set[str] = set()
        twice = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
        return _Refused(
            f"{reprlib.repr(twice)} is there twice in one object; which of them is meant cannot be known"
        )
    return value


def _refused_constant(text: str) -> _Refused:
    return _Refused(f"{text} is no number of JSON; a number is finite")


def _finite(text: str) -> float | _Refused:
    value = float(text)
    if not math.isfinite(value):
        return _Refused(f"{text[:40]} is beyond what a number holds; a number is finite")
    return value


def _short(text: str) -> int | _Refused:
    if len(text.lstrip("-")) > _MAX_DIGITS:
        return _Refused(f"{text[:40]} has {len(text)} digits; a whole number has {_MAX_DIGITS} at most")
    return int(text)


def canonical(value: Any) -> Any:
    """The same JSON value with whole floats as integers: 2.0 and 2 are one number."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, Mapping):
        return {key: canonical(one) for key, one in value.items()}
    return [canonical(one) for one in value] if isinstance(value, (list, tuple)) else value
