"""A small plan, compiled by the tool that EVSSM_TOOL names."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

FIXTURES = Path(__file__).resolve().parents[2] / "Tests" / "Fixtures" / "goldens"


@pytest.fixture(scope="session")
def tool() -> str:
    found = os.environ.get("EVSSM_TOOL") or shutil.which("evssm")
    if not found:
        pytest.fail("Set EVSSM_TOOL to the evssm command-line tool.")
    return found


@pytest.fixture(scope="session")
def plan_path(tool: str, tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("plans") / "small.plan"
    subprocess.run(
        [tool, "compile", str(FIXTURES / "weights-16-2.2.2-3-1.pth"), "-o", str(path)], check=True, capture_output=True
    )
    return str(path)
