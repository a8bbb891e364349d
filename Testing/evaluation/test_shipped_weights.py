"""The shipped network does its job: on the phantom, and on a real case of the data it was trained on."""

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("skimage")

from ICHHPINetLib import InteractiveSession, load_network, measure, phantom
from ICHHPINetLib.datasets import find_cases, read_case
from ICHHPINetLib.simulation.robot import first_slice, next_scribbles


@pytest.fixture(scope="module")
def network():
    return load_network("default", device="cpu")


def dice_by_round(network, volume, truth, spacing, rounds):
    """Dice after each round of the robot, and the session."""
    rng = np.random.default_rng(0)
    session = InteractiveSession(network, volume, spacing)
    scores = []
    for number in range(rounds):
        index = None if number else first_slice(truth, rng)
        scribbles = next_scribbles(truth, session.mask, spacing, rng, index)
        mask = session.refine(scribbles).mask > 0
        assert mask[scribbles.foreground].all()
        assert not mask[scribbles.background].any()
        scores.append(2 * (mask & truth).sum() / (mask.sum() + truth.sum()))
    return scores, session


def test_two_rounds_find_both_foci_of_the_phantom(network):
    head = phantom.generate("multifocal", 0, (5.0, 1.0, 1.0), slices=16)
    scores, session = dice_by_round(network, head.volume, head.mask > 0, head.spacing, 2)
    assert scores[1] >= 0.9
    assert measure(session.mask, head.spacing).volume_ml == pytest.approx(head.volume_ml, rel=0.05)


def test_a_real_case(network, real_cases):
    cases = {case.name: case for case in find_cases(real_cases / "ct-ich")}
    images = read_case(cases["053"])
    scores, _ = dice_by_round(network, images.ct.hu, images.mask > 0, images.ct.spacing, 3)
    assert scores[2] >= 0.6
    assert scores[2] > scores[0]
