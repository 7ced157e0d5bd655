"""No target of the package imports a module of the package that it does not declare, nor declares one that none of its
files imports.

    python3 tools/checking/imports.py

Reads `swift package describe`: nothing is built.
"""

import json
import re
import subprocess
import sys
from pathlib import Path

IMPORT = re.compile(
    r"^\s*(?:@\w+(?:\([^)]*\))?\s+)*(?:(?:public|package|internal|private|fileprivate)\s+)?"
    r"import\s+(?:(?:struct|enum|class|func|typealias|protocol|let|var)\s+)?(\w+)",
    re.MULTILINE,
)


def module(name):
    return name.replace("-", "_")


def imported(target):
    files = Path(target["path"]).rglob("*.swift")
    return {name for file in files for name in IMPORT.findall(file.read_text(encoding="utf-8"))}


def complaints(targets):
    own = {module(target["name"]) for target in targets}
    for target in sorted(targets, key=lambda target: target["name"]):
        if target["module_type"] != "SwiftTarget":
            continue
        found = (imported(target) & own) - {module(target["name"])}
        declared = {module(name) for name in target.get("target_dependencies", [])}
        for name in sorted(found - declared):
            yield f"{target['name']} imports {name} and does not declare it in Package.swift"
        # A target of C without a Swift interface is linked, not imported.
        for name in sorted(declared - found - {"CAllocationCounter", "CProtobufC"}):
            yield f"{target['name']} declares {name} in Package.swift, and none of its files imports it"


def main():
    text = subprocess.run(
        ["swift", "package", "describe", "--type", "json"], check=True, capture_output=True, text=True
    ).stdout
    found = list(complaints(json.loads(text)["targets"]))
    print("\n".join(found), end="\n" if found else "")
    sys.exit(1 if found else 0)


main()
