"""Regenerates proto/gen from proto/vultus: messages, grpc stubs and their type stubs."""

from __future__ import annotations

import shutil
import sys
from importlib import resources
from pathlib import Path

from grpc_tools import protoc

PROTO = Path(__file__).parent.parent / "proto"


def main() -> int:
    """Writes the generated packages; returns protoc's exit status."""
    sources = sorted(str(path.relative_to(PROTO)) for path in PROTO.glob("vultus/**/*.proto"))
    out = PROTO / "gen"
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir()
    well_known = resources.files("grpc_tools") / "_proto"
    status: int = protoc.main(
        [
            "protoc",
            f"-I{PROTO}",
            f"-I{well_known}",
            f"--python_out={out}",
            f"--grpc_python_out={out}",
            f"--mypy_out={out}",
            f"--mypy_grpc_out={out}",
            *sources,
        ]
    )
    for folder in {out / "vultus", *(path.parent for path in out.rglob("*_pb2.py"))}:
        (folder / "__init__.py").touch()
        for parent in folder.relative_to(out).parents:
            if parent != Path():
                (out / parent / "__init__.py").touch()
    return status


if __name__ == "__main__":
    sys.exit(main())
