"""Average the best weights of several runs of one network.

    python tools/average_weights.py RUN RUN ... --data PHOTOGRAPHS --run NEW

Runs that went on from the same weights lie close together, and their mean is often better than each. The mean
is validated as its first run was, and R becomes a run folder that `ship_weights.py` takes.
"""

import argparse
import json
import sys
from functools import partial
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).parents[1]))

from anyres.core.errors import InputError
from anyres.core.machine import source_commit
from anyres.core.weights import file_sha256, parse_config, read_header, read_tensors, write_weights
from anyres.models.liif.architecture import Liif, LiifConfig
from anyres.models.liif.raster import enlarge
from anyres.models.liif.validation import kept_for_validation, load_validation, score


def main() -> None:
    """Read the command line, average, validate, write, and say the figures."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("runs", type=Path, nargs="+", help="run folders of one network")
    parser.add_argument("--data", type=Path, required=True, help="photographs that they were validated on")
    parser.add_argument("--run", type=Path, required=True, help="the new folder")
    arguments = parser.parse_args()
    paths = [run / "best.safetensors" for run in arguments.runs]
    headers = [read_header(path) for path in paths]
    if any(header.config != headers[0].config for header in headers):
        raise InputError("These runs are of different networks; only one network's weights can be averaged.")
    every = [read_tensors(path)[0] for path in paths]
    mean = {name: torch.stack([one[name].float() for one in every]).mean(0) for name in every[0]}
    network = Liif(parse_config(LiifConfig, headers[0].config))
    network.load_state_dict(mean)
    network.eval().requires_grad_(False)
    with torch.inference_mode():
        kept = kept_for_validation(arguments.data)
        figures = score(partial(enlarge, network), load_validation(arguments.data, kept))
    sources = [
        json.loads((run / "run.json").read_text(encoding="utf-8"))
        | {"step": header.record["step"], "sha256": file_sha256(path)}
        for run, header, path in zip(arguments.runs, headers, paths, strict=True)
    ]
    arguments.run.mkdir(parents=True)
    (arguments.run / "run.json").write_text(
        json.dumps({"recipe": "average", "commit": source_commit(), "settings": sources}, indent=1),
        encoding="utf-8",
    )
    record = {**headers[0].record, "validation": figures}
    target = arguments.run / "best.safetensors"
    write_weights(target, mean, model=headers[0].model, config=dict(headers[0].config), record=record)
    sys.stdout.write(f"{target}: {figures}\n")


if __name__ == "__main__":
    main()
