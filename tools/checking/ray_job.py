"""A folder of pictures on a local cluster of two nodes, one actor and one node killed on the way; see tools/checks/ray.

    check_ray.py PLAN [--pictures N] [--size WxH] [--overhead]

Every output must be there once, equal to a direct run, with nothing left over. --overhead measures the cluster against
a loop over the same pictures without one, after a warm-up, without killing anything.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy as np
import ray
from PIL import Image
from ray.cluster_utils import Cluster

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "python" / "examples"))
os.environ["PYTHONPATH"] = os.pathsep.join([sys.path[0], os.environ.get("PYTHONPATH", "")])

import evssm  # noqa: E402
from restore_folder import Restorer, output_path, restore_folder  # noqa: E402


def make_pictures(folder: Path, count: int, width: int, height: int) -> None:
    generator = np.random.default_rng(7)
    for index in range(count):
        place = folder / f"set{index % 3}"
        place.mkdir(parents=True, exist_ok=True)
        Image.fromarray(generator.integers(0, 256, (height, width, 3), dtype=np.uint8)).save(place / f"{index:04}.png")


def kill_an_actor(after: int, target: Path) -> None:
    """Waits until some outputs are there, then kills a process that runs an actor."""
    wait_for(after, target)
    for state in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if b"Restorer" in state.read_bytes():
                os.kill(int(state.parent.name), 9)
                print(f"killed actor {state.parent.name}", flush=True)
                return
        except (OSError, ValueError):
            continue
    raise SystemExit("check-ray: no actor was found to kill")


def wait_for(count: int, target: Path) -> None:
    while sum(1 for _ in target.rglob("*.png")) < count:
        time.sleep(0.02)


def check(plan: str, source: Path, target: Path, results: list[dict]) -> None:
    with evssm.Plan(plan, threads=1) as opened:
        digest = opened.info.digest
        names = sorted(str(path.relative_to(source)) for path in source.rglob("*.png"))
        found = sorted(str(path) for path in target.rglob("*") if path.is_file())
        expected = sorted(output_path(str(target), name, digest) for name in names)
        assert found == expected, f"{len(found)} files, {len(expected)} expected"
        assert not [row for row in results if row["error"]]
        for name in names:
            direct = opened.restore(np.asarray(Image.open(source / name)))
            restored = np.asarray(Image.open(output_path(str(target), name, digest)))
            assert np.array_equal(direct, restored), name
    print(f"{len(names)} outputs, each once and equal to the direct run")


def with_failures(plan: str, source: Path, target: Path, count: int) -> None:
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1})
    second = cluster.add_node(num_cpus=2)
    cluster.wait_for_nodes()
    ray.init(address=cluster.address, log_to_driver=False)

    killed: list[str] = []

    def fail() -> None:
        kill_an_actor(count // 8, target)
        killed.append("actor")
        wait_for(count // 3, target)
        cluster.remove_node(second, allow_graceful=False)
        killed.append("node")
        print("killed a node", flush=True)  # Ray starts no node from a thread: the other one has to do the rest.

    saboteur = threading.Thread(target=fail, daemon=True)
    saboteur.start()
    results = restore_folder(plan, str(source), str(target), actors=3, threads=1, report=False)
    saboteur.join(timeout=60)
    assert killed == ["actor", "node"], f"only {killed} were killed before the job ended: use more pictures"
    check(plan, source, target, results)
    again = restore_folder(plan, str(source), str(target), actors=3, threads=1, report=False)
    assert again == [], "a second run must find nothing to do"
    ray.shutdown()
    cluster.shutdown()


def overhead(plan: str, source: Path, folder: Path) -> None:
    """One actor against a loop in this process, over the same pictures, decoding and encoding included."""
    names = sorted(str(path.relative_to(source)) for path in source.rglob("*.png"))
    ray.init(num_cpus=1, log_to_driver=False)
    restore_folder(plan, str(source), str(folder / "warm"), actors=1, threads=1, report=False)
    ratios = []
    for turn in range(3):
        direct = Restorer(plan, str(source), str(folder / f"direct{turn}"), 1)
        direct({"path": names[0]})
        start = time.perf_counter()
        for name in names[1:]:
            direct({"path": name})
        alone = (time.perf_counter() - start) * len(names) / (len(names) - 1)
        rows = restore_folder(plan, str(source), str(folder / f"ray{turn}"), actors=1, threads=1, report=False)
        ours = time_between(folder / f"ray{turn}", len(names))
        ratios.append(ours / alone)
        print(
            f"direct {alone:.3f} s, on Ray {ours:.3f} s, {sum(row['seconds'] for row in rows):.3f} s of it in the actor"
        )
    ratios.sort()
    print(f"overhead, median of 3: {100 * (ratios[1] - 1):.1f} %")


def time_between(folder: Path, count: int) -> float:
    """From the first output to the last, for all: what a long job pays a picture, its start aside."""
    times = sorted(path.stat().st_mtime for path in folder.rglob("*.png"))
    return (times[-1] - times[0]) * count / (count - 1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("plan")
    parser.add_argument("--pictures", type=int, default=200)
    parser.add_argument("--size", default="64x48")
    parser.add_argument("--overhead", action="store_true")
    arguments = parser.parse_args()
    width, height = map(int, arguments.size.split("x"))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        make_pictures(folder / "in", arguments.pictures, width, height)
        (folder / "out").mkdir()
        plan = os.path.abspath(arguments.plan)
        if arguments.overhead:
            overhead(plan, folder / "in", folder)
        else:
            with_failures(plan, folder / "in", folder / "out", arguments.pictures)


if __name__ == "__main__":
    main()
