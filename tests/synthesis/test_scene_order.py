from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sirstgen.synthesis import scene_order
from sirstgen.synthesis.scene_order import SceneOrder

weights = st.lists(st.floats(0, 100), min_size=1, max_size=6).filter(lambda found: sum(found) > 1e-3)


@given(st.integers(0, 60), st.integers(0, 1 << 66), st.integers(0, 1 << 66))
@settings(deadline=None)
def test_the_sum_of_rounded_multiples_is_exact(count: int, slope: int, start: int) -> None:
    plain = sum((slope * index + start) >> 64 for index in range(count))
    assert scene_order._floor_sum(count, slope, start) == plain


@given(weights, st.floats(0, 1, exclude_max=True))
@settings(deadline=None, max_examples=20)
def test_ranks_count_the_earlier_images_of_a_scene(shares: list[float], phase: float) -> None:
    order = SceneOrder(shares, phase)
    seen = [0] * len(shares)
    for index in range(2 * 4096 + 50):
        scene, rank = order.at(index)
        assert rank == seen[scene]
        seen[scene] += 1
    assert all(count == 0 for share, count in zip(shares, seen, strict=True) if share == 0)
    assert np.abs(np.array(seen) - sum(seen) * np.array(shares) / sum(shares)).max() <= 8


def test_far_places_cost_no_more_than_near_ones() -> None:
    order, again = SceneOrder([5, 3, 0, 2], 0.25), SceneOrder([5, 3, 0, 2], 0.25)
    far = 10**9
    found = [order.at(index) for index in range(far, far + 50)]
    assert found == [again.at(index) for index in reversed(range(far, far + 50))][::-1]
    for scene, share in enumerate((0.5, 0.3, 0.0, 0.2)):
        ranks = [rank for place, rank in found if place == scene]
        assert ranks == list(range(ranks[0], ranks[0] + len(ranks))) if ranks else share == 0
        assert all(rank == pytest.approx(share * far, abs=60) for rank in ranks)
