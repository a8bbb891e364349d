"""The data of a training are what they claim to be, and so are its loss and its learning rate."""

import dataclasses

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("monai")
pytest.importorskip("skimage")

from scipy import ndimage  # noqa: E402

from ICHHPINetLib import InputFileError, datasets  # noqa: E402
from ICHHPINetLib.networks.hpinet import HPINet  # noqa: E402
from ICHHPINetLib.simulation.robot import first_slice, next_scribbles  # noqa: E402
from ICHHPINetLib.simulation.training_user import training_scribbles  # noqa: E402
from ICHHPINetLib.training import hu_codes, pack, synthetic  # noqa: E402
from ICHHPINetLib.training.bleed_shapes import depth_below_skull, through_slices  # noqa: E402
from ICHHPINetLib.training.cli import split, split_pretraining  # noqa: E402
from ICHHPINetLib.training.episode import round_loss  # noqa: E402
from ICHHPINetLib.training.loop import Trainer  # noqa: E402
from ICHHPINetLib.training.losses import HPINetLoss, LossWeights  # noqa: E402
from ICHHPINetLib.training.recipe import Recipe  # noqa: E402
from ICHHPINetLib.training.sampling import PRETRAINING, Mixture, Sampler, intensities, mirror  # noqa: E402
from ICHHPINetLib.training.synthetic import insert_bleeds  # noqa: E402
from Testing.training.tiny import TINY, settings  # noqa: E402


def test_codes_are_fine_where_brain_and_blood_are():
    hu = np.arange(-20, 100, 0.1)
    assert np.abs(hu_codes.decode(hu_codes.encode(hu)) - hu).max() < 0.31
    assert hu_codes.decode(hu_codes.encode(np.array([-3000, 3000]))).tolist() == [-200, 600]


def test_pack_holds_cases_and_shapes(small_pack):
    assert sorted(small_pack.cases) == ["a", "b"]
    case = small_pack.cases["a"]
    assert case.bleeds
    assert not small_pack.cases["b"].bleeds
    assert case.slice_mm == 5
    blood = case.fraction > 127
    assert abs(case.hu()[blood].mean() - 62) < 3
    assert case.inside[blood].all()
    assert len(small_pack.shapes) == 1


def test_a_folder_without_cases_is_named(tmp_path):
    with pytest.raises(InputFileError, match="name the folder"):
        pack.build(tmp_path, None, tmp_path / "pack.npz")


def test_folds_split_the_development_cases_by_patient():
    folds = datasets.folds()
    names = [name for fold in folds for name in fold]
    assert len(names) == len(set(names))
    train, held_out = split(names, 0)
    assert sorted(held_out) == folds[0]
    assert not set(train) & set(held_out)
    with pytest.raises(InputFileError, match=f"one of 0 to {len(folds) - 1}"):
        split(names, len(folds))


def test_synthetic_bleeds_are_mostly_brighter_and_nowhere_outside_the_skull(small_pack):
    case = small_pack.cases["b"]
    rng = np.random.default_rng(3)
    brighter = made = 0
    for _ in range(12):
        hu, fraction = insert_bleeds(case, small_pack.shapes, rng)
        core = fraction > 0.9
        assert not (fraction > 0)[~case.inside].any()
        if core.sum() > 20:
            made += 1
            brighter += hu[core].mean() - case.hu()[core].mean() > 4
    assert made >= 6 and brighter >= 0.7 * made


def test_a_bleed_at_the_skull_is_as_dense_there_as_elsewhere(small_pack):
    """Bone in the local mean once took 10 HU from the first pixels, which is all of a thin bleed."""
    case, rng, rim, rest = small_pack.cases["b"], np.random.default_rng(0), [], []
    near = ~np.stack([ndimage.binary_erosion(plane, iterations=3) for plane in case.inside])
    depth = depth_below_skull(case.inside)
    for _ in range(12):
        fraction = synthetic.lens(case, depth, small_pack.shapes, rng)
        hu = synthetic.blend(case.hu(), fraction, 32, 61, rng)
        blood = (fraction > 0.95) & (hu < 100)
        rim.append(hu[near & blood])
        rest.append(hu[~near & blood])
    assert np.median(np.concatenate(rim)) == pytest.approx(np.median(np.concatenate(rest)), abs=3)


def test_edema_is_around_the_clot_and_not_in_it(small_pack):
    case, clot = small_pack.cases["b"], np.zeros(small_pack.cases["b"].codes.shape, np.float32)
    clot[2:6, 40:56, 30:50] = 1
    beside, within = [], []
    for seed in range(16):
        hu = synthetic.blend(case.hu(), clot, 32, 61, np.random.default_rng(seed))
        beside.append((hu - case.hu())[3, 44:52, 52:55].mean())
        within.append(hu[3, 44:52, 36:44].mean())
    swollen = np.array(beside) < -1
    assert 4 <= swollen.sum() <= 12
    assert np.median(np.array(within)[swollen]) == pytest.approx(61, abs=4)


