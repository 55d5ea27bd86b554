"""A Swin transformer as encoder of a U-shaped network: a heat map and features of a photograph of an eye.

Nasser, Gupte and Sethi, WACV 2024, https://arxiv.org/abs/2307.10698, who put two heads on Swin UNETR,
Hatamizadeh et al. 2022, https://arxiv.org/abs/2201.01266; its encoder is of Liu et al., ICCV 2021,
https://arxiv.org/abs/2103.14030.
Axes: b batch, c channels in, k channels out, h w rows and columns; n windows, t tokens in one, a attention
heads; y x rows and columns of the grid of features. Pixels are one channel in [0, 1]. Tokens are channels
last.
As in Swin UNETR, a map that is no multiple of the window is filled up with zeros after the normalisation, and
these take part as tokens. Departs from it: where a map is smaller than a window, the window shrinks to it and
keeps true relative positions; tokens of another region are shut out altogether, not by a bias of -100. That a
residual block ends in its leaky ReLU after the sum is our reading of it.
"""

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor, nn
from torch.nn import functional

Stages = tuple[int, int, int, int]
LEAK = 0.01  # of the leaky ReLU in residual blocks
BIAS_DEVIATION = 0.02  # of the relative position bias before training; Swin's


class Swin(nn.Module):
    """Four stages of window attention on patches of 2x2 pixels, and a decoder back to the picture's size."""

    multiple = 32  # rows and columns must be whole multiples of this many pixels
    smallest = 64  # pixels a side: the coarsest map needs more than one cell to be normalised over

    def __init__(self, *, embed: int, window: int, depths: Stages, heads: Stages, dropout: float) -> None:
        super().__init__()
        self.channels = 4 * embed  # of the features
        self.slope = None  # of a PReLU: there is none
        self.patches = nn.Conv2d(1, embed, 2, stride=2)
        self.dropout = nn.Dropout(dropout)
        self.stages = nn.ModuleList(
            SwinStage(embed * 2**number, depth=depth, heads=head, window=window, dropout=dropout)
            for number, (depth, head) in enumerate(zip(depths, heads, strict=True))
        )
        self.skips = nn.ModuleList(
            ResidualBlock(before, after)
            for before, after in ((1, embed), *((embed * m,) * 2 for m in (1, 2, 4)))
        )
        self.bottom = ResidualBlock(16 * embed, 16 * embed)
        self.ups = nn.ModuleList(
            UpBlock(before * embed, after * embed)
            for before, after in ((16, 8), (8, 4), (4, 2), (2, 1), (1, 1))
        )
        self.last = nn.Conv2d(embed, 1, 1)

    def forward(
        self, pixels: Float[Tensor, "b 1 h w"]
    ) -> tuple[Float[Tensor, "b 1 h w"], Float[Tensor, "b c y x"]]:
        """Logits of the heat map, and features of every 8 pixels, from the decoder."""
        tokens = self.dropout(self.patches(pixels).movedim(1, -1))
        states = [normalised(tokens)]
        for stage in self.stages:
            tokens = stage(tokens)
            states.append(normalised(tokens))
        finer = [skip(state) for skip, state in zip(self.skips, (pixels, *states[:3]), strict=True)]
        features, decoded = self.bottom(states[4]), []
        for up, skip in zip(self.ups, (states[3], *reversed(finer)), strict=True):
            features = up(features, skip)
            decoded.append(features)
        logits: Tensor = self.last(features)
        return logits, decoded[1]


def normalised(tokens: Float[Tensor, "b h w c"]) -> Float[Tensor, "b c h w"]:
    """Tokens with mean 0 and deviation 1 over their channels, as a map; without parameters."""
    return functional.layer_norm(tokens, tokens.shape[-1:]).movedim(-1, 1)


