"""The one list of models: what each is for, where its doors are, which weights it has. Loads no torch.

A door is text, "module:name", so that reading this list loads nothing; only the doors named here are ever
opened.
"""

import importlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from anyres.core.errors import InputError
from anyres.core.weights import read_header


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


@dataclass(frozen=True)
class NamedWeights:
    """Weights that are at hand: ours, or the user's own."""

    name: str
    model: Model
    path: Path


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
    ),
)


def find_model(name: str) -> Model:
    """The row of that name; InputError lists the names there are."""
    for model in CATALOG:
        if model.name == name:
            return model
    raise InputError(f"There is no model {name!r}; there are: {', '.join(model.name for model in CATALOG)}.")


def find_weights(name: str) -> NamedWeights:
    """The weights of that name, ours or the user's own; InputError lists the names there are."""
    there = {weights.name: weights for weights in every_weights()}
    if name not in there:
        names = ", ".join(there) or "none"
        raise InputError(
            f"There are no weights called {name!r}; there are: {names}. Add a file with "
            "`anyres weights add FILE`."
        )
    return there[name]


def every_weights() -> list[NamedWeights]:
    """All weights at hand: first those that ship, in the order of the list, then the user's own by name."""
    found = []
    for model in CATALOG:
        folder = Path(__file__).parent / model.name / "weights"
        paths = [(name, folder / f"{name}.safetensors") for name in model.weights]
        found += [NamedWeights(name, model, path) for name, path in paths if path.is_file()]
    rows = {model.name: model for model in CATALOG}
    for path in sorted(user_weights_dir().glob("*.safetensors")):
        model_name = read_header(path).model
        if model_name in rows:
            found.append(NamedWeights(path.stem, rows[model_name], path))
    return found


def user_weights_dir() -> Path:
    """The folder of the user's own weights; it need not be there yet."""
    from platformdirs import user_data_path

    return user_data_path("anyres", appauthor=False) / "weights"


def load_door(door: str) -> Any:
    """What a door of a row opens on; only doors of `CATALOG` are opened."""
    doors = {text for model in CATALOG for text in (model.inference, model.recipe, model.protocol)}
    assert door in doors, f"{door} is no door of the catalogue"
    module, _, name = door.partition(":")
    return getattr(importlib.import_module(module), name)
