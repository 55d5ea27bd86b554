"""Draw the example workflows into docs/workflows, with a page: `python tools/workflow_pages.py`.

A test fails when what is there is not what this writes.
"""

from pathlib import Path

from anyres.workflow.declarations import InputDeclaration
from anyres.workflow.document import Document
from anyres.workflow.draw import svg
from anyres.workflow.finding import example_names, find_workflow
from anyres.workflow.graph import resolve

FOLDER = Path(__file__).resolve().parent.parent / "docs" / "workflows"
HEAD = """# Example workflows

Each one comes with anyres: `anyres workflow run NAME --input photo=x.jpg -o out/` runs it, and
`anyres workflow new mine --from NAME` begins your own with it. The drawings are made from the documents in
`anyres/workflow/examples` by `python tools/workflow_pages.py`; thick blue wires carry lists.
"""


def pages() -> dict[str, str]:
    """Text of each file of the folder, by its name."""
    documents = {name: find_workflow(name) for name in example_names()}
    files = {f"{name}.svg": svg(resolve(document)) for name, document in documents.items()}
    return files | {"README.md": HEAD + "".join(_section(document) for document in documents.values())}


def main() -> None:
    """Write the files."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, text in pages().items():
        (FOLDER / name).write_text(text, encoding="utf-8")


def _section(document: Document) -> str:
    rows = "".join(_row(name, declaration) for name, declaration in document.inputs.items())
    return (
        f"\n## {document.title}\n\n`{document.name}`: {document.description}\n\n"
        f"![{document.title}]({document.name}.svg)\n\n"
        f"| input | type | default | |\n|---|---|---|---|\n{rows}"
    )


def _row(name: str, declaration: InputDeclaration) -> str:
    default = "" if declaration.default is None else declaration.default
    return f"| `{name}` | {declaration.type} | {default} | {declaration.description} |\n"


if __name__ == "__main__":
    main()
