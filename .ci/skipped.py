"""Fail where a test was skipped that this machine could have run."""

from __future__ import annotations

import sys
import xml.etree.ElementTree as ET
from pathlib import Path


def complaints(report: Path, data: Path) -> list[str]:
    """One line a test that should not have been skipped, from pytest's JUnit file."""
    found = []
    for case in ET.parse(report).iter("testcase"):
        for skip in case.iter("skipped"):
            reason = skip.get("message") or ""
            name = f"{case.get('classname')}.{case.get('name')}"
            if reason.startswith("real data:") and data.is_dir():
                found.append(f"{name} was skipped although {data} is there: {reason}")
            elif "browser" in name or "chromium" in reason.lower():
                found.append(f"{name} is a browser test and was skipped: {reason}")
    return found


if __name__ == "__main__":
    lines = complaints(Path(sys.argv[1]), Path(sys.argv[2]))
    print("\n".join(lines), file=sys.stderr, end="\n" if lines else "")
    sys.exit(1 if lines else 0)
