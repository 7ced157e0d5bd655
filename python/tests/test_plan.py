"""The package against the command-line tool and against itself."""

from __future__ import annotations

import multiprocessing
import pickle
import subprocess
import threading
import time
from pathlib import Path

import evssm
import numpy as np
import pytest
from conftest import FIXTURES


def picture(*shape: int, seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).random(shape, dtype=np.float32)


def test_equals_the_tool_bit_for_bit(tool: str, plan_path: str, tmp_path: Path) -> None:
    array = picture(3, 45, 70)
    np.save(tmp_path / "in.npy", array)
    subprocess.run(
        [tool, "run", plan_path, str(tmp_path / "in.npy"), "-o", str(tmp_path / "out.npy")],
        check=True,
        capture_output=True,
    )
    with evssm.Plan(plan_path) as plan:
        assert np.array_equal(plan.run(array), np.load(tmp_path / "out.npy").reshape(3, 45, 70))


def test_equals_the_authors_network(plan_path: str) -> None:
    expected = np.load(FIXTURES / "small-48x80" / "output.npy")
    with evssm.Plan(plan_path, threads=2) as plan:
        pixels = np.asarray(_png(FIXTURES / "small-48x80" / "input.png"))
        output = plan.run(pixels.transpose(2, 0, 1).astype(np.float32) / np.float32(255))
        assert np.abs(output - expected).max() <= 2e-5
        restored = plan.restore(pixels)
        target = np.asarray(_png(FIXTURES / "small-48x80" / "output.png"))
        assert np.abs(restored.astype(int) - target.astype(int)).max() <= 1


def _png(path: Path) -> np.ndarray:
    image = pytest.importorskip("PIL.Image")
    return np.asarray(image.open(path).convert("RGB"))


def test_info_and_memory(plan_path: str) -> None:
    with evssm.Plan(plan_path, threads=1) as plan:
        info = plan.info
        assert info.architecture == "EVSSM" and len(info.digest) == 64 and info.minimum_side == 20
        assert 0 < plan.memory(20, 24) < plan.memory(400, 400)


def test_shapes_batches_and_out(plan_path: str) -> None:
    with evssm.Plan(plan_path, threads=1) as plan:
        batch = picture(2, 3, 24, 28)
        both = plan.run(batch)
        assert both.shape == batch.shape and both.dtype == np.float32
        assert np.array_equal(both[1], plan.run(batch[1]))
        out = np.empty_like(batch)
        assert plan.run(batch, out) is out and np.array_equal(out, both)
        double = batch[0].astype(np.float64)
        assert np.array_equal(plan.run(double), both[0])
        assert np.array_equal(
            plan.run(batch[0].copy().transpose(0, 2, 1)), plan.run(batch[0].transpose(0, 2, 1).copy())
        )


@pytest.mark.parametrize(
    "array",
    [
        np.zeros((3, 24, 28), np.uint8),
        np.zeros((24, 28, 3), np.float32),
        np.zeros((3, 28), np.float32),
        np.zeros((0, 3, 24, 28), np.float32),
        np.zeros((3, 10, 28), np.float32),
        np.zeros((3, 0, 0), np.float32),
        "text",
    ],
)
def test_wrong_arrays(plan_path: str, array: object) -> None:
    with evssm.Plan(plan_path, threads=1) as plan:
        with pytest.raises(evssm.Error):
            plan.run(array)  # type: ignore[arg-type]
        assert np.isfinite(plan.run(picture(3, 24, 28))).all()


def test_wrong_out(plan_path: str) -> None:
    array = picture(3, 24, 28)
    frozen = np.empty_like(array)
    frozen.flags.writeable = False
    with evssm.Plan(plan_path, threads=1) as plan:
        for out in (
            array,
            np.empty((3, 28, 24), np.float32),
            np.empty(array.shape),
            np.empty((3, 24, 56), np.float32)[:, :, ::2],
            frozen,
        ):
            with pytest.raises(evssm.InvalidArgument):
                plan.run(array, out)


