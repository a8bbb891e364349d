"""The optimizer's steps are what they claim to be, and it finds a minimum."""

import pytest

torch = pytest.importorskip("torch")

from ICHHPINetLib.networks.blocks import conv  # noqa: E402
from ICHHPINetLib.training.optimizer import optimizer_of, orthogonalized  # noqa: E402


@pytest.mark.parametrize("shape", [(16, 16), (12, 90), (90, 12)])
def test_a_matrix_becomes_nearly_orthogonal(shape):
    torch.manual_seed(0)
    matrix = torch.randn(shape)
    values = torch.linalg.svdvals(orthogonalized(matrix))
    assert values.min() > 0.4
    assert values.max() < 1.4
    u, _, v = torch.linalg.svd(matrix, full_matrices=False)
    nearest = u @ v
    cosine = (orthogonalized(matrix) * nearest).sum() / nearest.norm() / orthogonalized(matrix).norm()
    assert cosine > 0.95


def test_every_parameter_is_stepped_once_and_kernels_by_their_own_rule():
    network = torch.nn.Sequential(conv(2, 16, 16, 3), torch.nn.Conv2d(16, 16, 3))
    optimizer = optimizer_of(network, 1e-3)
    kernels, rest = (group["params"] for group in optimizer.param_groups)
    assert [p.shape for p in kernels] == [(16, 16, 3, 3)]
    assert len(rest) == 4  # bias and gain of the first, kernel and bias of the second
    before = kernels[0].detach().clone()
    network(torch.randn(1, 16, 8, 8)).square().mean().backward()
    optimizer.step()
    step = (kernels[0] - before).flatten(1)
    assert torch.linalg.svdvals(step).max() < 1.4 * 15e-3
    assert torch.linalg.svdvals(step).min() > 0.4 * 15e-3


@pytest.mark.parametrize("kernel_steps", [True, False])
def test_a_small_problem_is_solved_and_goes_on_after_a_restart(kernel_steps):
    torch.manual_seed(0)
    network = torch.nn.Sequential(conv(2, 16, 16, 3), torch.nn.Conv2d(16, 16, 3))
    x, wanted = torch.randn(4, 16, 8, 8), torch.randn(4, 16, 6, 6)
    optimizer = optimizer_of(network, 1e-2, kernel_steps)
    losses = []
    for number in range(60):
        if number == 30:
            state = optimizer.state_dict()
            optimizer = optimizer_of(network, 1e-2, kernel_steps)
            optimizer.load_state_dict(state)
        optimizer.zero_grad()
        loss = (network(x) - wanted).square().mean()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.6 * losses[0]
    assert losses[31] < losses[15]
