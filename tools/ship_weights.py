"""Put the best weights of a run into the package: `python tools/ship_weights.py RUN NAME --licence L`.

Half precision. RUN is a run folder; NAME the file's name in the model's weights folder. The run's commit,
settings and validation figures go into the file's record, so that a file says where it came from. Refuses to
ship a file that scores lower than the one it replaces.
"""

import argparse
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from anyres.core.errors import InputError
from anyres.core.weights import read_header, read_tensors, write_weights
from anyres.models.catalog import find_model


def main() -> None:
    """Read the command line, convert, and say what was written."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("run", type=Path)
    parser.add_argument("name")
    parser.add_argument("--licence", required=True, help="of the weights, and what they were trained on")
    parser.add_argument(
        "--other-validation", action="store_true", help="replace weights that were validated on other pairs"
    )
    arguments = parser.parse_args()
    source = arguments.run / "best.safetensors"
    header = read_header(source)
    model = find_model(header.model)
    target = (
        Path(__file__).parents[1]
        / "anyres"
        / "models"
        / model.name
        / "weights"
        / f"{arguments.name}.safetensors"
    )
    refuse_worse(target, source, header.record, is_other=arguments.other_validation)
    run = json.loads((arguments.run / "run.json").read_text(encoding="utf-8"))
    kept = ("recipe", "seed", "settings", "schedule", "commit", "warm_start")
    record = {
        **header.record,
        "licence": arguments.licence,
        "run": {name: run[name] for name in kept if name in run},
    }
    tensors = {name: tensor.to(torch.float16) for name, tensor in read_tensors(source)[0].items()}
    config = dict(header.config)
    write_weights(target, tensors, model=header.model, config=config, record=record)
    sys.stdout.write(f"{target}: {target.stat().st_size / 1e6:.2f} MB, validation {score_of(record):.3f}\n")


def refuse_worse(target: Path, source: Path, record: Mapping[str, Any], *, is_other: bool) -> None:
    """InputError where what is there scored as high, or on other pairs and nobody allows that."""
    if not target.exists():
        return
    other = read_header(target).record
    if other.get("wear") != record.get("wear"):
        if not is_other:
            raise InputError(
                f"{target} and {source} were validated on other pairs: their scores cannot be compared. "
                "Evaluate both, and name --other-validation if the new one is better. Nothing was written."
            )
        return
    before, score = score_of(other), score_of(record)
    if before >= score:
        raise InputError(
            f"{target} scores {before:.3f} on validation, {source} only {score:.3f}. Nothing was written."
        )


def score_of(record: Mapping[str, Any]) -> float:
    """The figure of validation that the weights were chosen by; older files do not name it: the mean."""
    return float(record["validation"][record.get("score", "mean")])


if __name__ == "__main__":
    main()
