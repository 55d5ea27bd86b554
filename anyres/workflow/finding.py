"""Workflows by name: embedded in a document, among the examples, or in the user's own folder."""

import functools
import os
from pathlib import Path

from anyres.core.errors import InputError
from anyres.workflow.document import Document, Scope, read_document
from anyres.workflow.names import name_given, parsed_reference, parsed_version, runs_here

FOLDER_VARIABLE = "ANYRES_WORKFLOWS"
MAX_DEPTH = 8  # of workflows in workflows
_EXAMPLES = Path(__file__).parent / "examples"


def workflow_folder() -> Path:
    """The folder of the user's own workflows, NAME.json each; it need not be there yet."""
    from platformdirs import user_data_path

    named = os.environ.get(FOLDER_VARIABLE)
    return Path(named) if named else user_data_path("anyres", appauthor=False) / "workflows"


def example_names() -> tuple[str, ...]:
    """Names of the workflows that come with anyres."""
    return tuple(sorted(path.stem for path in _EXAMPLES.glob("*.json")))


def workflow_paths() -> dict[str, Path]:
    """Files of all workflows by name: the examples, then the user's own; an example's name is taken."""
    folders = (_EXAMPLES, workflow_folder())
    files = (path for folder in reversed(folders) for path in sorted(folder.glob("*.json")))
    return {path.stem: path for path in files}


def find_workflow(name: str) -> Document:
    """The workflow of that name.

    Raises InputError if there is none (it lists the names there are), or if its file is no workflow.
    """
    for folder in (_EXAMPLES, workflow_folder()):
        path = folder / f"{name_given(name)}.json"
        if path.is_file():
            found = path.stat()
            return _read(path, found.st_mtime_ns, found.st_size)
    raise InputError(
        f"There is no workflow {name!r}; there are: {', '.join(sorted(workflow_paths()))}. "
        f"Put yours into {workflow_folder()} as {name}.json."
    )


def found_workflow(
    node: str, reference: str, scope: Scope, trail: tuple[Document, ...]
) -> tuple[Document, Scope]:
    """The workflow name@version that a node names, and what the names in it may mean.

    Args:
        node: Its id, for errors.
        reference: The name@version.
        scope: What names may mean at the node, innermost first; then the examples and the user's folder.
        trail: The documents around the node, the innermost last.

    Raises:
        InputError: If it is not here, not of that version, holds itself, or is nested too deep.
    """
    name, asked = parsed_reference(reference)
    for index, embedded in enumerate(scope):
        if name in embedded:
            document, around = embedded[name], scope[index:]
            break
    else:
        try:
            document, around = find_workflow(name), ()
        except InputError as refusal:
            raise InputError(f"Node {node}: {refusal}") from None
    if not runs_here(asked, parsed_version(document.version)):
        raise InputError(
            f"Node {node}: the workflow {reference} is not here; {name}@{document.version} is. Name that."
        )
    if any(document is one for one in trail):
        circle = " in ".join(one.name for one in (document, *reversed(trail)))
        raise InputError(f"Node {node}: the workflow {name} holds itself ({circle}). Break the circle.")
    if len(trail) > MAX_DEPTH:
        raise InputError(f"Node {node}: workflows are nested deeper than {MAX_DEPTH}. Flatten some.")
    return document, (document.workflows, *around)


@functools.lru_cache(maxsize=64)
def _read(path: Path, _mtime_ns: int, _size: int) -> Document:
    """A file's workflow, the same object for as long as the file is the same."""
    return read_document(path)
