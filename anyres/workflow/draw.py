"""A graph as a picture: SVG, read in light and in dark, and Mermaid for places that draw it themselves."""

from collections.abc import Sequence
from html import escape
from itertools import pairwise

from anyres.workflow.document import ParameterFrom
from anyres.workflow.graph import Graph, Node, Source
from anyres.workflow.layout import Box, Link, laid_out

LETTER, LINE, PADDING = 7.2, 18.0, 12.0  # pixels: width of a letter at 12 px, height of a line, edge of a box
MAX_LETTERS, MAX_PARAMETERS = 34, 6  # of a line; lines of a box
_STYLE = """
text { font: 12px ui-monospace, "DejaVu Sans Mono", Menlo, Consolas, monospace; fill: #1f2933 }
.title { font-weight: 700 } .dim { fill: #5b6b7b } .box { fill: #ffffff; stroke: #7b8a9a; stroke-width: 1.2 }
.input { fill: #e6f2ec; stroke: #3f8f6b } .output { fill: #fbefdc; stroke: #c08a2d }
.each { stroke: #5a67c9; stroke-width: 2.4 } .wire { fill: none; stroke: #7b8a9a; stroke-width: 1.6 }
.list { stroke: #5a67c9; stroke-width: 3.2 } .paper { fill: #f7f9fb } .port { fill: #7b8a9a }
@media (prefers-color-scheme: dark) {
text { fill: #e6ebf0 } .dim { fill: #a3b1bf } .box { fill: #232b33; stroke: #8b9aa9 }
.input { fill: #1d3329; stroke: #58b38a } .output { fill: #3a2e18; stroke: #d9a648 } .paper { fill: #171c21 }
.each, .list { stroke: #8f9bf0 } .wire { stroke: #8b9aa9 } .list { stroke: #8f9bf0 } .port { fill: #8b9aa9 }
}
""".strip()


def svg(graph: Graph) -> str:
    """The graph as SVG: inputs at the left, outputs at the right, lists drawn thick."""
    texts = _texts(graph)
    boxes = [
        Box(name, _width(lines), PADDING + LINE * len(lines), is_last=name.startswith("outputs."))
        for name, lines in texts.items()
    ]
    wires = _wires(graph)
    links = [Link(start, end, _end_y(texts[end], port)) for start, end, port, _ in wires]
    layout = laid_out(boxes, links)
    width, height = f"{layout.width:g}", f"{layout.height:g}"
    parts = [
        f'<svg xmlns="{_NAMESPACE}" viewBox="0 0 {width} {height}" width="{width}" height="{height}">',
        f"<title>{_xml(graph.document.title or graph.document.name)}</title>",
        f"<style>{_STYLE}</style>",
        '<rect class="paper" width="100%" height="100%" rx="8"/>',
    ]
    for way, (_, _, _, is_list) in zip(layout.ways, wires, strict=True):
        parts.append(_path(way, is_list=is_list))
    for box in boxes:
        left, top = layout.corners[box.id]
        parts += _drawn(box, left, top, texts[box.id], _kind(graph, box.id))
    return "\n".join([*parts, "</svg>"]) + "\n"


def mermaid(graph: Graph) -> str:
    """The graph in Mermaid's language, left to right."""
    texts = _texts(graph)
    names = {name: f"n{index}" for index, name in enumerate(texts)}
    lines = ["flowchart LR"]
    for name, text in texts.items():
        words = "<br/>".join(_mermaid_text(line) for line in text)
        opening, closing = ("([", "])") if _kind(graph, name) in ("input", "output") else ("[", "]")
        lines.append(f'    {names[name]}{opening}"{words}"{closing}')
    for start, end, port, is_list in _wires(graph):
        arrow = "==>" if is_list else "-->"
        lines.append(f"    {names[start]} {arrow}{f'|{port}|' if port else ''} {names[end]}")
    return "\n".join(lines) + "\n"


_NAMESPACE = "http://www.w3.org/2000/svg"


