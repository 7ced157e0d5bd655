"""Links of every Markdown file of the project: files and headings exist; so do the `tools/…` that they name."""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
NAMED = re.compile(r"(?<![\w./-])((?:tools|docs|deploy|schemas|examples|models)/[\w./-]*\w)")


def anchor(heading):
    """The name that a heading is linked by."""
    return re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")


def anchors(path):
    return {anchor(line.lstrip("#")) for line in path.read_text().splitlines() if line.startswith("#")}


def complaints(path):
    text = path.read_text()
    for target in LINK.findall(text):
        if re.match(r"[a-z]+:", target):
            continue
        file, _, heading = target.partition("#")
        found = (path.parent / file).resolve() if file else path
        if not found.exists():
            yield f"{target} does not exist"
        elif heading and found.suffix == ".md" and heading not in anchors(found):
            yield f"{target}: there is no such heading"
    for name in sorted(set(NAMED.findall(text))):
        # A path that a command makes, such as models/shake.pth's plan, is none of the project's.
        if name.startswith(("tools/", "docs/", "schemas/")) and not (ROOT / name).exists():
            yield f"{name} does not exist"


def main():
    names = subprocess.run(
        ["git", "ls-files", "*.md"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.split()
    found = [f"{name}: {complaint}" for name in names for complaint in complaints(ROOT / name)]
    print("\n".join(found) or f"{len(names)} documents")
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