class SwinStage(nn.Module):
    """Blocks of window attention, every second one shifted by half a window, and a merger of 2x2 tokens."""

    def __init__(self, channels: int, *, depth: int, heads: int, window: int, dropout: float) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(
            SwinBlock(channels, heads=heads, window=window, shift=number % 2 * (window // 2), dropout=dropout)
            for number in range(depth)
        )
        self.norm = nn.LayerNorm(4 * channels)
        self.merge = nn.Linear(4 * channels, 2 * channels, bias=False)

    def forward(self, tokens: Float[Tensor, "b h w c"]) -> Float[Tensor, "b y x k"]:
        """Tokens of half as many rows and columns and twice as many channels."""
        for block in self.blocks:
            tokens = block(tokens)
        four = [tokens[:, row::2, column::2] for column in (0, 1) for row in (0, 1)]  # Swin's order
        merged: Tensor = self.merge(self.norm(torch.cat(four, dim=-1)))
        return merged


class SwinBlock(nn.Module):
    """Attention within windows and a perceptron, each normalised before and added to what came in."""

    def __init__(self, channels: int, *, heads: int, window: int, shift: int, dropout: float) -> None:
        super().__init__()
        self.window = window  # rows and columns of tokens
        self.shift = shift  # rows and columns that the windows are moved by
        self.norm = nn.LayerNorm(channels)
        self.attention = WindowAttention(channels, heads=heads, window=window, dropout=dropout)
        self.perceptron = nn.Sequential(
            nn.LayerNorm(channels),
            nn.Linear(channels, 4 * channels),  # Swin's ratio
            nn.GELU(),
            nn.Dropout(dropout),
            nn.Linear(4 * channels, channels),
            nn.Dropout(dropout),
        )

    def forward(self, tokens: Float[Tensor, "b h w c"]) -> Float[Tensor, "b h w c"]:
        """Tokens of the same shape."""
        tokens = tokens + self.attend(self.norm(tokens))
        updated: Tensor = tokens + self.perceptron(tokens)
        return updated

    def attend(self, tokens: Float[Tensor, "b h w c"]) -> Float[Tensor, "b h w c"]:
        """What each token takes from its window, which is shifted, filled up and cut off again here."""
        height, width = tokens.shape[1:3]
        window_hw = min(self.window, height), min(self.window, width)
        shift_hw = tuple(
            self.shift if side > self.window else 0 for side in (height, width)
        )  # one window holds all of a smaller map
        below, beside = -height % window_hw[0], -width % window_hw[1]
        filled = functional.pad(tokens, (0, 0, 0, beside, 0, below))
        rolled = filled.roll((-shift_hw[0], -shift_hw[1]), dims=(1, 2))
        is_visible = None
        if any(shift_hw):
            rows, columns = (
                regions(side, window=window, shift=shift, device=tokens.device)
                for side, window, shift in zip(filled.shape[1:3], window_hw, shift_hw, strict=True)
            )
            region = (3 * rows[:, None] + columns)[None, :, :, None]
            own = split_windows(region, window_hw)[0, ..., 0]
            is_visible = own[:, :, None] == own[:, None, :]
        attended = self.attention(split_windows(rolled, window_hw), window_hw, is_visible)
        whole = join_windows(attended, window_hw, (height + below, width + beside))
        return whole.roll(shift_hw, dims=(1, 2))[:, :height, :width]


class WindowAttention(nn.Module):
    """Attention among the tokens of a window, with a learned bias for every relative position."""

    def __init__(self, channels: int, *, heads: int, window: int, dropout: float) -> None:
        super().__init__()
        self.heads = heads
        self.window = window
        self.bias = nn.Parameter(torch.empty((2 * window - 1) ** 2, heads))
        nn.init.trunc_normal_(self.bias, std=BIAS_DEVIATION)
        self.enter = nn.Linear(channels, 3 * channels)
        self.leave = nn.Linear(channels, channels)
        self.dropout = nn.Dropout(dropout)

    def forward(
        self,
        tokens: Float[Tensor, "b n t c"],
        window_hw: tuple[int, int],
        is_visible: Bool[Tensor, "n t t"] | None,
    ) -> Float[Tensor, "b n t c"]:
        """Tokens of the same shape; one sees those that `is_visible` names, or all of its window."""
        batch, windows, count, channels = tokens.shape
        split = self.enter(tokens).view(batch, windows, count, 3, self.heads, channels // self.heads)
        query, key, value = split.permute(3, 0, 1, 4, 2, 5).flatten(1, 2)
        bias = self.relative_bias(window_hw).to(query.dtype)[None]
        if is_visible is not None:
            bias = bias.masked_fill(~is_visible[:, None], float("-inf")).repeat(batch, 1, 1, 1)
        mixed = functional.scaled_dot_product_attention(  # whose fast ways take no axis more than these four
            query, key, value, attn_mask=bias.expand(batch * windows, -1, -1, -1)
        )
        left: Tensor = self.dropout(self.leave(mixed.transpose(1, 2).reshape(tokens.shape)))
        return left

    def relative_bias(self, window_hw: tuple[int, int]) -> Float[Tensor, "a t t"]:
        """The bias of every head for a token (first t) that looks at another (second t)."""
        rows, columns = (
            torch.arange(side, device=self.bias.device) for side in window_hw
        )  # of a window, which may be smaller than the largest
        place = torch.cartesian_prod(rows, columns)
        apart = place[:, None] - place[None] + self.window - 1
        return self.bias[apart[..., 0] * (2 * self.window - 1) + apart[..., 1]].movedim(-1, 0)


def split_windows(
    tokens: Float[Tensor, "b h w c"] | Int64[Tensor, "b h w c"], window_hw: tuple[int, int]
) -> Float[Tensor, "b n t c"] | Int64[Tensor, "b n t c"]:
    """The windows of a map that is a whole multiple of them, row by row."""
    batch, height, width, channels = tokens.shape
    down, across = height // window_hw[0], width // window_hw[1]
    six = tokens.view(batch, down, window_hw[0], across, window_hw[1], channels)
    return six.transpose(2, 3).reshape(batch, down * across, -1, channels)


def join_windows(
    tokens: Float[Tensor, "b n t c"], window_hw: tuple[int, int], size_hw: tuple[int, int]
) -> Float[Tensor, "b h w c"]:
    """The map of this size that `split_windows` split."""
    batch, _, _, channels = tokens.shape
    down, across = size_hw[0] // window_hw[0], size_hw[1] // window_hw[1]
    six = tokens.view(batch, down, across, *window_hw, channels)
    return six.transpose(2, 3).reshape(batch, *size_hw, channels)


def regions(side: int, *, window: int, shift: int, device: torch.device) -> Int64[Tensor, " h"]:
    """Of an axis moved by `shift`: 0, and in the last window 1, or 2 for what came round from the start."""
    place = torch.arange(side, device=device)
    if not shift:
        return torch.zeros_like(place)
    return (place >= side - window).long() + (place >= side - shift).long()


class ResidualBlock(nn.Module):
    """Two convolutions, each normalised over the picture, plus what came in."""

    def __init__(self, before: int, after: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(before, after, 3, padding=1, bias=False)
        self.second = nn.Conv2d(after, after, 3, padding=1, bias=False)
        self.shortcut = nn.Conv2d(before, after, 1, bias=False) if before != after else None

    def forward(self, features: Float[Tensor, "b c h w"]) -> Float[Tensor, "b k h w"]:
        """Features of the same size."""
        inner = functional.leaky_relu(functional.instance_norm(self.first(features)), LEAK)
        outer = functional.instance_norm(self.second(inner))
        straight = features if self.shortcut is None else functional.instance_norm(self.shortcut(features))
        return functional.leaky_relu(outer + straight, LEAK)


class UpBlock(nn.Module):
    """Twice as many rows and columns, joined with finer features."""

    def __init__(self, before: int, after: int) -> None:
        super().__init__()
        self.enlarge = nn.ConvTranspose2d(before, after, 2, stride=2, bias=False)
        self.join = ResidualBlock(2 * after, after)

    def forward(
        self, features: Float[Tensor, "b c y x"], finer: Float[Tensor, "b k h w"]
    ) -> Float[Tensor, "b k h w"]:
        """Features of the size and the channels of the finer ones."""
        joined: Tensor = self.join(torch.cat((self.enlarge(features), finer), dim=1))
        return joined