def test_slices_that_a_bleed_ends_in_hold_a_part_of_it():
    dz = np.array([-10.0, -5, 0, 5, 10])
    share = through_slices(lambda z: np.abs(z) <= 4.0, dz, 5.0)
    assert share == pytest.approx([0, 0.4, 1, 0.4, 0])


def test_a_mirrored_sample_keeps_every_value(small_pack):
    case = small_pack.cases["a"]
    hu, fraction = case.hu()[:, :90, :70], case.fraction[:, :90, :70] / 255
    turned, blood = mirror(hu, fraction, np.random.default_rng(0))
    assert turned.shape == blood.shape == (8, 96, 80)
    kept = turned[:, :90, :70]
    assert any(np.array_equal(kept, np.flip(hu, axes)) for axes in ((), 2, (1, 2), 1, 0, (0, 2)))
    assert (turned[:, 90:] == -200).all() and not blood[:, :, 70:].any()


def test_most_synthetic_bleeds_are_acute_and_some_are_not():
    rng = np.random.default_rng(0)
    contrast = np.array([synthetic.density(32, rng) for _ in range(400)]) - 32
    assert 0.8 < (contrast > 7).mean() < 0.95
    assert 0.03 < ((contrast > 0) & (contrast <= 7)).mean() < 0.1
    assert 0.03 < (contrast < 0).mean() < 0.1


def test_air_beside_a_synthetic_bleed_is_no_blood(small_pack):
    case = small_pack.cases["b"]
    clot = ndimage.gaussian_filter((small_pack.cases["a"].fraction > 127).astype(np.float32), (0, 1, 1))
    for seed in range(4):
        hu, fraction = synthetic.bubbles(case.hu(), clot, case, np.random.default_rng(seed))
        air = (hu < -500) & (case.hu() > 0)
        assert air.any() and not (fraction[air] > 0.3).any()
        assert not air[~case.inside].any()


def test_bleeds_of_one_head_differ_in_density(small_pack):
    rng, ranges = np.random.default_rng(1), []
    for _ in range(12):
        hu, fraction = insert_bleeds(small_pack.cases["b"], small_pack.shapes, rng)
        bleeds, count = ndimage.label(fraction > 0.9)
        sizes = ndimage.sum_labels(bleeds > 0, bleeds, range(1, count + 1))
        densities = [np.median(hu[bleeds == number]) for number in 1 + np.flatnonzero(sizes > 20)]
        ranges.append(np.ptp(densities) if densities else 0)
    assert max(ranges) > 8


@pytest.mark.parametrize("kind", list(synthetic.KINDS), ids=lambda kind: kind.__name__)
def test_every_kind_of_synthetic_bleed_is_made_inside_the_skull(small_pack, kind):
    case = small_pack.cases["b"]
    rng = np.random.default_rng(0)
    hu = case.hu()
    hu[:, 44:52] = 8  # a band of fluid
    wet = dataclasses.replace(case, codes=hu_codes.encode(hu))
    depth = np.where(case.inside, 10.0, 0.0) if kind is synthetic.contusion else 1.0 * case.inside
    made = [kind(wet, depth, small_pack.shapes, rng) for _ in range(8)]
    assert sum(fraction.max() > 0.5 for fraction in made) >= 4
    for fraction in made:
        assert fraction.shape == hu.shape
        assert 0 <= fraction.min() <= fraction.max() <= 1.0001
        assert not fraction[~case.inside].any()


def test_samples_fit_the_network_and_repeat_by_seed(small_pack):
    mixture = Mixture(whole=0.3, voxels=6 * 48 * 48)
    first, second = (Sampler(small_pack, ["a", "b"], mixture, seed=1) for _ in range(2))
    for _ in range(5):
        one, two = first.draw(), second.draw()
        assert np.array_equal(one.hu, two.hu)
        assert one.hu.shape == one.fraction.shape
        assert one.hu.shape[1] % 16 == one.hu.shape[2] % 16 == 0
        assert 0 <= one.fraction.min() <= one.fraction.max() <= 1.0001


def test_exports_in_training_keep_their_skull_and_cut_off_the_blood(small_pack):
    case = small_pack.cases["a"]
    fraction = case.fraction.astype(np.float32) / 255
    hu = np.where(fraction > 0.9, 150, case.hu())
    rng = np.random.default_rng(0)
    exports = [out for out in (intensities(hu, fraction, rng) for _ in range(40)) if out.min() > -20]
    assert exports
    for out in exports:
        assert (out[hu > 500] == 300).all()
        assert out[fraction > 0.9].max() <= 120


def test_training_scribbles_are_hardly_ever_wrong(small_pack):
    truth = small_pack.cases["a"].fraction > 127
    rng = np.random.default_rng(0)
    wrong = right = 0
    for number in range(60):
        prediction = np.roll(truth, 4, 2) if number % 2 else np.zeros_like(truth)
        scribbles = training_scribbles(truth, prediction, number % 2 == 0, (5, 0.9, 0.9), rng)
        wrong += (scribbles.foreground & ~truth).sum() + (scribbles.background & truth).sum()
        right += (scribbles.foreground & truth).sum() + (scribbles.background & ~truth).sum()
    assert wrong < 0.05 * right


