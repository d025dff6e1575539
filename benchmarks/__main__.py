"""`python -m benchmarks [NAME...] [--large]`: measure, and write docs/benchmarks.md."""

from __future__ import annotations

import argparse
import importlib
import os
import pkgutil
import tempfile
import time
from pathlib import Path
from types import ModuleType

import benchmarks
from benchmarks import report


def found() -> dict[str, ModuleType]:
    """Every benchmark by its name, in alphabetical order."""
    modules = [
        importlib.import_module(f"benchmarks.{info.name}")
        for info in pkgutil.iter_modules(benchmarks.__path__)
        if info.name != "__main__"
    ]
    return {m.NAME: m for m in sorted(modules, key=lambda m: m.__name__) if hasattr(m, "NAME")}


def main() -> None:
    """Run the benchmarks that are named, all where none is; write each section as it is done."""
    known = found()
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(known))
    parser.add_argument("--large", action="store_true", help="measure more, which takes longer")
    parser.add_argument("--out", type=Path, default=benchmarks.ROOT / "docs" / "benchmarks.md")
    asked = parser.parse_args()
    wrong = [name for name in asked.names if name not in known]
    if wrong:
        parser.error(f"got {wrong[0]}, allowed is one of {', '.join(known)}")
    # Compiled code is kept apart from the stores that come and go, or each would compile anew.
    cache = Path(tempfile.gettempdir()) / "facette-numba"
    os.environ.setdefault("NUMBA_CACHE_DIR", str(cache))
    for name in asked.names or known:
        start = time.monotonic()
        print(f"{name} ...", flush=True)
        tables = known[name].measure(asked.large)
        if tables:
            report.write_section(asked.out, name, known[name].TITLE, tables)
        took = f"{time.monotonic() - start:.0f} s"
        print(f"{name}: {took}" if tables else f"{name}: needs --large or real data", flush=True)
        for table in tables:
            print("\n" + table.markdown(), flush=True)


if __name__ == "__main__":
    main()
