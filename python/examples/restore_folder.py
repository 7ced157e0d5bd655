"""Restores a folder of pictures on a Ray cluster.

    python restore_folder.py deblurring.plan photos restored --actors 4 --threads 2

Each actor opens the plan once; actors on one machine share one copy of its weights. The plan and both folders must be
reachable under the same paths from all nodes (a network file system, or copies of the plan).

Every picture is written once: to a temporary file that is then renamed, under a name made of the input's and the digest
of the plan. A job that is started again goes on where it stopped, and a plan with other weights writes other files.
Actors and nodes that die are replaced, and their pictures are restored by others.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import evssm
import numpy as np
import ray
from PIL import Image, ImageOps

SUFFIXES = {".png", ".jpg", ".jpeg"}


def output_path(folder: str, relative: str, digest: str) -> str:
    """Where the picture `relative` goes: its own folder and name, and what it was restored by."""
    path = Path(folder) / relative
    return str(path.with_name(f"{path.name}.{digest[:16]}.png"))


def write_once(picture: np.ndarray, path: str) -> None:
    """Writes a PNG beside its final place and renames it: there is never a part of a file under the final name."""
    folder, name = os.path.split(path)
    os.makedirs(folder, exist_ok=True)
    descriptor, temporary = tempfile.mkstemp(dir=folder, prefix=f".{name}.", suffix=".part")
    try:
        with os.fdopen(descriptor, "wb") as file:
            Image.fromarray(picture).save(file, "png")
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, 0o644)
        os.rename(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise


def remove_parts(paths: list[str]) -> None:
    """Removes what processes that were killed have left of these outputs."""
    wanted = set(paths)
    for folder in {os.path.dirname(path) for path in paths}:
        for part in Path(folder).glob(".*.part"):
            if os.path.join(folder, part.name[1:].rsplit(".", 2)[0]) in wanted:
                part.unlink(missing_ok=True)


class Restorer:
    """An actor: a plan and the threads that run it."""

    def __init__(self, plan: str, source: str, target: str, threads: int) -> None:
        self.plan = evssm.Plan(plan, threads=threads)
        self.digest = self.plan.info.digest
        self.source, self.target = source, target

    def __call__(self, row: dict[str, Any]) -> dict[str, Any]:
        relative = row["path"]
        output = output_path(self.target, relative, self.digest)
        result = {"path": relative, "output": output, "seconds": 0.0, "error": ""}
        if os.path.exists(output):
            return result
        start = time.perf_counter()
        try:
            with Image.open(os.path.join(self.source, relative)) as image:
                pixels = np.asarray(ImageOps.exif_transpose(image).convert("RGB"))
            write_once(self.plan.restore(pixels), output)
        except (evssm.Error, OSError) as error:
            result["error"] = str(error)
        result["seconds"] = time.perf_counter() - start
        return result


def pictures(folder: str) -> list[str]:
    root = Path(folder)
    return sorted(str(path.relative_to(root)) for path in root.rglob("*") if path.suffix.lower() in SUFFIXES)


def restore_folder(
    plan: str, source: str, target: str, *, actors: int, threads: int, report: bool = True
) -> list[dict[str, Any]]:
    """Restores all pictures below `source` that `target` lacks; returns a row a picture, in no order."""
    with evssm.Plan(plan, threads=1) as opened:
        digest = opened.info.digest
    names = pictures(source)
    todo = [name for name in names if not os.path.exists(output_path(target, name, digest))]
    if report:
        print(f"{len(names)} pictures, {len(names) - len(todo)} of them restored before", file=sys.stderr)
    if not todo:
        return []
    rows = ray.data.from_items([{"path": name} for name in todo], override_num_blocks=len(todo)).map(
        Restorer,
        fn_constructor_args=(plan, source, target, threads),
        concurrency=(1, actors),
        num_cpus=threads,
        max_restarts=-1,
        max_task_retries=-1,
    )
    results = []
    for row in rows.iter_rows():
        results.append(row)
        if report:
            print(f"[{len(results)}/{len(todo)}] {row['path']}: {row['error'] or row['output']}", file=sys.stderr)
    remove_parts([output_path(target, name, digest) for name in todo])
    return results


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("plan", help="a plan that evssm compile wrote")
    parser.add_argument("source", help="a folder of PNG and JPEG pictures; folders in it are searched too")
    parser.add_argument("target", help="the folder for the restored pictures")
    parser.add_argument("--actors", type=int, default=2, help="at most this many pictures at once (default 2)")
    parser.add_argument("--threads", type=int, default=1, help="threads a picture (default 1)")
    parser.add_argument("--address", help="of a running cluster; by default one is started on this machine")
    arguments = parser.parse_args()
    ray.init(address=arguments.address, log_to_driver=False)
    plan, source, target = (os.path.abspath(path) for path in (arguments.plan, arguments.source, arguments.target))
    results = restore_folder(plan, source, target, actors=arguments.actors, threads=arguments.threads)
    failed = [row for row in results if row["error"]]
    print(f"{len(results) - len(failed)} restored, {len(failed)} failed", file=sys.stderr)
    return 65 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
