import itertools

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from anyres.models.retina.swin import ResidualBlock, SwinBlock, SwinStage, join_windows, split_windows

SIZES = [(8, 12), (10, 7), (9, 3), (4, 4), (3, 2)]  # multiples of the window of 4; not; smaller than it


def block(shift: int, *, window: int = 4, channels: int = 6) -> SwinBlock:
    torch.manual_seed(0)
    made = SwinBlock(channels, heads=2, window=window, shift=shift, dropout=0.5).eval().requires_grad_(False)
    made.attention.bias.normal_()
    return made.double()


def group(place: int, side: int, *, window: int, shift: int) -> int:
    """Number of the window that a row or column lies in: windows begin at the shift, and one before it."""
    return 0 if side <= window else (place - shift) // window


def literal_attention(network: SwinBlock, tokens: Tensor) -> Tensor:
    """What each token takes from its window, token by token, head by head; tokens h w c."""
    height, width, channels = tokens.shape
    window, shift, attention = network.window, network.shift, network.attention
    below = 0 if height < window else -height % window
    beside = 0 if width < window else -width % window
    filled = functional.pad(network.norm(tokens), (0, 0, 0, beside, 0, below))  # zeros are tokens too
    places = list(itertools.product(range(height + below), range(width + beside)))
    groups = {
        (y, x): (
            group(y, height, window=window, shift=shift),
            group(x, width, window=window, shift=shift),
        )
        for y, x in places
    }
    query, key, value = attention.enter(filled).chunk(3, dim=-1)
    each = channels // attention.heads
    made = torch.zeros_like(tokens)
    for y, x in itertools.product(range(height), range(width)):
        others = [place for place in places if groups[place] == groups[y, x]]
        for head in range(attention.heads):
            part = slice(head * each, (head + 1) * each)
            scores = torch.stack(
                [
                    query[y, x, part] @ key[i, j, part] / each**0.5
                    + attention.bias[(y - i + window - 1) * (2 * window - 1) + x - j + window - 1, head]
                    for i, j in others
                ]
            )
            weights = scores.softmax(0)
            made[y, x, part] = sum(
                weight * value[i, j, part] for weight, (i, j) in zip(weights, others, strict=True)
            )
    return torch.as_tensor(attention.leave(made))


@pytest.mark.parametrize("shift", [0, 2])
@pytest.mark.parametrize("size", SIZES)
def test_window_attention_is_that_of_the_paper_token_by_token(size: tuple[int, int], shift: int) -> None:
    network, tokens = block(shift), torch.randn(*size, 6, dtype=torch.float64)
    torch.testing.assert_close(
        network.attend(network.norm(tokens[None]))[0], literal_attention(network, tokens)
    )


@pytest.mark.parametrize("shift", [0, 1, 2])
@pytest.mark.parametrize("size", SIZES)
def test_a_token_sees_its_window_and_nothing_else(size: tuple[int, int], shift: int) -> None:
    network, tokens = block(shift), torch.randn(1, *size, 6, dtype=torch.float64)
    places = list(itertools.product(range(size[0]), range(size[1])))
    changed = tokens.repeat(len(places), 1, 1, 1)
    for number, (y, x) in enumerate(places):
        changed[number, y, x, 0] += 1
    difference = (network(changed) - network(tokens)).abs()
    is_seen = (difference > 1e-9).any(-1)  # by which places, of each change; below is order of summation
    groups = torch.tensor(
        [
            [group(one, side, window=4, shift=shift) for one, side in zip(place, size, strict=True)]
            for place in places
        ]
    )
    expected = (groups[:, None] == groups[None]).all(-1)
    assert torch.equal(is_seen.flatten(1), expected)


def test_a_shift_joins_what_plain_windows_part() -> None:  # so two blocks together see beyond a window
    plain, shifted = block(0), block(2)
    tokens = torch.randn(1, 8, 8, 6, dtype=torch.float64)
    changed = tokens.clone()
    changed[0, 3, 3, 0] += 1
    for network, sees in ((plain, False), (shifted, True)):
        difference = (network(changed)[0, 4, 4] - network(tokens)[0, 4, 4]).abs().max()
        assert (difference > 1e-9) == sees


def test_windows_that_are_split_and_joined_are_the_map_again() -> None:
    tokens = torch.randn(2, 6, 12, 5)
    windows = split_windows(tokens, (3, 4))
    assert windows.shape == (2, 6, 12, 5)
    assert torch.equal(windows[1, 4].view(3, 4, 5), tokens[1, 3:6, 4:8])
    assert torch.equal(join_windows(windows, (3, 4), (6, 12)), tokens)


def test_every_second_block_of_a_stage_is_shifted_by_half_a_window() -> None:
    stage = SwinStage(6, depth=4, heads=2, window=7, dropout=0.0)
    assert [one.shift for one in stage.blocks if isinstance(one, SwinBlock)] == [0, 3, 0, 3]


def test_a_stage_joins_2x2_tokens_into_one_of_twice_the_channels() -> None:
    stage = SwinStage(6, depth=1, heads=2, window=4, dropout=0.0).requires_grad_(False)
    tokens = torch.randn(1, 8, 4, 6)
    merged = stage(tokens)
    assert merged.shape == (1, 4, 2, 12)
    inner = stage.blocks[0](tokens)
    four = torch.cat((inner[0, 2, 2], inner[0, 3, 2], inner[0, 2, 3], inner[0, 3, 3]))
    torch.testing.assert_close(merged[0, 1, 1], stage.merge(stage.norm(four)))


def test_a_residual_block_does_not_mind_contrast() -> None:  # it is normalised over the picture
    torch.manual_seed(0)
    network = ResidualBlock(3, 5).double().requires_grad_(False)
    features = torch.randn(1, 3, 9, 7, dtype=torch.float64)
    torch.testing.assert_close(network(features * 40), network(features), atol=1e-3, rtol=0)
