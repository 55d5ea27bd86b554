"""What a run writes: each output of an item beside its place, under a name that nobody else uses.

The result gets its own name only from the batch, once the journal knows it. A picture carries the record of
what made it; the same record lies beside it as JSON where that is asked for.
"""

import contextlib
import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from anyres.core.errors import AnyresError, InputError, RunError
from anyres.core.files import Limits, output_format, write_image
from anyres.core.formats import FORMATS, Format
from anyres.core.image import Image, Rows
from anyres.core.results import PictureFile, Report
from anyres.core.sizes import SizeHW
from anyres.core.weights import file_sha256
from anyres.workflow import addresses
from anyres.workflow.addresses import Address, Place
from anyres.workflow.items import Item, Result
from anyres.workflow.staging import staged_path

if TYPE_CHECKING:
    from anyres.workflow.graph import Graph, Source
    from anyres.workflow.provenance import Record

REPORT_SUFFIX: Final = ".json"


@dataclass(frozen=True)
class Manner:
    """How the results of a batch are written, and what its inputs may hold."""

    overwrite: bool = False
    strip: bool = False  # leave profile and metadata out
    is_record_beside: bool = False  # the record as JSON beside each result, too
    limits: Limits = field(default_factory=Limits)


@dataclass(frozen=True)
class Target:
    """Where one value of an output goes."""

    output: str
    element: int | None  # its place in an output that is a list
    place: Place


@dataclass(frozen=True)
class Staged:
    """A result that is whole, but has not got its name yet."""

    result: Result
    at: Place
    record_at: Place | None  # of the record that will lie beside it


@dataclass
class Writer:
    """The sink of one item's graph; what it wrote is removed by `discard` unless somebody takes it."""

    graph: "Graph"
    targets: Mapping[tuple[str, int | None], Target]
    manner: Manner
    item_hash: str
    input_sha256: Mapping[str, str | tuple[str, ...]]
    weights_sha256: Mapping[str, Sequence[str]]  # by node
    records: dict[str, "Record"]  # by output, of other items of the same work: theirs differ by inputs alone
    temporary: Path | None  # a folder for what goes to another machine
    staged: list[Staged] = field(default_factory=list)
    notices: list[str] = field(default_factory=list)

    def __call__(self, output: str, element: int | None, value: object) -> Staged:
        """Write one value of an output; what format and content do not allow is an InputError."""
        place = self.targets[output, element].place
        local = place if isinstance(place, Path) else self._temporary() / place.name
        local.parent.mkdir(parents=True, exist_ok=True)
        staged = staged_path(local, self.item_hash)
        record = self._record(output, element)
        try:
            size_hw = self._write(value, staged, local, record)
            result = Result(output, place, file_sha256(staged), staged.stat().st_size, size_hw)
            done = Staged(result, *self._sent(place, staged, record))
        except AnyresError as error:  # nobody but us knows the name under which it was staged
            _remove(staged)
            raise type(error)(str(error).replace(staged.name, local.name)) from error
        except BaseException:
            _remove(staged)
            raise
        self.staged.append(done)
        return done

    def put_record(self, target: Target) -> None:
        """Write the record beside a result that lies there without it."""
        from anyres.workflow.provenance import record_text

        place = record_place(target.place)
        text = record_text(self._record(target.output, target.element)) + "\n"
        local = place if isinstance(place, Path) else self._temporary() / place.name
        staged = staged_path(local, self.item_hash)
        try:
            staged.write_text(text, encoding="utf-8")
            if isinstance(place, Path):
                staged.replace(place)
            else:
                addresses.put(staged, place)
        except OSError as error:
            raise RunError(
                f"{place} could not be written ({error.strerror}). Free some space, or choose another folder."
            ) from error
        finally:
            _remove(staged)

    def discard(self) -> None:
        """Remove all that was written and not taken."""
        for one in self.staged:
            discard(one)
        self.staged.clear()

    def _write(self, value: object, staged: Path, target: Path, record: "Record") -> SizeHW | None:
        if isinstance(value, Image | Rows):
            self._write_picture(value, staged, output_format(target), record)
            return value.size_hw
        if isinstance(value, PictureFile):
            _check_suffix(value, target)
            shutil.copyfile(value.path, staged)
            self.notices.extend(value.notices)
            return value.size_hw
        assert isinstance(value, Report), f"a {type(value).__name__} is no file"
        staged.write_text(json.dumps(value.as_json(), indent=2) + "\n", encoding="utf-8")
        return None

    def _write_picture(self, value: Image | Rows, staged: Path, form: Format, record: "Record") -> None:
        from anyres.workflow.provenance import with_record

        encoding = value.encoding
        if not self.manner.strip:
            encoding, unkept = with_record(encoding, record, form)
            if not self.manner.is_record_beside:
                self.notices.extend(unkept)
        notices = write_image(
            replace(value, encoding=encoding), staged, overwrite=True, strip=self.manner.strip
        )
        self.notices.extend(value.notices + notices)

    def _record(self, output: str, element: int | None) -> "Record":
        from anyres.workflow.provenance import record_of

        if element is None and output in self.records:
            known = self.records[output]
            return replace(known, inputs={name: self.input_sha256[name] for name in known.inputs})
        record = record_of(
            self.graph, self.input_sha256, output, element=element, weights_sha256=self.weights_sha256
        )
        if element is None:
            self.records[output] = record
        return record

    def _sent(self, place: Place, staged: Path, record: "Record") -> tuple[Place, Place | None]:
        """Where the staged file and its record are: here, or beside their place on another machine."""
        beside: Path | None = None
        if self.manner.is_record_beside:
            from anyres.workflow.provenance import beside as place_beside
            from anyres.workflow.provenance import record_text

            beside = place_beside(staged)
            beside.write_text(record_text(record) + "\n", encoding="utf-8")
        if isinstance(place, Path):
            return staged, beside
        try:
            addresses.put(staged, place.with_name(staged.name))
            if beside:
                addresses.put(beside, place.with_name(beside.name))
        finally:
            _remove(staged)
        return place.with_name(staged.name), place.with_name(beside.name) if beside else None

    def _temporary(self) -> Path:
        assert self.temporary is not None
        return self.temporary


