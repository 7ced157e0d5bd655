"""Loss, schedule, data and checkpoints. The data are made here: no package is needed."""

import math
import tempfile
import unittest
from pathlib import Path
from unittest import mock

import numpy as np
import torch
from evssm_training import blur, photographs, train
from evssm_training.data import Patches, held_out
from evssm_training.loss import restoration_loss


def pictures(count=2):
    """Sharp pictures of waves, at two sizes each."""
    found = {}
    for seed in range(count):
        rng = np.random.default_rng(seed)
        y, x = np.mgrid[:200, :260]
        planes = [128 + 90 * np.sign(np.sin(x / rng.uniform(3, 9) + y / rng.uniform(3, 9))) for _ in range(3)]
        picture = np.stack(planes).astype(np.uint8)
        found[f"waves{seed}"] = [picture, np.ascontiguousarray(picture[:, ::2, ::2])[:, :96, :120]]
    return found


class LossTests(unittest.TestCase):
    def test_of_one_pixel_by_hand(self):
        # One value of 1 among 4x4 in one of 3 channels: the spectrum has magnitude 1 everywhere, half spectrum 4x3. The
        # pixel at (0, 0) makes it 1 + 0i: mean over real and imaginary parts 1/2, over channels 1/6.
        sharp = torch.zeros(1, 3, 4, 4)
        restored = sharp.clone()
        restored[0, 0, 0, 0] = 1
        self.assertAlmostEqual(restoration_loss(restored, sharp).item(), 1 / 48 + 0.1 / 6, places=6)

    def test_of_a_constant_by_hand(self):
        # 0.5 everywhere on 8x8: L1 0.5; the spectrum is 32 at (0, 0) and 0 elsewhere, of 8x5x2 values.
        loss = restoration_loss(torch.full((2, 3, 8, 8), 0.5), torch.zeros(2, 3, 8, 8))
        self.assertAlmostEqual(loss.item(), 0.5 + 0.1 * 32 / 80, places=6)

    def test_is_zero_for_equal_pictures(self):
        picture = torch.rand(1, 3, 8, 8)
        self.assertEqual(restoration_loss(picture, picture).item(), 0)


class ScheduleTests(unittest.TestCase):
    def test_cosine_with_warm_up(self):
        self.assertAlmostEqual(train.rate(0, 1000, 1e-3, 10), 1e-4, places=7)
        self.assertAlmostEqual(train.rate(500, 1000, 1e-3, 10), (1e-3 + 1e-7) / 2, places=9)
        self.assertAlmostEqual(train.rate(1000, 1000, 1e-3, 10), 1e-7, places=12)

    def test_stages(self):
        stages = train.parse_stages("64x8:0.5,96x4:1", 100)
        self.assertEqual([(s.side, s.batch, s.end) for s in stages], [(64, 8, 50), (96, 4, 100)])
        for wrong in ("64x8:0.5", "64x8:1,96x4:1", "64x8:0.7,96x4:0.5,128x2:1"):
            with self.assertRaises(ValueError):
                train.parse_stages(wrong, 100)


class BlurTests(unittest.TestCase):
    def test_paths_have_mean_0_and_the_extent_asked_for(self):
        for seed in range(20):
            path = blur.path(np.random.default_rng(seed), 9.0, 400)
            np.testing.assert_allclose(path.mean(0), 0, atol=1e-9)
            farthest = np.sqrt(((path[:, None] - path[None]) ** 2).sum(2)).max()
            self.assertAlmostEqual(farthest, 9.0, delta=0.2)

    def test_light_is_averaged_in_linear_light(self):
        self.assertAlmostEqual(blur.from_linear(blur.to_linear(torch.tensor(0.3))).item(), 0.3, places=5)
        # Half black, half white in linear light is lighter than the mean of the stored values.
        self.assertGreater(blur.from_linear(torch.tensor(0.5)).item(), 0.7)

    def test_the_sharp_picture_is_untouched_without_objects(self):
        sharp = pictures()["waves0"][0][:, :104, :104]
        still = blur.Strength(objects=0, jpeg=0)
        blurred, target = blur.blurred_pair(np.random.default_rng(1), sharp, (52, 52), still)
        inner = torch.from_numpy(sharp[:, 20:-20, 20:-20].copy()).int()
        self.assertLessEqual((target.int() - inner).abs().max().item(), 1)
        self.assertGreater((blurred.int() - inner).abs().float().mean().item(), 2)


