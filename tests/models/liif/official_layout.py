"""LIIF's networks and checkpoints under its authors' names, written from the paper, without our package.

Layers are named as https://github.com/yinboc/liif names them in its files. `picture` is their algorithm: this
encoder, then the literal decoder. Axes: b c h w, and h w 3 for the picture.
"""

import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Literal

import torch
from torch import Tensor, nn

from tests.models.liif.literal import literal_enlarge


def convolution(before: int, after: int, side: int = 3) -> nn.Conv2d:
    return nn.Conv2d(before, after, side, padding=side // 2)


class DenseLayer(nn.Module):
    def __init__(self, before: int, growth: int) -> None:
        super().__init__()
        self.conv = nn.Sequential(convolution(before, growth), nn.ReLU())

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat((x, self.conv(x)), 1)


class DenseBlock(nn.Module):
    def __init__(self, width: int, growth: int, layers: int) -> None:
        super().__init__()
        self.convs = nn.Sequential(*(DenseLayer(width + c * growth, growth) for c in range(layers)))
        self.LFF = convolution(width + layers * growth, width, 1)

    def forward(self, x: Tensor) -> Tensor:
        features: Tensor = x + self.LFF(self.convs(x))
        return features


class ResidualDenseNetwork(nn.Module):
    def __init__(self, *, width: int, blocks: int, layers: int, growth: int) -> None:
        super().__init__()
        self.out_dim = width
        self.SFENet1 = convolution(3, width)
        self.SFENet2 = convolution(width, width)
        self.RDBs = nn.ModuleList(DenseBlock(width, growth, layers) for _ in range(blocks))
        self.GFF = nn.Sequential(convolution(blocks * width, width, 1), convolution(width, width))

    def forward(self, x: Tensor) -> Tensor:
        shallow = self.SFENet1(x)
        x, outputs = self.SFENet2(shallow), []
        for block in self.RDBs:
            x = block(x)
            outputs.append(x)
        features: Tensor = shallow + self.GFF(torch.cat(outputs, 1))
        return features


class ResidualBlock(nn.Module):
    def __init__(self, width: int, factor: float) -> None:
        super().__init__()
        self.factor = factor
        self.body = nn.Sequential(convolution(width, width), nn.ReLU(), convolution(width, width))

    def forward(self, x: Tensor) -> Tensor:
        features: Tensor = x + self.factor * self.body(x)
        return features


class EnhancedDeepNetwork(nn.Module):
    def __init__(self, *, width: int, blocks: int, factor: float = 1.0) -> None:
        super().__init__()
        self.out_dim = width
        self.sub_mean = convolution(3, 3, 1)  # its authors keep the two and never call them
        self.add_mean = convolution(3, 3, 1)
        self.head = nn.Sequential(convolution(3, width))
        self.body = nn.Sequential(
            *(ResidualBlock(width, factor) for _ in range(blocks)), convolution(width, width)
        )

    def forward(self, x: Tensor) -> Tensor:
        shallow = self.head(x)
        features: Tensor = shallow + self.body(shallow)
        return features


class Perceptron(nn.Module):
    def __init__(self, before: int, hidden: tuple[int, ...]) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for width in hidden:
            layers += [nn.Linear(before, width), nn.ReLU()]
            before = width
        self.layers = nn.Sequential(*layers, nn.Linear(before, 3))


class OfficialLiif(nn.Module):
    """The published network: tensors named encoder.* and imnet.*."""

    def __init__(self, encoder: ResidualDenseNetwork | EnhancedDeepNetwork, hidden: tuple[int, ...]) -> None:
        super().__init__()
        self.encoder = encoder
        self.imnet = Perceptron(9 * encoder.out_dim + 4, hidden)

    @property
    def linear(self) -> list[nn.Linear]:
        return [layer for layer in self.imnet.layers if isinstance(layer, nn.Linear)]

    def picture(self, pixels: Tensor, size_hw: tuple[int, int]) -> Tensor:
        """The enlarged picture (h w 3), in [0, 1] but for overshoot, in the dtype of the pixels (h w 3)."""
        parts: Any = SimpleNamespace(
            encoder=self.encoder,
            decoder=SimpleNamespace(linears=self.linear),
            config=SimpleNamespace(skip="none"),
        )
        with torch.no_grad():
            return literal_enlarge(parts, pixels.permute(2, 0, 1)[None], size_hw)


def small_rdn(seed: int = 0) -> OfficialLiif:
    encoder = ResidualDenseNetwork(width=8, blocks=3, layers=2, growth=4)
    return seeded(OfficialLiif(encoder, (16, 12, 10, 14)), seed)


def small_edsr(seed: int = 0, *, factor: float = 1.0) -> OfficialLiif:
    return seeded(OfficialLiif(EnhancedDeepNetwork(width=8, blocks=3, factor=factor), (16, 12, 10, 14)), seed)


def published_rdn() -> OfficialLiif:
    return OfficialLiif(ResidualDenseNetwork(width=64, blocks=16, layers=8, growth=64), (256,) * 4)


def published_edsr() -> OfficialLiif:
    return OfficialLiif(EnhancedDeepNetwork(width=64, blocks=16), (256,) * 4)


def seeded(network: OfficialLiif, seed: int = 0) -> OfficialLiif:
    """A network of random weights whose colours, on noise, spread over [0, 1] as a trained one's do."""
    generator = torch.Generator().manual_seed(seed)
    network.requires_grad_(False)
    for parameter in network.parameters():
        fan = parameter[0].numel() if parameter.ndim > 1 else 100
        parameter.uniform_(-1, 1, generator=generator).div_(fan**0.5)
    for layer in network.linear[:-1]:
        layer.weight.mul_(1.5)  # as strong as a ReLU network needs to keep its signal
    colours = network.picture(torch.rand(8, 8, 3, generator=generator), (16, 16))
    last = network.linear[-1]
    spread = 0.15 / colours.std((0, 1))
    last.bias.copy_((last.bias - 2 * (colours.mean((0, 1)) - 0.5)) * spread)
    last.weight.mul_(spread[:, None])
    return network


def wrapped(network: OfficialLiif, **options: Any) -> dict[str, Any]:
    """What the authors' training saves: the network, the optimizer with its moments, the epoch."""
    tensors = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    is_rdn = isinstance(network.encoder, ResidualDenseNetwork)
    spec = {"name": "rdn" if is_rdn else "edsr-baseline", "args": {"no_upsampling": True}}
    moments = {
        number: {"step": 7, "exp_avg": torch.zeros_like(one), "exp_avg_sq": torch.zeros_like(one)}
        for number, one in enumerate(network.imnet.parameters())
    }
    groups = [{"lr": 1e-4, "betas": (0.9, 0.999), "eps": 1e-8, "params": list(moments)}]
    return {
        "model": {
            "name": "liif",
            "args": {
                "encoder_spec": spec,
                "imnet_spec": {"name": "mlp", "args": {"out_dim": 3, "hidden_list": [256] * 4}},
                **options,
            },
            "sd": tensors,
        },
        "optimizer": {"name": "adam", "args": {"lr": 1e-4}, "sd": {"state": moments, "param_groups": groups}},
        "epoch": 1000,
    }


def save(content: object, path: Path, *, form: Literal["zip", "legacy"] = "zip") -> Path:
    torch.save(content, path, _use_new_zipfile_serialization=form == "zip")
    return path


MMAGIC = (  # its files hold the same layers, lifted out of the encoder, each name under `generator`
    (r"encoder\.SFENet([12])", r"generator.sfe\1"),
    (r"encoder\.RDBs\.(\d+)\.convs\.(\d+)\.conv\.0", r"generator.rdbs.\1.layers.\2.conv"),
    (r"encoder\.RDBs\.(\d+)\.LFF", r"generator.rdbs.\1.lff"),
    (r"encoder\.GFF\.([01])", r"generator.gff.\1"),
    (r"encoder\.head\.0", r"generator.conv_first"),
    (r"encoder\.body\.(\d+)\.body\.0", r"generator.body.\1.conv1"),
    (r"encoder\.body\.(\d+)\.body\.2", r"generator.body.\1.conv2"),
    (r"encoder\.body\.\d+", r"generator.conv_after_body"),
    (r"imnet\.layers\.(\d+)", r"generator.imnet.layers.\1"),
)


def mmagic(network: OfficialLiif) -> dict[str, Any]:
    """The same network as mmagic saves it."""
    tensors = {}
    for name, tensor in network.state_dict().items():
        layer, _, part = name.rpartition(".")
        for theirs, other in MMAGIC:
            if re.fullmatch(theirs, layer):
                tensors[f"{re.sub(theirs, other, layer)}.{part}"] = tensor.clone()
                break
    return {"meta": {"epoch": 1, "iter": 1000000}, "state_dict": tensors}
