"""What requests and answers look like; the OpenAPI document is made of these."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from anyres.server.limits import ServerLimits
from anyres.server.planning import Asked
from anyres.server.vault import Status, StoredFile, StoredRun
from anyres.workflow.preflight import Forecast

Id = Annotated[str, StringConstraints(pattern="^[0-9a-f]{32}$")]
Ids = Annotated[list[Id], Field(min_length=1, max_length=500)]
Name = Annotated[str, StringConstraints(min_length=1, max_length=100)]
Parameters = Annotated[dict[Name, Any], Field(max_length=500)]
Kind = Literal["input", "weights", "limit", "run", "not_there", "not_now", "refused"]


class Problem(BaseModel):
    """Why a request was not done; the message is meant for people."""

    kind: Kind
    message: str
    exit_code: int = Field(description="What the command line would leave with.")


class FileEntry(BaseModel):
    """A picture or report that the server keeps."""

    id: Id
    name: str
    media_type: str
    sha256: str
    bytes: int
    width: int | None
    height: int | None
    levels: int | None = Field(description="Last level of its tiles: the one with its own pixels.")
    created: float = Field(description="Seconds since 1970, UTC.")
    run_id: Id | None
    output: str | None

    @classmethod
    def of(cls, stored: StoredFile) -> "FileEntry":
        """A file as the vault has it."""
        from anyres.server.tiling import levels_of

        values = {name: value for name, value in vars(stored).items() if name not in ("place", "size_hw")}
        height, width = stored.size_hw or (None, None)
        levels = None if stored.size_hw is None else levels_of(stored.size_hw)
        return cls(**values, width=width, height=height, levels=levels)


class RunRequest(BaseModel):
    """A workflow on pictures: by the name of one that is here, or as a document."""

    model_config = ConfigDict(extra="forbid")

    workflow: Name | None = None
    document: Annotated[dict[str, Any], Field(description="A workflow's document.")] | None = None
    inputs: Annotated[dict[Name, Id | Ids], Field(max_length=500)]
    parameters: Parameters = Field(default_factory=dict)

    def asked(self) -> Asked:
        """The same, for planning."""
        return Asked(dict(self.inputs), dict(self.parameters), workflow=self.workflow, document=self.document)


class RunEntry(BaseModel):
    """A run, waiting, in work or ended."""

    id: Id
    title: str
    status: Status
    fraction: float
    created: float
    begun: float | None
    ended: float | None
    reason: str | None
    exit_code: int | None
    notices: list[str]
    operation: str | None
    document: dict[str, Any] | None
    inputs: dict[str, Id | list[Id]]
    parameters: dict[str, Any]
    results: list[FileEntry]

    @classmethod
    def of(cls, run: StoredRun, results: list[StoredFile]) -> "RunEntry":
        """A run as the vault has it."""
        own = {
            name: value for name, value in vars(run).items() if name not in ("asked", "notices", "attempts")
        }
        asked = {name: run.asked[name] for name in ("operation", "document", "inputs", "parameters")}
        entries = [FileEntry.of(one) for one in results]
        return cls(**own, **asked, notices=list(run.notices), results=entries)


class NodeEntry(BaseModel):
    """What one node of a workflow will need."""

    node: str
    operation: str
    sizes: list[tuple[int, int]] = Field(description="Width and height of each result.")
    memory_megabytes: float
    seconds: float | None = Field(description="None where nothing like it has run on this machine.")


class ForecastEntry(BaseModel):
    """What a run will need, said before it runs."""

    nodes: list[NodeEntry]
    megapixels: float
    memory_megabytes: float
    disk_megabytes: float
    seconds: float | None
    refusals: list[str] = Field(description="Why parts of it cannot be made.")

    @classmethod
    def of(cls, found: Forecast, refusals: list[str]) -> "ForecastEntry":
        """What preflight found."""
        nodes = [
            NodeEntry(
                node=one.id,
                operation=one.operation,
                sizes=[(width, height) for height, width in one.sizes_hw],
                memory_megabytes=one.memory_mb,
                seconds=one.time_s,
            )
            for one in found.nodes
        ]
        return cls(
            nodes=nodes,
            megapixels=sum(one.megapixels for one in found.nodes[-1:]),
            memory_megabytes=found.memory_mb,
            disk_megabytes=found.disk_mb,
            seconds=found.time_s,
            refusals=refusals,
        )


class OperationEntry(BaseModel):
    """An operation, as it is declared."""

    name: str
    version: str
    summary: str
    description: str
    ports: dict[str, str]
    parameters: dict[str, Any] = Field(description="JSON Schema.")
    output: str


class WorkflowEntry(BaseModel):
    """A workflow that is here by name."""

    name: str
    title: str
    document: dict[str, Any]


class Question(BaseModel):
    """A question, and what it may be answered from."""

    model_config = ConfigDict(extra="forbid")

    question: Annotated[str, StringConstraints(max_length=20_000)] | None = None
    brief: Annotated[str, StringConstraints(max_length=400_000)] | None = Field(
        default=None, description="Recommended models and related papers, as text or JSON."
    )
    language: Literal["en", "ko"] | None = None


class SpanEntry(BaseModel):
    """Words of a source."""

    source: str
    field: str
    start: int
    end: int
    words: str


class SentenceEntry(BaseModel):
    """A sentence of an answer, with what it rests on."""

    part: Literal[1, 2, 3]
    text: str
    about: str | None
    label: str | None
    spans: list[SpanEntry]


class AdviceEntry(BaseModel):
    """An answer in three parts; every sentence names its sources."""

    question: str
    language: Literal["en", "ko"]
    outcome: str
    task: str
    sentences: list[SentenceEntry]
    names: dict[str, str] = Field(description="Of each source.")
    links: dict[str, list[str]] = Field(description="Of each source, as it gave them.")
    steps: list[dict[str, Any]] = Field(description="The workflow: what each step takes, who does it.")
    document: dict[str, Any] | None = Field(description="What can run here; None where nothing can.")
    notices: list[str]


class ContinuousEntry(BaseModel):
    """Features that are at hand for tiles beyond a picture's pixels."""

    weights: str
    width: int
    height: int
    highest_power: int = Field(description="Tiles are enlarged by 2 to the power of 1 to this.")
    trained_scales: tuple[float, float] = Field(description="Beyond them the network was not trained.")


class AboutEntry(BaseModel):
    """What runs here."""

    name: str
    version: str
    limits: ServerLimits
    weights: list[str] = Field(description="That enlarge; the first is the default.")
    is_page_built: bool
