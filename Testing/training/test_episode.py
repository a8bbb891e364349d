"""Which rounds an episode has, what each of them teaches, and in which order they come."""

import dataclasses
from itertools import islice

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("monai")
pytest.importorskip("skimage")

from ICHHPINetLib.ablations import SLICE_PRO  # noqa: E402
from ICHHPINetLib.ablations.network import ablated  # noqa: E402
from ICHHPINetLib.imaging.windowing import windowed  # noqa: E402
from ICHHPINetLib.interaction.propagation import run_round  # noqa: E402
from ICHHPINetLib.networks.hpinet import HPINet  # noqa: E402
from ICHHPINetLib.training.episode import episode, round_loss  # noqa: E402
from ICHHPINetLib.training.loop import in_turn  # noqa: E402
from ICHHPINetLib.training.losses import HPINetLoss  # noqa: E402
from ICHHPINetLib.training.recipe import Recipe  # noqa: E402
from ICHHPINetLib.training.sampling import Sample  # noqa: E402
from ICHHPINetLib.weights.devices import fast_math  # noqa: E402
from Testing.training.tiny import TINY  # noqa: E402

CPU = torch.device("cpu")


def sample():
    fraction = np.zeros((10, 48, 48), np.float32)
    fraction[3:7, 12:24, 20:34] = 1
    noise = np.random.default_rng(0).normal(0, 3, fraction.shape)
    return Sample((32 + 30 * fraction + noise).astype(np.float32), fraction, 5.0)


def rounds(network, recipe, seed=0):
    """(gradient of each module, parts) of the rounds of one episode."""
    rng = np.random.default_rng(seed)
    for total, parts in episode(network, HPINetLoss(), sample(), recipe, rng, CPU):
        network.zero_grad()
        total.backward()
        moved = {
            name
            for name, module in network.named_children()
            if all(p.grad is not None for p in module.parameters())
            and any(p.grad.any() for p in module.parameters())
        }
        yield moved, parts


def test_an_unprompted_episode_begins_with_a_guess_that_teaches_vim_alone():
    torch.manual_seed(0)
    (moved, parts), *rest = rounds(HPINet(TINY), Recipe(unprompted=1.0, volume_alone=0.0, longest=2))
    assert parts["round"] == 0
    assert moved == {"vim"}
    assert [parts["round"] for _, parts in rest] == list(range(1, len(rest) + 1))
    assert rest[0][0] == {"vim", "sim", "fcm", "mpffm"}


def test_a_guess_sees_no_scribble(monkeypatch):
    network, seen = HPINet(TINY), []
    segment = network.segment_volume
    monkeypatch.setattr(network, "segment_volume", lambda *x: seen.append(x[1:]) or segment(*x))
    list(rounds(network, Recipe(unprompted=1.0, longest=1)))
    assert not any(x.any() for x in seen[0])
    assert seen[1][0].any()


def test_no_guess_is_learned_from_blood_like_brain():
    plain = sample()
    dark = dataclasses.replace(plain, hu=plain.hu - 27 * plain.fraction)
    clean = dataclasses.replace(plain, fraction=np.zeros_like(plain.fraction))
    first = []
    for one in (plain, dark, clean):
        rng = np.random.default_rng(0)
        given = one, Recipe(unprompted=1.0, volume_alone=1.0, longest=1), rng, CPU
        first.append(next(episode(HPINet(TINY), HPINetLoss(), *given))[1]["round"])
    assert first == [0, 1, 0]


def test_vim_can_be_trained_alone():
    for moved, parts in rounds(HPINet(TINY), Recipe(unprompted=0.0, volume_alone=1.0)):
        assert moved == {"vim"}
        assert set(parts) == {"VSL", "total", "Dice", "round"}


def test_without_a_volume_branch_there_is_neither():
    network = HPINet(ablated(TINY, SLICE_PRO))
    for number, (moved, parts) in enumerate(rounds(network, Recipe(unprompted=1.0, volume_alone=1.0)), 1):
        assert parts["round"] == number
        assert "vim" not in moved and "sim" in moved


def test_training_ends_its_round_as_a_session_does():
    """What is learned on must be what users get."""
    torch.manual_seed(0)
    network = HPINet(TINY).eval()
    one = sample()
    image = torch.from_numpy(windowed(one.hu)).transpose(0, 1)
    scribbles = torch.zeros_like(image)
    scribbles[3, 0, 14:18, 22:30] = scribbles[6, 1, 30:34, 20:30] = 1
    previous = torch.from_numpy(one.fraction).unsqueeze(1).roll(2, 3)
    target = torch.from_numpy(one.fraction).unsqueeze(1)
    rng = np.random.default_rng(0)
    *_, learned = round_loss(network, HPINetLoss(), image, scribbles, previous, target, rng)
    with torch.inference_mode(), fast_math(CPU):
        result = run_round(network, image, network.encode_slices(image), scribbles, previous)
    torch.testing.assert_close(learned.float(), result.float(), atol=2e-3, rtol=0)


def test_episodes_take_turns():
    """Four run at a time, and one that ends makes room for the next."""
    episodes = [iter([number] * length) for number, length in enumerate([3, 1, 2, 2, 1, 4])]
    assert list(islice(in_turn(iter(episodes), 4), 9)) == [0, 1, 2, 3, 0, 2, 3, 0, 4]
