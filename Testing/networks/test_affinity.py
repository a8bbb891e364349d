"""The memory's answer is that of equations 3 and 4, written down literally."""

import pytest

torch = pytest.importorskip("torch")

from ICHHPINetLib.networks.affinity import read_slices  # noqa: E402


def literal(query, keys, values, top=None):
    """V_r A with A = softmax((-K_r^2 + 2 K_r^T K_k - K_k^2) / sqrt(d)), in double precision."""
    answers = []
    for key_k, key_r, value_r in zip(query.double(), keys.double(), values.double(), strict=True):
        k = key_k.flatten(1)
        r = key_r.transpose(0, 1).flatten(1)
        raw = -(r**2).sum(0)[:, None] + 2 * r.T @ k - (k**2).sum(0)[None]
        raw = raw / len(k) ** 0.5
        if top is not None:
            raw[raw < raw.topk(min(top, len(raw)), 0).values[-1]] = -torch.inf
        answers.append(value_r.transpose(0, 1).flatten(1) @ raw.softmax(0))
    return torch.stack(answers).unflatten(2, query.shape[2:])


@pytest.mark.parametrize("top", [None, 1, 20, 1000])
@pytest.mark.parametrize("slices", [1, 2, 5])
@pytest.mark.parametrize("size", [(3, 4), (8, 6)])
def test_equations_3_and_4(slices, size, top):
    torch.manual_seed(slices)
    query = torch.randn(2, 16, *size)
    keys = torch.randn(2, slices, 16, *size)
    values = torch.randn(2, slices, 10, *size)
    answer = read_slices(query, keys, values, top)
    assert answer.shape == (2, 10, *size)
    torch.testing.assert_close(answer.double(), literal(query, keys, values, top), rtol=0, atol=1e-5)


def test_large_keys_do_not_overflow():
    torch.manual_seed(0)
    query, keys, values = (
        torch.randn(1, 8, 4, 4) * 50,
        torch.randn(1, 3, 8, 4, 4) * 50,
        torch.randn(1, 3, 5, 4, 4),
    )
    torch.testing.assert_close(
        read_slices(query, keys, values).double(), literal(query, keys, values), rtol=0, atol=1e-4
    )


def test_bfloat16_keys_of_far_places_keep_their_squares():
    """Places reach |K|^2 of some thousands, where the rounding of the square alone would move the weights."""
    row = torch.arange(-20.0, 20.0).bfloat16() * 1.9
    keys = torch.zeros(1, 1, 4, 1, 40, dtype=torch.bfloat16)
    keys[0, 0, 0, 0] = row
    values = torch.eye(40).bfloat16()[None, None, :, None, :]
    answer = read_slices(keys[:, 0], keys, values).double()
    wanted = literal(keys[:, 0], keys, values.double())
    assert (answer - wanted).abs().max() < 0.03


def test_a_slice_finds_itself_in_the_memory():
    torch.manual_seed(0)
    query = torch.randn(1, 32, 5, 5) * 4
    values = torch.randn(1, 2, 7, 5, 5)
    keys = torch.stack([torch.randn(1, 32, 5, 5) * 4, query], 1)
    torch.testing.assert_close(read_slices(query, keys, values), values[:, 1], rtol=0, atol=1e-3)
