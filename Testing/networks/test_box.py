"""What VIM reads again in a round, and what it need not."""

import pytest

torch = pytest.importorskip("torch")

from ICHHPINetLib.interaction.propagation import run_round  # noqa: E402
from ICHHPINetLib.networks.box import box_of_round  # noqa: E402

DEPTH, SIZE = 12, 160
BRIGHT, BRAIN = 0.3, -0.4  # 65 and 30 HU in the brain window


def head(of_blood=BRIGHT):
    """Image, scribbles, previous mask and a guess that sees nothing."""
    image = torch.full((DEPTH, 2, SIZE, SIZE), BRAIN)
    image[5, :, 70:90, 70:90] = of_blood
    scribbles = torch.zeros(DEPTH, 2, SIZE, SIZE)
    scribbles[5, 0, 80, 75:85] = 1
    guess = torch.full((1, 1, DEPTH, SIZE // 2, SIZE // 2), -9.0)
    return image, scribbles, torch.zeros(DEPTH, 1, SIZE, SIZE), guess


def test_the_surroundings_of_scribbles_mask_and_guess_are_read():
    image, scribbles, previous, guess = head()
    box = box_of_round(image, scribbles, previous, guess)
    assert (box.z, box.y, box.x) == (slice(2, 9), slice(48, 112), slice(48, 112))
    previous[10, 0, 20, 20] = 1
    assert box_of_round(image, scribbles, previous, guess).y.start == 0
    guess[0, 0, 0, 70, 40] = 0
    wide = box_of_round(image, scribbles, previous, guess)
    assert (wide.z, wide.y) == (slice(0, DEPTH), slice(0, SIZE))


def test_blood_that_looks_like_brain_is_looked_for_everywhere():
    box = box_of_round(*head(of_blood=BRAIN))
    assert (box.z, box.y, box.x) == (slice(0, DEPTH), slice(0, SIZE), slice(0, SIZE))


@torch.inference_mode()
def test_outside_the_box_the_look_stands_and_inside_vim_answers_anew(tiny_network):
    image, scribbles, previous, _ = head()
    look = tiny_network.look(image)
    unseen = look._replace(logits=torch.full_like(look.logits, -9.0))
    box = box_of_round(image, scribbles, previous, unseen.logits)
    volume = tiny_network.segment_volume(image, scribbles, previous, unseen).logits
    inside = torch.zeros(DEPTH, SIZE // 2, SIZE // 2, dtype=torch.bool)
    inside[box.z, box.y.start // 2 : box.y.stop // 2, box.x.start // 2 : box.x.stop // 2] = True
    assert (volume[:, 0][~inside] == -9).all()
    assert (volume[:, 0][inside] > -9).all()


@torch.inference_mode()
def test_a_box_that_is_the_whole_head_changes_nothing(tiny_network):
    image, scribbles, previous, _ = head(of_blood=BRAIN)
    slices, look = tiny_network.encode_slices(image), tiny_network.look(image)
    given = tiny_network, image, slices, scribbles, previous
    torch.testing.assert_close(run_round(*given, look=look), run_round(*given), rtol=0, atol=1e-5)