def test_some_rounds_are_a_click_a_scribble_or_an_outline(small_pack):
    truth = small_pack.cases["a"].fraction > 127
    rng, kinds = np.random.default_rng(0), set()
    for _ in range(150):
        scribbles = training_scribbles(truth, np.zeros_like(truth), True, (5, 0.9, 0.9), rng)
        kinds.add((int(scribbles.foreground.sum()) == 1, bool(scribbles.background.any())))
        assert len(scribbles.slices()) == 1
    assert kinds >= {(True, False), (False, False), (False, True)}


def test_scribbles_can_be_the_robots_alone(small_pack):
    truth = small_pack.cases["a"].fraction > 127
    nothing = np.zeros_like(truth)
    for seed in range(5):
        robot, ours = np.random.default_rng(seed), np.random.default_rng(seed)
        expected = next_scribbles(truth, nothing, (5, 0.9, 0.9), robot, first_slice(truth, robot))
        drawn = training_scribbles(truth, nothing, True, (5, 0.9, 0.9), ours, varied=False)
        assert np.array_equal(drawn.foreground, expected.foreground)
        assert np.array_equal(drawn.background, expected.background)


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_where_the_volume_branch_is_hidden_slices_learn_from_the_memory_alone(share, monkeypatch):
    torch.manual_seed(0)
    network = HPINet(TINY)
    image, target = torch.randn(6, 2, 32, 32), torch.zeros(6, 1, 32, 32)
    scribbles = torch.zeros(6, 2, 32, 32)
    scribbles[2, 0, 10:14, 10:14] = target[2:4, 0, 8:16, 8:16] = 1
    seen = []
    propagate = network.propagate
    monkeypatch.setattr(
        network, "propagate", lambda *inputs: seen.append(inputs[3]) or propagate(*inputs), raising=True
    )
    rng = np.random.default_rng(0)
    round_loss(network, HPINetLoss(), image, scribbles, torch.zeros_like(target), target, rng, share)
    *rollout, learned = seen
    assert all(features.any() for volume in rollout for features in volume.converted)
    assert any(features.any() for features in learned.converted) == (share == 0)
    assert torch.unique(learned.logits).numel() == 1 or share == 0


def test_the_loss_is_the_papers_weighted_sum():
    torch.manual_seed(0)
    loss = HPINetLoss(LossWeights(5, 1, 4))
    pair = (torch.randn(2, 1, 8, 8), torch.zeros(2, 1, 8, 8))
    term = loss.term(*pair)
    total, parts = loss.total(pair, (pair, pair), [pair, pair, pair])
    assert torch.isclose(total, 5 * term + 1 * (term + term) + 4 * term)
    assert parts["VSL"] == pytest.approx(float(term))
    perfect = torch.where(torch.arange(8) < 3, 30.0, -30.0).expand(2, 1, 8, 8)
    assert loss.term(perfect, (perfect > 0).float()) < 1e-3


def test_a_voxel_that_bleeds_a_little_less_than_half_the_time_is_at_the_cut():
    for share, sign in ((0.4, 1), (1 / 2.2, 0), (0.5, -1)):
        logits = torch.zeros(2, 1, 8, 8, requires_grad=True)
        loss = HPINetLoss(LossWeights(dice=0.0, cross_entropy=1.0))
        loss.term(logits, torch.full_like(logits, share)).backward()
        assert torch.sign(logits.grad.sum().round(decimals=6)) == sign


def test_pretraining_sees_no_real_bleed(small_pack):
    assert split_pretraining(set(small_pack.cases), small_pack.bleeding) == (["b"], ["a"])
    with pytest.raises(InputFileError, match="without a bleed"):
        split_pretraining({"a"}, {"a"})
    sampler = Sampler(small_pack, ["b"], PRETRAINING, seed=0)
    assert any(sampler.draw().fraction.any() for _ in range(8))


def test_the_learning_rate_warms_up_and_falls_to_zero(small_pack, tmp_path):
    trainer = Trainer(small_pack, settings(tmp_path, steps=1000, learning_rate=1.0, decay=0.4), TINY)
    rates = {}
    for step in (0, 199, 500, 800, 1000):
        trainer.step = step
        rates[step] = trainer.rate()
    assert rates[0] == pytest.approx(1 / 100)
    assert rates[199] == rates[500] == 1
    assert rates[800] == pytest.approx(0.5)
    assert rates[1000] == 0


def test_a_recipe_without_kernel_steps_gives_every_parameter_adams(small_pack, tmp_path):
    # The tiny network's kernels have too few channels for steps of their own.
    wider = dataclasses.replace(TINY, volume_widths=(8, 8, 16, 16))
    trainer = Trainer(small_pack, settings(tmp_path, recipe=Recipe(kernel_steps=False)), wider)
    assert [len(group["params"]) > 0 for group in trainer.optimizer.param_groups] == [False, True]


def test_pack_that_was_cut_short_is_named(tmp_path):
    path = tmp_path / "pack.npz"
    path.write_bytes(b"PK\x03\x04 and no more")
    with pytest.raises(InputFileError, match="no training pack"):
        pack.load(path)
