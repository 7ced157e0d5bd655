"""The kernels in C++ against PyTorch: values and gradients."""

import unittest

import torch
from evssm_torch import EVSSM
from evssm_torch import selective_scan as plain_scan
from evssm_training.layers import fast_network
from evssm_training.scan import selective_scan


def gradients(function, arguments, weights):
    arguments = [argument.detach().clone().requires_grad_() for argument in arguments]
    y = function(*arguments)
    return y, torch.autograd.grad((y * weights).sum(), arguments)


class ScanTests(unittest.TestCase):
    def arguments(self, batch, channels, length):
        generator = torch.Generator().manual_seed(batch * 1000 + channels * 10 + length)
        normal = lambda *shape: torch.randn(*shape, generator=generator)
        uniform = lambda *shape: torch.rand(*shape, generator=generator)
        u, delta, A = normal(batch, channels, length), uniform(batch, channels, length) * 0.5, -8 * uniform(channels, 8)
        return u, delta, A - 0.1, normal(batch, 8, length), normal(batch, 8, length), normal(channels)

    def test_value_and_gradients_are_autograds(self):
        # Lengths around the stretch of 32 steps, channels around the vector of 16.
        for batch, channels, length in ((1, 1, 1), (2, 16, 32), (1, 17, 33), (3, 15, 31), (2, 40, 75)):
            with self.subTest(batch=batch, channels=channels, length=length):
                arguments = self.arguments(batch, channels, length)
                weights = torch.randn(batch, channels, length, generator=torch.Generator().manual_seed(1))
                expected, found = (gradients(f, arguments, weights) for f in (plain_scan, selective_scan))
                torch.testing.assert_close(found[0], expected[0], rtol=1e-5, atol=1e-5)
                for name, a, b in zip("u delta A B C D".split(), found[1], expected[1]):
                    error = (a - b).abs().max().item() / max(1.0, b.abs().max().item())
                    self.assertLess(error, 1e-5, name)

    def test_gradients_are_those_of_differences(self):
        u, delta, A, B, C, D = (argument.double() for argument in self.arguments(1, 2, 5))

        def scanned(step):
            moved = (delta + step).float()
            return selective_scan(u.float(), moved, A.float(), B.float(), C.float(), D.float()).double().sum()

        _, found = gradients(selective_scan, [x.float() for x in (u, delta, A, B, C, D)], torch.ones(1, 2, 5))
        numeric = (scanned(1e-3) - scanned(-1e-3)) / 2e-3
        self.assertAlmostEqual(found[1].sum().item(), numeric.item(), delta=1e-2 * max(1, abs(numeric.item())))

    def test_long_decays_do_not_overflow(self):
        u, delta, A, B, C, D = self.arguments(1, 16, 64)
        y, found = gradients(selective_scan, (u, delta * 400, A, B, C, D), torch.ones_like(u))
        self.assertTrue(torch.isfinite(y).all())
        self.assertTrue(all(torch.isfinite(gradient).all() for gradient in found))

    def test_other_numbers_of_states_are_refused(self):
        u, delta, A, B, C, D = self.arguments(1, 2, 3)
        with self.assertRaises(ValueError):
            selective_scan(u, delta, A[:, :4].contiguous(), B, C, D)


class NetworkTests(unittest.TestCase):
    def networks(self):
        torch.manual_seed(3)
        fast = fast_network(dim=8, blocks=(1, 2, 1))
        with torch.no_grad():
            for parameter in fast.parameters():
                parameter.add_(0.05 * torch.randn_like(parameter))
        plain = EVSSM(dim=8, blocks=(1, 2, 1), windows="whole")
        plain.load_state_dict(fast.state_dict())
        return fast, plain

    def test_value_and_gradients_are_the_plain_networks(self):
        fast, plain = self.networks()
        # Sides that fill the 8×8 patches of every level, and sides that do not.
        for size in ((32, 64), (36, 44)):
            with self.subTest(size=size):
                picture, weights = torch.rand(2, 3, *size), torch.randn(2, 3, *size)
                found, expected = fast(picture), plain(picture)
                torch.testing.assert_close(found, expected, rtol=1e-5, atol=2e-5)
                for network, y in ((fast, found), (plain, expected)):
                    network.zero_grad()
                    (y * weights).sum().backward()
                for (name, a), b in zip(fast.named_parameters(), plain.parameters()):
                    error = (a.grad - b.grad).abs().max().item() / b.grad.abs().max().item()
                    self.assertLess(error, 5e-5, name)

    def test_threads_do_not_change_the_result(self):
        fast, _ = self.networks()
        picture, results, before = torch.rand(2, 3, 32, 32), [], torch.get_num_threads()
        for threads in (1, 2, 3):
            torch.set_num_threads(threads)
            fast.zero_grad()
            y = fast(picture)
            y.square().sum().backward()
            results.append((y.detach(), fast.output.weight.grad.clone()))
        torch.set_num_threads(before)
        for y, gradient in results[1:]:
            torch.testing.assert_close(y, results[0][0], rtol=0, atol=1e-6)
            torch.testing.assert_close(gradient, results[0][1], rtol=1e-4, atol=1e-4)


if __name__ == "__main__":
    unittest.main()
