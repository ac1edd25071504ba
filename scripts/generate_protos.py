"""Regenerates proto/gen from proto/vultus; with --check, fails when what is committed differs."""

from __future__ import annotations

import filecmp
import shutil
import sys
import tempfile
from importlib import resources
from pathlib import Path

from grpc_tools import protoc

PROTO = Path(__file__).parent.parent / "proto"
GENERATED = PROTO / "gen"


def generate(out: Path) -> None:
    """Writes messages, stubs and their types below `out`; raises SystemExit on a faulty proto."""
    sources = sorted(str(path.relative_to(PROTO)) for path in PROTO.glob("vultus/**/*.proto"))
    well_known = resources.files("grpc_tools") / "_proto"
    plugins = ("python", "grpc_python", "mypy", "mypy_grpc")
    outputs = [f"--{plugin}_out={'quiet:' if 'mypy' in plugin else ''}{out}" for plugin in plugins]
    # Named by path: protoc would look for them in PATH, and nobody has to activate the environment.
    named = [
        f"--plugin=protoc-gen-{plugin}={Path(sys.executable).with_name(f'protoc-gen-{plugin}')}"
        for plugin in ("mypy", "mypy_grpc")
    ]
    status = protoc.main(["protoc", f"-I{PROTO}", f"-I{well_known}", *named, *outputs, *sources])
    if status:
        raise SystemExit(status)
    for module in list(out.rglob("*_pb2.py")):
        for folder in module.relative_to(out).parents:
            if folder != Path():
                (out / folder / "__init__.py").touch()


def differences(left: Path, right: Path) -> list[str]:
    """Relative paths of the files that are not the same in both trees, bytecode left out."""
    names = {
        path.relative_to(tree)
        for tree in (left, right)
        for path in tree.rglob("*.py*")
        if "__pycache__" not in path.parts
    }
    _, changed, missing = filecmp.cmpfiles(left, right, [str(n) for n in names], shallow=False)
    return sorted([*changed, *missing])


def main() -> int:
    """Regenerates, or checks; returns the exit status."""
    if "--check" not in sys.argv[1:]:
        shutil.rmtree(GENERATED, ignore_errors=True)
        GENERATED.mkdir()
        generate(GENERATED)
        return 0
    with tempfile.TemporaryDirectory() as folder:
        generate(Path(folder))
        stale = differences(Path(folder), GENERATED)
    for name in stale:
        sys.stderr.write(f"proto/gen/{name} is not what the protos make: run `make proto`\n")
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main())