def test_files_that_are_no_plans(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError) as missing:
        evssm.Plan(tmp_path / "none.plan")
    assert isinstance(missing.value, evssm.Error) and missing.value.code == "plan.no-such-file"
    (tmp_path / "text.plan").write_text("no plan")
    with pytest.raises(evssm.BadPlan):
        evssm.Plan(tmp_path / "text.plan")


def test_timeout_and_cancel(plan_path: str) -> None:
    array = picture(3, 256, 256)
    with evssm.Plan(plan_path, threads=1) as plan:
        with pytest.raises(TimeoutError):
            plan.run(array, timeout=0.001)
        flag = evssm.CancelFlag()
        threading.Timer(0.02, flag.set).start()
        start = time.monotonic()
        with pytest.raises(evssm.Cancelled):
            for _ in range(1000):
                plan.run(array, cancel=flag)
        assert time.monotonic() - start < 30
        assert np.isfinite(plan.run(array, timeout=60)).all()


def test_threads_share_a_plan(plan_path: str) -> None:
    arrays = [picture(3, 24 + 4 * i, 40, seed=i) for i in range(6)]
    with evssm.Plan(plan_path, threads=1) as plan:
        expected = [plan.run(array) for array in arrays]
        found: list[np.ndarray | None] = [None] * len(arrays)

        def work(index: int) -> None:
            found[index] = plan.run(arrays[index])

        threads = [threading.Thread(target=work, args=(i,)) for i in range(len(arrays))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert all(result is not None and np.array_equal(result, other) for result, other in zip(found, expected))


def test_releases_the_interpreter_lock(plan_path: str) -> None:
    """Another thread of Python goes on while a picture is restored."""
    array = picture(3, 320, 320)
    beats: list[float] = []
    done = threading.Event()

    def beat() -> None:
        while not done.is_set():
            beats.append(time.monotonic())
            time.sleep(0.001)

    with evssm.Plan(plan_path, threads=1) as plan:
        plan.run(array)
        thread = threading.Thread(target=beat)
        thread.start()
        start = time.monotonic()
        plan.run(array)
        end = time.monotonic()
        done.set()
        thread.join()
    assert sum(start < beat < end for beat in beats) >= 3


def test_a_closed_plan_says_so(plan_path: str) -> None:
    plan = evssm.Plan(plan_path)
    plan.close()
    plan.close()
    with pytest.raises(evssm.InvalidArgument):
        plan.run(picture(3, 24, 28))


def test_limits(plan_path: str) -> None:
    with evssm.Plan(plan_path, threads=1, max_memory=1 << 16) as plan:
        with pytest.raises(MemoryError):
            plan.run(picture(3, 64, 64))
    for arguments in ({"threads": -1}, {"threads": 300}, {"instruction_set": "mmx"}, {"max_memory": -1}):
        with pytest.raises(evssm.InvalidArgument):
            evssm.Plan(plan_path, **arguments).run(picture(3, 24, 28))  # type: ignore[arg-type]
    with pytest.raises(evssm.InvalidArgument):
        evssm.Plan(plan_path, trusted_key=b"short")


def _in_child(plan: evssm.Plan, array: np.ndarray) -> np.ndarray:
    return plan.run(array)


def test_pickled_plans_and_forks(plan_path: str) -> None:
    array = picture(3, 24, 28)
    with evssm.Plan(plan_path, threads=1) as plan:
        expected = plan.run(array)
        assert np.array_equal(pickle.loads(pickle.dumps(plan)).run(array), expected)
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            assert np.array_equal(pool.apply(_in_child, (plan, array)), expected)
        forked = multiprocessing.get_context("fork").Pool(1, initializer=_keep, initargs=(plan,))
        with forked as pool, pytest.raises(evssm.InvalidArgument):
            pool.apply(_run_kept, (array,))


_kept: list[evssm.Plan] = []


def _keep(plan: evssm.Plan) -> None:
    _kept.append(plan)


def _run_kept(array: np.ndarray) -> np.ndarray:
    return _kept[0].run(array)