def _texts(graph: Graph) -> dict[str, list[str]]:
    """Lines of each box by its id: inputs, nodes, outputs."""
    texts = {f"inputs.{name}": [name, one.type] for name, one in graph.inputs.items() if not one.is_scalar}
    texts |= {node.id: _node_text(node) for node in graph.nodes.values()}
    return texts | {f"outputs.{name}": [name, _type(graph, source)] for name, source in graph.outputs.items()}


def _node_text(node: Node) -> list[str]:
    lines = [node.id, f"{node.operation.name}@{node.operation.version}"]
    if node.each:
        lines[1] += " · each"
    if len(node.inputs) > 1:
        lines += [f"> {port}" for port in node.inputs]
    parameters = [f"{name} = {_value(value)}" for name, value in node.parameters.items()]
    more = len(parameters) - MAX_PARAMETERS
    lines += parameters[:MAX_PARAMETERS] + ([f"and {more} more"] if more > 0 else [])
    return [_cut(line) for line in lines]


def _value(value: object) -> str:
    if isinstance(value, ParameterFrom):
        return f"inputs.{value.input}"
    return ", ".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)


def _wires(graph: Graph) -> list[tuple[str, str, str, bool]]:
    """Start, end, port ("" where the box has one alone) and whether a list flows, of each wire."""
    wires = []
    for node in graph.nodes.values():
        for port, sources in node.inputs.items():
            label = port if len(node.inputs) > 1 else ""
            wires += [(_begin(one), node.id, label, graph.is_list(one)) for one in sources]
    outputs = graph.outputs.items()
    return wires + [(_begin(one), f"outputs.{name}", "", graph.is_list(one)) for name, one in outputs]


def _type(graph: Graph, source: Source) -> str:
    return f"list[{graph.kind(source)}]" if graph.is_list(source) else graph.kind(source)


def _begin(source: Source) -> str:
    return source.node or f"inputs.{source.port}"


def _kind(graph: Graph, name: str) -> str:
    if name in graph.nodes:
        return "each" if graph.nodes[name].each else ""
    return "input" if name.startswith("inputs.") else "output"


def _width(lines: Sequence[str]) -> float:
    return 2 * PADDING + LETTER * max(len(line) for line in lines)


def _end_y(lines: Sequence[str], port: str) -> float:
    """Where a wire ends below the top of a box: beside its port's line, or in the middle."""
    if not port:
        return (PADDING + LINE * len(lines)) / 2
    return PADDING / 2 + LINE * (lines.index(_cut(f"> {port}")) + 0.5)


def _cut(line: str) -> str:
    return line if len(line) <= MAX_LETTERS else line[: MAX_LETTERS - 1] + "…"


def _path(way: Sequence[tuple[float, float]], *, is_list: bool) -> str:
    text = f"M{way[0][0]:g} {way[0][1]:g}"
    for (x, y), (to_x, to_y) in pairwise(way):
        middle = (x + to_x) / 2
        text += f" C{middle:g} {y:g} {middle:g} {to_y:g} {to_x:g} {to_y:g}"
    return f'<path class="wire{" list" if is_list else ""}" d="{text}"/>'


def _drawn(box: Box, left: float, top: float, lines: Sequence[str], kind: str) -> list[str]:
    place = f'x="{left:g}" y="{top:g}" width="{box.width:g}" height="{box.height:g}"'
    parts = [f'<rect class="{f"box {kind}".strip()}" {place} rx="7"/>']
    for index, line in enumerate(lines):
        y = top + PADDING / 2 + LINE * (index + 0.72)  # 0.72 of a line: where letters stand
        style = "title" if index == 0 else "dim" if index == 1 else "line"
        parts.append(f'<text class="{style}" x="{left + PADDING:g}" y="{y:g}">{_xml(line)}</text>')
    return parts


def _xml(text: str) -> str:
    """Text that XML can carry, escaped; letters that it cannot are left out."""
    return escape("".join(letter for letter in text if letter.isprintable()))


def _mermaid_text(text: str) -> str:
    """Text in quotes of Mermaid: all but plain letters by their numbers."""
    plain = set(" @._-=,()/·…")
    return "".join(one if one.isalnum() or one in plain else f"#{ord(one)};" for one in text)