def targets_of(graph: "Graph", item: Item, names: Mapping[str, Sequence[str]]) -> tuple[Target, ...]:
    """Where each output goes; the elements of a list into its folder, named as the files that they are of.

    Args:
        graph: Bound.
        item: With the places of its outputs.
        names: Of the files of each input.

    Raises:
        InputError: A name that ends in no format that is written.
    """
    targets: list[Target] = []
    for output, source in graph.outputs.items():
        place = item.outputs[output]
        if not graph.is_list(source):
            targets.append(Target(output, None, place))
            continue
        suffix = _suffix_of(graph, source)
        given = [Path(name).stem + suffix if suffix else name for name in _names_behind(graph, source, names)]
        targets.extend(
            Target(output, element, place / name) for element, name in enumerate(_all_different(given))
        )
    for target in targets:
        if graph.kind(graph.outputs[target.output]) == "Image":
            output_format(target.place.name)  # its own sentence about a suffix that is not written
    return tuple(targets)


def _all_different(names: Sequence[str]) -> list[str]:
    """The names, those given twice with a number that no other has; letters of another case are the same."""
    taken: set[str] = set()
    different = []
    for given in names:
        name, again = given, 1
        while name.casefold() in taken:  # from folders beside one another
            again += 1
            name = f"{Path(given).stem}.{again}{Path(given).suffix}"
        taken.add(name.casefold())
        different.append(name)
    return different


def _suffix_of(graph: "Graph", source: "Source") -> str | None:
    """The suffix of every element of a list; None where each keeps that of its file."""
    kind = graph.kind(source)
    if kind == "Report":
        return REPORT_SUFFIX
    form = getattr(graph.nodes[source.node].checked, "format", None) if source.node else None
    return FORMATS[form].suffixes[0] if kind == "PictureFile" and form in FORMATS else None


def _names_behind(graph: "Graph", source: "Source", names: Mapping[str, Sequence[str]]) -> Sequence[str]:
    """The files' names of the list, among the inputs, that a mapped list comes from."""
    while source.node is not None:
        node = graph.nodes[source.node]
        source = next(one for port in sorted(node.each) for one in node.inputs[port] if graph.is_list(one))
    return names[source.port]


def give_its_name(staged: Staged, *, overwrite: bool) -> None:
    """Move a staged result, and its record, to where they belong.

    Raises:
        InputError: A file came into being there meanwhile, and may not be replaced.
        RunError: The disk, or the other machine, does not take it.
    """
    place = staged.result.place
    if not overwrite and addresses.is_file(place):
        raise InputError(f"{place} came into being meanwhile. Replace it with --overwrite.")
    if staged.record_at is not None:
        _move(staged.record_at, record_place(place))
    _move(staged.at, place)


def record_place(place: Place) -> Place:
    """Where the record beside a result lies."""
    from anyres.workflow.provenance import SUFFIX

    return place.with_name(place.name + SUFFIX)


def discard(staged: Staged) -> None:
    """Remove a staged result that will not get its name."""
    for place in (staged.at, staged.record_at):
        if isinstance(place, Address):
            addresses.remove(place)
        elif place is not None:
            _remove(place)


def _move(source: Place, target: Place) -> None:
    if isinstance(source, Path) and isinstance(target, Path):
        try:
            source.replace(target)
        except OSError as error:
            raise RunError(
                f"{target} could not get its name ({error.strerror}). Choose another folder."
            ) from error
    else:
        assert isinstance(source, Address) and isinstance(target, Address)
        addresses.move(source, target)


def _remove(path: Path) -> None:
    with contextlib.suppress(OSError):
        path.unlink(missing_ok=True)


def _check_suffix(value: PictureFile, target: Path) -> None:
    """InputError where a finished file would get the suffix of another format."""
    if target.suffix.lower() not in FORMATS[value.format].suffixes:
        raise InputError(
            f"{target.name} would hold a file that is {value.format} already. Name it "
            f"{target.stem}{FORMATS[value.format].suffixes[0]}."
        )
