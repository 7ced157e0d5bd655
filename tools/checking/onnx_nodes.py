#!/usr/bin/env python3
"""Runs the official node tests of the onnx package and keeps the table of results in docs/onnx.md.

    tools/checks/onnx-nodes [--runner PATH] [--only REGEX] [--write] [--folder PATH]

Installs onnx, numpy and ml_dtypes into a scratch virtual environment, generates the cases there, and runs them in
onnx-conformance, one process for all; a case that ends the process is a crash, and the rest runs in a new one. --write
puts the table between the markers of docs/onnx.md; without it the table there must be the one just made. Exits 1 when a
case crashes, when fewer than 90 % of the cases in scope pass, or when the table differs; the words of the reasons may.
"""

import argparse
import json
import re
import subprocess
import sys
import tempfile
from collections import Counter, defaultdict
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DOCUMENT = ROOT / "docs" / "onnx.md"
BEGIN, END = "<!-- node tests: begin -->", "<!-- node tests: end -->"
REASONS = "What does not pass, and why:"
ONNX = "onnx==1.23.2"


def environment():
    """A Python that has the onnx package."""
    folder = ROOT / ".build" / "onnx-venv"
    python = folder / "bin" / "python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
        subprocess.run([str(python), "-m", "pip", "-q", "install", ONNX, "numpy", "ml_dtypes"], check=True)
    return python


def run(runner, folder, names):
    """Outcomes by name; a process that ends early is started again behind the case that ended it."""
    outcomes, rest = {}, list(names)
    while rest:
        process = subprocess.run([runner, str(folder), *rest], capture_output=True, text=True)
        current = None
        for line in process.stdout.splitlines():
            if line.startswith("run "):
                current = line[4:]
            elif line.startswith("{"):
                outcome = json.loads(line)
                outcomes[outcome["name"]] = outcome
        if process.returncode == 0:
            break
        if current is None or current in outcomes:
            sys.exit(f"onnx-nodes: {runner} failed: {process.stderr.strip()}")
        outcomes[current] = {
            "name": current,
            "status": "crashed",
            "detail": f"exit code {process.returncode}",
            "code": "",
        }
        rest = rest[rest.index(current) + 1 :]
    return outcomes


def outcome(case, outcomes):
    """Status and reason of a case in scope."""
    if "unsupported" in case:
        return "unsupported", case["unsupported"]
    result = outcomes[case["name"]]
    if result["status"] == "error" and result["code"] in (
        "graph.operator",
        "onnx.unsupported-operator",
        "onnx.element-type",
    ):
        return "unsupported", result["detail"]
    status = result["status"] if result["status"] in ("passed", "crashed") else "failed"
    return status, result["detail"]


def table(listed, outcomes):
    """The document's part, and the counts in it."""
    counts, reasons, total = defaultdict(Counter), [], Counter()
    for case in listed["cases"]:
        if "out_of_scope" in case:
            continue
        status, reason = outcome(case, outcomes)
        counts[case["operator"]][status] += 1
        total[status] += 1
        if status != "passed":
            reasons.append((case["name"], status, reason))
    every = sum(total.values())
    outside = Counter(case["out_of_scope"] for case in listed["cases"] if "out_of_scope" in case)
    lines = [
        f"onnx {listed['onnx']}: {every} cases in scope, {total['passed']} passed "
        f"({100 * total['passed'] / max(every, 1):.1f} %), "
        f"{total['failed']} failed, {total['unsupported']} unsupported, "
        f"{total['crashed']} crashed. "
        f"Expanded cases (bodies of functions) count under the operator they stand for. Out of scope: "
        + ", ".join(f"{name} ({count})" for name, count in sorted(outside.items()))
        + ".",
        "",
        "| operator | passed | failed | unsupported |",
        "|---|---|---|---|",
    ]
    for name in sorted(counts):
        count = counts[name]
        lines.append(
            f"| {name} | {count['passed']} | "
            f"{count['failed'] + count['crashed'] or ''} | {count['unsupported'] or ''} |"
        )
    lines += ["", REASONS, ""]
    grouped = defaultdict(list)
    for name, status, reason in reasons:
        grouped[(status, re.sub(r"\s+", " ", reason)[:160])].append(name.removeprefix("test_"))
    for (status, reason), names in sorted(grouped.items()):
        shown = ", ".join(names[:6]) + (f" and {len(names) - 6} more" if len(names) > 6 else "")
        lines.append(f"- {status}: {reason.replace('|', '/')} — {shown}")
    return "\n".join(lines), total, every


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runner", default=str(ROOT / ".build" / "release" / "onnx-conformance"))
    parser.add_argument("--only", default="")
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--folder", type=Path, help="where the cases are kept between runs")
    parser.add_argument("--python", help="a Python that has the onnx package already")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = arguments.folder or Path(scratch)
        if not (folder / "cases.json").exists() or arguments.only:
            subprocess.run(
                [
                    arguments.python or str(environment()),
                    str(Path(__file__).with_name("onnx_node_tests.py")),
                    str(folder),
                    "--only",
                    arguments.only,
                ],
                check=True,
            )
        listed = json.loads((folder / "cases.json").read_text())
        names = [case["name"] for case in listed["cases"] if "out_of_scope" not in case and "unsupported" not in case]
        outcomes = run(arguments.runner, folder, names)
    text, total, every = table(listed, outcomes)
    if arguments.only:
        print(text)
        return
    document = DOCUMENT.read_text() if DOCUMENT.exists() else f"# ONNX\n\n## Node tests\n\n{BEGIN}\n{END}\n"
    head, rest = document.split(BEGIN)
    old, tail = rest.split(END)
    print(text.splitlines()[0])
    failed = total["crashed"] > 0 or total["passed"] < 0.9 * every
    if arguments.write:
        DOCUMENT.write_text(f"{head}{BEGIN}\n{text}\n{END}{tail}")
    elif old.strip().split(REASONS)[0] != text.strip().split(REASONS)[0]:
        print("docs/onnx.md has another table; run tools/checks/onnx-nodes --write")
        failed = True
    sys.exit(1 if failed else 0)


main()
