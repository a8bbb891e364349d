"""What keeps activations in bounds."""

import pytest

torch = pytest.importorskip("torch")

from ICHHPINetLib.networks.blocks import ChannelNorm, ResidualBlock, fold_standardization, stage  # noqa: E402


@pytest.mark.parametrize("dims", [2, 3])
def test_a_branch_does_not_grow_with_what_it_is_added_to(dims):
    torch.manual_seed(0)
    block = ResidualBlock(dims, 16)
    x = torch.randn(1, 16, *[6] * dims)
    with torch.no_grad():
        branch, of_larger = block(x) - x, block(1000 * x) - 1000 * x
    assert torch.allclose(of_larger, branch, atol=0.02)


def test_channel_norm_takes_no_statistics_over_the_image():
    norm = ChannelNorm(8)
    x = torch.randn(1, 8, 12, 12)
    assert torch.allclose(norm(x)[..., :6, :6], norm(x[..., :6, :6]), atol=1e-6)
    assert torch.allclose(norm(x).mean(1), torch.zeros(1, 12, 12), atol=1e-5)


def test_a_folded_stage_says_the_same():
    torch.manual_seed(0)
    layers = stage(3, 8, 2)
    x = torch.randn(1, 8, 3, 10, 10)
    before = layers(x)
    assert torch.allclose(fold_standardization(layers)(x), before, atol=1e-5)
