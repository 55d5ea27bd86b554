"""Write the server's OpenAPI document where the page's types are made from: `python tools/openapi.py`."""

import json
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from anyres.server.app import make_app

TARGET = Path(__file__).parents[1] / "studio" / "openapi.json"


def document_text() -> str:
    """The document, the same on every machine."""
    with tempfile.TemporaryDirectory() as folder:
        document = make_app(port=8000, folder=Path(folder)).openapi()
    return json.dumps(document, indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    TARGET.write_text(document_text(), encoding="utf-8")
    sys.stdout.write(f"{TARGET}\n")
