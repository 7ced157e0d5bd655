"""Lines of Sources that the suite ran, by target and in total, from the JSON that `llvm-cov export` writes.

    coverage.py FILE --minimum PERCENT

Generated code is left out. Exits 1 when the total is below the minimum.
"""

import argparse
import json
import re
import sys
from collections import Counter
from pathlib import Path

SOURCES = Path(__file__).resolve().parents[2] / "Sources"
GENERATED = re.compile(r"/Generated/|\.pb-c\.[ch]$")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=Path)
    parser.add_argument("--minimum", type=float, required=True)
    options = parser.parse_args()
    lines, covered = Counter(), Counter()
    for file in json.loads(options.file.read_text())["data"][0]["files"]:
        path = Path(file["filename"])
        if not path.is_relative_to(SOURCES) or GENERATED.search(file["filename"]):
            continue
        target = "/".join(path.relative_to(SOURCES).parts[:2])
        lines[target] += file["summary"]["lines"]["count"]
        covered[target] += file["summary"]["lines"]["covered"]
    if not lines:
        sys.exit(f"coverage: {options.file} has no file of {SOURCES}")
    for target in sorted(lines):
        share = 100 * covered[target] / max(lines[target], 1)
        print(f"{share:6.1f} %  {covered[target]:6} of {lines[target]:6}  {target}")
    total = 100 * covered.total() / lines.total()
    print(f"{total:6.1f} %  {covered.total():6} of {lines.total():6}  in all; at least {options.minimum:g} % are due")
    sys.exit(0 if total >= options.minimum else 1)


if __name__ == "__main__":
    main()
