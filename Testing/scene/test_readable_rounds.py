"""The table of rounds as people read it."""

import numpy as np

from Testing.scene.builders import SHAPE, add_ct, drawn, marks, result, write

MASK = marks(SHAPE, np.s_[1:5, 4:12, 3:15]).astype(np.uint8)


def test_rounds_are_read_with_one_decimal_and_kept_with_all(scene):
    from ICHHPINetLib.scene import SceneAdapter
    from ICHHPINetLib.scene.readable_rounds import readable

    adapter = SceneAdapter(scene, add_ct(scene))
    write(adapter, result(MASK), drawn())
    row = adapter.rounds_rows()[-1]
    guess = {**row, "Scribbled slices": 0}
    second = {**row, "Round": 2, "Change (mL)": -0.04}
    table = readable([guess, second])
    cells = [[table.GetCellText(line, column) for column in range(6)] for line in range(2)]
    volume, abc = f"{row['Volume (mL)']:.1f}", f"{row['ABC/2 (mL)']:.1f}"
    assert cells[0][:4] == ["1 (no scribble)", volume, "–", abc]
    assert cells[1][:4] == ["2", volume, "+0.0", abc]
    assert all(cell for line in cells for cell in line)
    assert row["Volume (mL)"] != float(volume)
    assert table.GetScene() is None
