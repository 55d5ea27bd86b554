from pathlib import Path
from typing import Any

import pytest
import torch

from anyres.core.errors import InputError
from anyres.core.weights import write_weights
from tools.ship_weights import refuse_worse


def record(score: float, **more: Any) -> dict[str, Any]:
    return {"validation": {"closeness": score}, "score": "closeness", **more}


@pytest.fixture
def there(tmp_path: Path) -> Path:
    path = tmp_path / "there.safetensors"
    write_weights(path, {"a": torch.zeros(1)}, model="retina", config={}, record=record(0.9, wear=[0]))
    return path


def test_what_scores_no_higher_is_refused_and_what_does_is_not(there: Path, tmp_path: Path) -> None:
    refuse_worse(there, tmp_path, record(0.91, wear=[0]), is_other=False)
    for score in (0.9, 0.5):
        with pytest.raises(InputError, match="Nothing was written"):
            refuse_worse(there, tmp_path, record(score, wear=[0]), is_other=False)


def test_scores_on_other_pairs_are_not_compared(there: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be compared"):
        refuse_worse(there, tmp_path, record(0.99, wear=[0, 3]), is_other=False)
    refuse_worse(there, tmp_path, record(0.1, wear=[0, 3]), is_other=True)


def test_where_nothing_is_there_nothing_is_refused(tmp_path: Path) -> None:
    refuse_worse(tmp_path / "no", tmp_path, record(0.1), is_other=False)