class DataTests(unittest.TestCase):
    def test_batches_follow_from_seed_and_step(self):
        stages = train.parse_stages("32x2:0.5,48x2:1", 10)
        first, again = (Patches(pictures(), stages, 7) for _ in range(2))
        for step in (0, 9):
            for a, b in zip(first[step], again[step]):
                self.assertTrue(torch.equal(a, b))
        self.assertEqual(first[0][0].shape, (2, 3, 32, 32))
        self.assertEqual(first[9][0].shape, (2, 3, 48, 48))
        self.assertFalse(torch.equal(first[0][0], first[1][0]))
        self.assertFalse(torch.equal(first[0][0], Patches(pictures(), stages, 8)[0][0]))

    def test_processes_share_a_batch(self):
        stages = train.parse_stages("32x4", 10)
        whole = Patches(pictures(), stages, 7)[3][0]
        shares = [Patches(pictures(), stages, 7, share=(rank, 2))[3][0] for rank in range(2)]
        self.assertTrue(torch.equal(torch.stack(shares, dim=1).flatten(0, 1), whole))

    def test_held_out_pictures_follow_from_the_seed(self):
        first, again, other = (list(held_out(pictures(), 48, 64, 2, seed)) for seed in (1, 1, 2))
        self.assertEqual([name for name, *_ in first], ["waves0-1", "waves0-2", "waves1-1", "waves1-2"])
        self.assertTrue(all(torch.equal(a[1], b[1]) and torch.equal(a[2], b[2]) for a, b in zip(first, again)))
        self.assertFalse(torch.equal(first[0][1], other[0][1]))

    def test_no_photograph_is_in_both_splits(self):
        names = [photograph.name for photograph in photographs.listed()]
        self.assertEqual(len(names), len(set(names)))
        held = {photograph.name for photograph in photographs.listed() if photograph.held_out}
        self.assertEqual(len(held), 8)


class CheckpointTests(unittest.TestCase):
    OPTIONS = {
        "dim": 4,
        "blocks": [1, 1, 1],
        "expansion": 2.0,
        "seed": 1,
        "steps": 6,
        "stages": "32x2",
        "rate": 1e-3,
        "warm_up": 2,
        "clip": 10.0,
        "average": 0.9,
    }

    def trained(self, folder, stops):
        """Weights after 6 steps, with interruptions after `stops`."""
        with mock.patch.object(photographs, "load", lambda held_out: pictures()):
            training = train.Training(self.OPTIONS)
            for stop in (*stops, 6):
                train.run(training, folder, stop, check_every=100, save_every=1)
                training = train.Training.resume(folder / "checkpoint.pth")
        return training

    def test_an_interrupted_run_goes_on_bit_for_bit(self):
        torch.set_num_threads(1)
        with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as other:
            straight, resumed = self.trained(Path(one), ()), self.trained(Path(other), (2, 3))
        self.assertEqual(straight.step, 6)
        for (name, a), b in zip(straight.network.state_dict().items(), resumed.network.state_dict().values()):
            self.assertTrue(torch.equal(a, b), name)
        for name, a in straight.average.items():
            self.assertTrue(torch.equal(a, resumed.average[name]), name)

    def test_exported_models_have_the_authors_layout(self):
        from evssm_torch import EVSSM, read_state_dict

        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "model.pth"
            train.export(train.Training(self.OPTIONS).average, path)
            self.assertEqual(list(torch.load(path, weights_only=True)), ["params"])
            EVSSM.from_state_dict(read_state_dict(path))

    def test_a_run_starts_from_a_model(self):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "model.pth"
            first = train.Training(self.OPTIONS)
            train.export(first.average, path)
            options = mock.Mock(weights=path)
            self.assertEqual(train.sizes(options), {"dim": 4, "blocks": [1, 1, 1], "expansion": 2.0})
            second = train.Training({**self.OPTIONS, "seed": 9})
            second.start_from(path)
        for name, value in first.network.state_dict().items():
            self.assertTrue(torch.equal(value, second.network.state_dict()[name]), name)

    def test_psnr(self):
        a = torch.zeros(3, 4, 4)
        self.assertAlmostEqual(train.psnr(a, a + 5), 10 * math.log10(255**2 / 25), places=5)


if __name__ == "__main__":
    unittest.main()
