"""The one list of models: what each is for, where its doors are, which weights it has. Loads no torch.

A door is text, "module:name", so that reading this list loads nothing; only the doors named here are ever
opened.
"""

import importlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from anyres.core.errors import InputError, WeightsError
from anyres.core.weights import read_header


@dataclass(frozen=True)
class PublishedWeights:
    """A checkpoint that others published and that a model's converter reads."""

    name: str  # as `anyres weights get` knows it
    file: str  # its own name
    sha256: str  # of the file; only the first digits where no more is known
    address: str  # https, of the file itself
    page: str  # where the authors link to it
    licence: str
    size_bytes: int | None = None  # of the file, where it is known


@dataclass(frozen=True)
class Model:
    """A row: a method of a paper, as this package carries it."""

    name: str  # of its folder here
    id: str  # in catalogues of methods
    task: str  # what it does, in words
    inference: str  # door: a class with `load`
    recipe: str  # door of training
    protocol: str  # door of evaluation
    weights: tuple[str, ...]  # names of those that ship; the first is the default
    licence: str
    paper: str
    code: str  # the authors' own
    converter: str  # door: makes `ConvertedWeights` of a foreign checkpoint, or raises WeightsError
    published: tuple[PublishedWeights, ...] = ()  # by others, and not in this package


@dataclass(frozen=True)
class NamedWeights:
    """Weights that are at hand: ours, or the user's own."""

    name: str
    model: Model
    path: Path


_YINBO_CHEN = "code BSD-3-Clause (Yinbo Chen); no separate licence for the weights stated"
_OPENMMLAB = "code Apache-2.0 (OpenMMLab); no separate licence for the weights stated"
_MMAGIC_FOLDER = "https://download.openmmlab.com/mmediting/restorers/liif"
_MMAGIC_PAGE = "https://github.com/open-mmlab/mmagic/tree/main/configs/liif"

CATALOG = (
    Model(
        name="liif",
        id="SISR-Any-LIIF-RDN",
        task="enlarge a picture to any size",
        inference="anyres.models.liif.inference:Upscaler",
        recipe="anyres.models.liif.training:recipes",
        protocol="anyres.models.liif.evaluation:evaluate",
        weights=("liif-compact", "liif-rdn"),
        licence="Apache-2.0",
        paper="https://arxiv.org/abs/2012.09161",
        code="https://github.com/yinboc/liif",
        converter="anyres.models.liif.checkpoints:convert",
        published=(
            PublishedWeights(
                name="edsr-baseline-liif",
                file="edsr-baseline-liif.pth",
                sha256="1cf77e16f33ee17bd04049f497eaea1e06f25585dbb1919e4c7cd1d9d4d23d57",
                address="https://www.dropbox.com/s/6f402wcn4v83w2v/edsr-baseline-liif.pth?dl=1",
                page="https://github.com/yinboc/liif",
                licence=_YINBO_CHEN,
                size_bytes=18_890_445,
            ),
            PublishedWeights(
                name="rdn-liif",
                file="rdn-liif.pth",
                sha256="7bf835bc969b85ead12ef3bd8e4bca7349777ae1fdbea6021f1b62608f4a323a",
                address="https://www.dropbox.com/s/mzha6ll9kb9bwy0/rdn-liif.pth?dl=1",
                page="https://github.com/yinboc/liif",
                licence=_YINBO_CHEN,
                size_bytes=268_184_311,
            ),
            PublishedWeights(
                name="edsr-liif-mmagic",
                file="liif_edsr_norm_c64b16_g1_1000k_div2k_20210715-ab7ce3fc.pth",
                sha256="ab7ce3fc",  # OpenMMLab's habit: a file's name ends in its first 8 digits
                address=f"{_MMAGIC_FOLDER}/liif_edsr_norm_c64b16_g1_1000k_div2k_20210715-ab7ce3fc.pth",
                page=_MMAGIC_PAGE,
                licence=_OPENMMLAB,
            ),
            PublishedWeights(
                name="rdn-liif-mmagic",
                file="liif_rdn_norm_c64b16_g1_1000k_div2k_20210717-22d6fdc8.pth",
                sha256="22d6fdc8",
                address=f"{_MMAGIC_FOLDER}/liif_rdn_norm_c64b16_g1_1000k_div2k_20210717-22d6fdc8.pth",
                page=_MMAGIC_PAGE,
                licence=_OPENMMLAB,
            ),
        ),
    ),
    Model(
        name="retina",
        id="MeDAL-Retina",
        task="lay one photograph of a retina on another",
        inference="anyres.models.retina.inference:Registrar",
        recipe="anyres.models.retina.training:recipes",
        protocol="anyres.models.retina.evaluation:evaluate",
        weights=("retina-compact",),
        licence="Apache-2.0",
        paper="https://arxiv.org/abs/2307.10698",
        code="https://github.com/SaharAlmahfouzNasser/MeDAL-Retina",
        converter="anyres.models.retina.checkpoints:convert",
    ),
)


def find_model(name: str) -> Model:
    """The row of that name; InputError lists the names there are."""
    for model in CATALOG:
        if model.name == name:
            return model
    raise InputError(f"There is no model {name!r}; there are: {', '.join(model.name for model in CATALOG)}.")


def find_weights(name: str) -> NamedWeights:
    """The weights of that name, ours or the user's own.

    Raises:
        InputError: if there are none of that name; it lists the names there are.
        WeightsError: if their file is damaged, or of a model that is not in the list.
    """
    paths = weights_paths()
    if name not in paths:
        raise InputError(
            f"There are no weights called {name!r}; there are: {', '.join(paths) or 'none'}. Add a file with "
            "`anyres weights add FILE`."
        )
    model = read_header(paths[name]).model
    for row in CATALOG:
        if row.name == model:
            return NamedWeights(name, row, paths[name])
    raise WeightsError(
        f"{paths[name]} holds weights of {model!r}, which is no model of this version of anyres. "
        "Update anyres, or remove them with `anyres weights remove`."
    )


def weights_paths() -> dict[str, Path]:
    """Files of all weights at hand by name: those that ship, then the user's own."""
    paths: dict[str, Path] = {}
    for model in CATALOG:
        folder = Path(__file__).parent / model.name / "weights"
        paths |= {name: folder / f"{name}.safetensors" for name in model.weights}
    paths = {name: path for name, path in paths.items() if path.is_file()}
    for path in sorted(user_weights_dir().glob("*.safetensors")):
        paths.setdefault(path.stem, path)
    return paths


def user_weights_dir() -> Path:
    """The folder of the user's own weights; it need not be there yet."""
    from platformdirs import user_data_path

    return user_data_path("anyres", appauthor=False) / "weights"


def load_door(door: str) -> Any:
    """What a door of a row opens on; only doors of `CATALOG` are opened."""
    doors = {text for row in CATALOG for text in (row.inference, row.recipe, row.protocol, row.converter)}
    assert door in doors, f"{door} is no door of the catalogue"
    module, _, name = door.partition(":")
    return getattr(importlib.import_module(module), name)
