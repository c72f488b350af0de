"""The networks that are imported, in PyTorch, written from their published architecture.

Modules have the names of the state dicts of WeSpeaker, SpeechBrain and 3D-Speaker. All take
features `[batch, frames, bins]` and give embeddings `[batch, size]`.
"""

import math

import torch
from torch import nn

BLOCKS = {
    "resnet18": (2, 2, 2, 2),
    "resnet34": (3, 4, 6, 3),
    "resnet50": (3, 4, 6, 3),
    "resnet101": (3, 4, 23, 3),
    "resnet152": (3, 8, 36, 3),
    "resnet221": (6, 16, 48, 3),
    "resnet293": (10, 20, 64, 3),
    "simam34": (3, 4, 6, 3),
    "simam100": (6, 16, 24, 3),
    "gemini60": (3, 3, 9, 3),
    "gemini114": (3, 3, 27, 3),
    "gemini183": (3, 8, 45, 3),
    "gemini237": (3, 8, 63, 3),
}


def conv2d(inputs, outputs, size, stride=1, groups=1):
    return nn.Conv2d(inputs, outputs, size, stride, size // 2, groups=groups, bias=False)


class Residual(nn.Module):
    """Convolutions with a shortcut around; `kinds` are (outputs, size, stride, groups)."""

    def __init__(self, inputs, kinds, project):
        super().__init__()
        self.depth = len(kinds)
        width, total = inputs, 1
        for index, (outputs, size, stride, groups) in enumerate(kinds, start=1):
            setattr(self, f"conv{index}", conv2d(width, outputs, size, stride, groups))
            setattr(self, f"bn{index}", nn.BatchNorm2d(outputs))
            width, total = outputs, total * stride
        self.shortcut = nn.Sequential()
        if project and (total > 1 or inputs != width):
            self.shortcut = nn.Sequential(conv2d(inputs, width, 1, total), nn.BatchNorm2d(width))

    def forward(self, x):
        y = x
        for index in range(1, self.depth + 1):
            y = getattr(self, f"bn{index}")(getattr(self, f"conv{index}")(y))
            if index < self.depth:
                y = torch.relu(y)
        return torch.relu(y + self.shortcut(x))


class ImageNetwork(nn.Module):
    """What `image` makes of `[batch, 1, bins, frames]`, its statistics over time, a head."""

    def finish(self, inputs, embedding_size, two_layers=False):
        self.seg_1 = nn.Linear(inputs, embedding_size)
        self.two_layers = two_layers
        if two_layers:
            add_second_layer(self, embedding_size)

    def forward(self, features):
        x = self.image(features.transpose(1, 2).unsqueeze(1))
        x = self.seg_1(statistics(x))
        return second_layer(self, x) if self.two_layers else x


def statistics(x):
    """Mean and deviation over the last axis, `[batch, n]`."""
    deviation = torch.sqrt(x.var(-1, unbiased=True) + 1e-7)
    return torch.cat([x.mean(-1).flatten(1), deviation.flatten(1)], 1)


def add_second_layer(network, size):
    network.seg_bn_1 = nn.BatchNorm1d(size, affine=False)
    network.seg_2 = nn.Linear(size, size)


def second_layer(network, x):
    return network.seg_2(network.seg_bn_1(torch.relu(x)))


class ResNet(ImageNetwork):
    def __init__(self, name, channels, bins, embedding_size, two_layers=False):
        super().__init__()
        self.conv1, self.bn1 = conv2d(1, channels, 3), nn.BatchNorm2d(channels)
        width = channels
        for stage, blocks in enumerate(BLOCKS[name]):
            modules = []
            for index in range(blocks):
                stride = 2 if stage and not index else 1
                inner = channels * 2**stage
                if name in ("resnet18", "resnet34"):
                    kinds = [(inner, 3, stride, 1), (inner, 3, 1, 1)]
                else:
                    kinds = [(inner, 1, 1, 1), (inner, 3, stride, 1), (4 * inner, 1, 1, 1)]
                modules.append(Residual(width, kinds, project=True))
                width = kinds[-1][0]
            setattr(self, f"layer{stage + 1}", nn.Sequential(*modules))
        self.finish(2 * width * bins // 8, embedding_size, two_layers)

    def image(self, x):
        x = torch.relu(self.bn1(self.conv1(x)))
        return self.layer4(self.layer3(self.layer2(self.layer1(x))))


class Gemini(ImageNetwork):
    def __init__(self, name, channels, bins, embedding_size, two_layers=False):
        super().__init__()
        widths = [channels, *(channels * 2**stage for stage in range(4))]
        stem = nn.Sequential(conv2d(1, channels, 3), nn.BatchNorm2d(channels), nn.ReLU())
        self.downsample_layers, self.stages = nn.ModuleList([stem]), nn.ModuleList()
        for stage, blocks in enumerate(BLOCKS[name]):
            width = widths[stage + 1]
            down = conv2d(widths[stage], width, 3, (2, 2 if stage == 1 else 1))
            self.downsample_layers.append(nn.Sequential(down, nn.BatchNorm2d(width)))
            kinds = [(4 * width, 1, 1, 1), (4 * width, 3, 1, 4 * width), (width, 1, 1, 1)]
            modules = [Residual(width, kinds, project=False) for _ in range(blocks)]
            self.stages.append(nn.Sequential(*modules))
        self.finish(2 * width * bins // 16, embedding_size, two_layers)

    def image(self, x):
        x = self.downsample_layers[0](x)
        for down, stage in zip(self.downsample_layers[1:], self.stages):  # noqa: B905
            x = stage(down(x))
        return x


class SimamBlock(nn.Module):
    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.conv1, self.bn1 = conv2d(inputs, outputs, 3, stride), nn.BatchNorm2d(outputs)
        self.conv2, self.bn2 = conv2d(outputs, outputs, 3), nn.BatchNorm2d(outputs)
        self.downsample = nn.Sequential()
        if stride > 1 or inputs != outputs:
            projection = conv2d(inputs, outputs, 1, stride)
            self.downsample = nn.Sequential(projection, nn.BatchNorm2d(outputs))

    def forward(self, x):
        y = self.bn2(self.conv2(torch.relu(self.bn1(self.conv1(x)))))
        variance, mean = torch.var_mean(y, (2, 3), unbiased=True, keepdim=True)
        gate = torch.sigmoid((y - mean) ** 2 / (4 * (variance + 1e-4)) + 0.5)
        return torch.relu(y * gate + self.downsample(x))


class SimamFront(nn.Module):
    def __init__(self, name, channels):
        super().__init__()
        self.conv1, self.bn1 = conv2d(1, channels, 3), nn.BatchNorm2d(channels)
        width = channels
        for stage, blocks in enumerate(BLOCKS[name]):
            modules = []
            for index in range(blocks):
                outputs = channels * 2**stage
                modules.append(SimamBlock(width, outputs, 2 if stage and not index else 1))
                width = outputs
            setattr(self, f"layer{stage + 1}", nn.Sequential(*modules))

    def forward(self, x):
        x = torch.relu(self.bn1(self.conv1(x)))
        return self.layer4(self.layer3(self.layer2(self.layer1(x))))


class RectifiedAttention(nn.Module):
    def __init__(self, features):
        super().__init__()
        self.attention = nn.Sequential(
            nn.Conv1d(features, 128, 1),
            nn.ReLU(),
            nn.BatchNorm1d(128),
            nn.Conv1d(128, features, 1),
            nn.Softmax(2),
        )

    def forward(self, x):
        weights = self.attention(x)
        mean = (weights * x).sum(2)
        variance = (weights * x * x).sum(2) - mean * mean
        return torch.cat([mean, torch.sqrt(variance.clamp(min=1e-5))], 1)


class Simam(nn.Module):
    def __init__(self, name, channels, bins, embedding_size):
        super().__init__()
        features = 8 * channels * bins // 8
        self.front = SimamFront(name, channels)
        self.pooling = RectifiedAttention(features)
        self.bottleneck = nn.Linear(2 * features, embedding_size)

    def forward(self, features):
        x = self.front(features.transpose(1, 2).unsqueeze(1))
        return self.bottleneck(self.pooling(x.flatten(1, 2)))


class FrameLayer(nn.Module):
    def __init__(self, inputs, outputs, size, dilation):
        super().__init__()
        self.conv_1d = nn.Conv1d(inputs, outputs, size, dilation=dilation)
        self.bn = nn.BatchNorm1d(outputs, affine=False)

    def forward(self, x):
        return self.bn(torch.relu(self.conv_1d(x)))


class XVector(nn.Module):
    """The fifth layer is as wide as in tfsv, which is 1500 for 512 channels."""

    def __init__(self, name, channels, bins, embedding_size):
        super().__init__()
        width, wide = bins, 1500 * channels // 512
        for index, (size, dilation) in enumerate(((5, 1), (3, 2), (3, 3), (1, 1), (1, 1)), start=1):
            outputs = wide if index == 5 else channels
            setattr(self, f"frame_{index}", FrameLayer(width, outputs, size, dilation))
            width = outputs
        self.seg_1 = nn.Linear(2 * wide, embedding_size)
        add_second_layer(self, embedding_size)

    def forward(self, features):
        x = features.transpose(1, 2)
        for index in range(1, 6):
            x = getattr(self, f"frame_{index}")(x)
        return second_layer(self, self.seg_1(statistics(x)))


class ConvReluNorm(nn.Module):
    def __init__(self, inputs, outputs, size=1, dilation=1):
        super().__init__()
        padding = dilation * (size // 2)
        self.conv = nn.Conv1d(inputs, outputs, size, padding=padding, dilation=dilation)
        self.bn = nn.BatchNorm1d(outputs)

    def forward(self, x):
        return self.bn(torch.relu(self.conv(x)))


class Res2(nn.Module):
    def __init__(self, channels, dilation):
        super().__init__()
        width = channels // 8
        self.convs = nn.ModuleList(
            nn.Conv1d(width, width, 3, padding=dilation, dilation=dilation) for _ in range(7)
        )
        self.bns = nn.ModuleList(nn.BatchNorm1d(width) for _ in range(7))

    def forward(self, x):
        groups, outputs = x.chunk(8, 1), []
        for index in range(7):
            y = groups[index] + outputs[-1] if outputs else groups[index]
            outputs.append(self.bns[index](torch.relu(self.convs[index](y))))
        return torch.cat([*outputs, groups[7]], 1)


class Gate(nn.Module):
    def __init__(self, channels, bottleneck):
        super().__init__()
        self.linear1 = nn.Linear(channels, bottleneck)
        self.linear2 = nn.Linear(bottleneck, channels)

    def forward(self, x):
        gate = torch.sigmoid(self.linear2(torch.relu(self.linear1(x.mean(2)))))
        return x * gate.unsqueeze(2)


class Res2Block(nn.Module):
    def __init__(self, channels, dilation, bottleneck):
        super().__init__()
        self.se_res2block = nn.Sequential(
            ConvReluNorm(channels, channels),
            Res2(channels, dilation),
            ConvReluNorm(channels, channels),
            Gate(channels, bottleneck),
        )

    def forward(self, x):
        return x + self.se_res2block(x)


class Attention(nn.Module):
    def __init__(self, channels, bottleneck, context):
        super().__init__()
        self.context = context
        self.linear1 = nn.Conv1d((3 if context else 1) * channels, bottleneck, 1)
        self.linear2 = nn.Conv1d(bottleneck, channels, 1)

    def forward(self, x):
        seen = x
        if self.context:
            deviation = torch.sqrt(x.var(2, unbiased=True, keepdim=True) + 1e-7)
            seen = torch.cat([x, x.mean(2, True).expand_as(x), deviation.expand_as(x)], 1)
        weights = torch.softmax(self.linear2(torch.tanh(self.linear1(seen))), 2)
        mean = (weights * x).sum(2)
        variance = (weights * x * x).sum(2) - mean * mean
        return torch.cat([mean, torch.sqrt(variance.clamp(min=1e-7))], 1)


class Ecapa(nn.Module):
    """Widths below 512, which WeSpeaker has none of, scale down as in tfsv."""

    def __init__(self, name, channels, bins, embedding_size, context=True, emb_bn=False):
        super().__init__()
        bottleneck, wide = min(128, channels), min(1536, 3 * channels)
        self.layer1 = ConvReluNorm(bins, channels, 5)
        self.layer2 = Res2Block(channels, 2, bottleneck)
        self.layer3 = Res2Block(channels, 3, bottleneck)
        self.layer4 = Res2Block(channels, 4, bottleneck)
        self.conv = nn.Conv1d(3 * channels, wide, 1)
        self.pool = Attention(wide, bottleneck, context)
        self.bn = nn.BatchNorm1d(2 * wide)
        self.linear = nn.Linear(2 * wide, embedding_size)
        self.bn2 = nn.BatchNorm1d(embedding_size) if emb_bn else nn.Identity()

    def forward(self, features):
        first = self.layer1(features.transpose(1, 2))
        second = self.layer2(first)
        third = self.layer3(second)
        x = torch.cat([second, third, self.layer4(third)], 1)
        return self.bn2(self.linear(self.bn(self.pool(torch.relu(self.conv(x))))))


class Wrapped(nn.Module):
    """SpeechBrain's layers hold PyTorch's one level down, under another name."""

    def __init__(self, name, module):
        super().__init__()
        self.inner = name
        setattr(self, name, module)

    def forward(self, x):
        return getattr(self, self.inner)(x)


def mirrored(inputs, outputs, size=1, dilation=1):
    padding = dilation * (size // 2)
    conv = nn.Conv1d(
        inputs, outputs, size, padding=padding, dilation=dilation, padding_mode="reflect"
    )
    return Wrapped("conv", conv)


class Tdnn(nn.Module):
    def __init__(self, inputs, outputs, size=1, dilation=1):
        super().__init__()
        self.conv = mirrored(inputs, outputs, size, dilation)
        self.norm = Wrapped("norm", nn.BatchNorm1d(outputs))

    def forward(self, x):
        return self.norm(torch.relu(self.conv(x)))


class SpeechBrainRes2(nn.Module):
    def __init__(self, channels, dilation):
        super().__init__()
        width = channels // 8
        self.blocks = nn.ModuleList(Tdnn(width, width, 3, dilation) for _ in range(7))

    def forward(self, x):
        first, *groups = x.chunk(8, 1)
        outputs = []
        for block, group in zip(self.blocks, groups):  # noqa: B905
            outputs.append(block(group + outputs[-1] if outputs else group))
        return torch.cat([first, *outputs], 1)


class SpeechBrainGate(nn.Module):
    def __init__(self, channels, bottleneck):
        super().__init__()
        self.conv1 = mirrored(channels, bottleneck)
        self.conv2 = mirrored(bottleneck, channels)

    def forward(self, x):
        squeezed = torch.relu(self.conv1(x.mean(2, True)))
        return x * torch.sigmoid(self.conv2(squeezed))


class SpeechBrainBlock(nn.Module):
    def __init__(self, channels, dilation, bottleneck):
        super().__init__()
        self.tdnn1 = Tdnn(channels, channels)
        self.res2net_block = SpeechBrainRes2(channels, dilation)
        self.tdnn2 = Tdnn(channels, channels)
        self.se_block = SpeechBrainGate(channels, bottleneck)

    def forward(self, x):
        return x + self.se_block(self.tdnn2(self.res2net_block(self.tdnn1(x))))


class SpeechBrainAttention(nn.Module):
    def __init__(self, channels, bottleneck):
        super().__init__()
        self.tdnn = Tdnn(3 * channels, bottleneck)
        self.conv = mirrored(bottleneck, channels)

    @staticmethod
    def statistics(x, weights):
        mean = (weights * x).sum(2, True)
        variance = (weights * (x - mean) ** 2).sum(2, True)
        return mean, torch.sqrt(variance.clamp(min=1e-12))

    def forward(self, x):
        mean, deviation = self.statistics(x, torch.full_like(x, 1 / x.shape[2]))
        seen = torch.cat([x, mean.expand_as(x), deviation.expand_as(x)], 1)
        weights = torch.softmax(self.conv(torch.tanh(self.tdnn(seen))), 2)
        return torch.cat(self.statistics(x, weights), 1)


class SpeechBrainEcapa(nn.Module):
    def __init__(self, name, channels, bins, embedding_size):
        super().__init__()
        bottleneck, wide = min(128, channels), 3 * channels
        blocks = [SpeechBrainBlock(channels, dilation, bottleneck) for dilation in (2, 3, 4)]
        self.blocks = nn.ModuleList([Tdnn(bins, channels, 5), *blocks])
        self.mfa = Tdnn(wide, wide)
        self.asp = SpeechBrainAttention(wide, bottleneck)
        self.asp_bn = Wrapped("norm", nn.BatchNorm1d(2 * wide))
        self.fc = mirrored(2 * wide, embedding_size)

    def forward(self, features):
        x, outputs = features.transpose(1, 2), []
        for block in self.blocks:
            x = block(x)
            outputs.append(x)
        x = self.mfa(torch.cat(outputs[1:], 1))
        return self.fc(self.asp_bn(self.asp(x))).squeeze(2)


class Ge2e(nn.Module):
    """Three LSTM layers, the last state of which gives the embedding of a window."""

    def __init__(self, name, channels, bins, embedding_size):
        super().__init__()
        self.lstm = nn.LSTM(bins, channels, 3, batch_first=True)
        self.linear = nn.Linear(channels, embedding_size)
        self.similarity_weight = nn.Parameter(torch.tensor([10.0]))
        self.similarity_bias = nn.Parameter(torch.tensor([-5.0]))

    def forward(self, features):
        """One window of 160 frames, padded with zeros."""
        padded = nn.functional.pad(features, (0, 0, 0, 160 - features.shape[1]))
        _, (states, _) = self.lstm(padded)
        return nn.functional.normalize(torch.relu(self.linear(states[-1])), dim=1, eps=0)

    def utterance(self, waveform):
        """What Resemblyzer computes of one utterance, written from its description."""
        level = 10 * torch.log10(waveform.square().mean())
        if level < -30:
            waveform = waveform * 10 ** ((-30 - level) / 20)
        starts = ge2e_starts(len(waveform))
        missing = max(0, 160 * (starts[-1] + 160) - len(waveform))
        mels = mel_powers(nn.functional.pad(waveform, (0, missing)), self.lstm.input_size)
        windows = [self(mels[None, start : start + 160]) for start in starts]
        return nn.functional.normalize(torch.cat(windows).mean(0), dim=0)


def ge2e_starts(samples):
    """First frames of the windows of an utterance."""
    last = max(0, math.ceil((samples + 1) / 160) - 160 + 77)
    starts = list(range(0, last + 1, 77))
    covered = (samples - 160 * starts[-1]) / (160 * 160)
    return starts[:-1] if len(starts) > 1 and covered < 0.75 else starts


def mel_powers(waveform, bins):
    """Powers in mel filters of equal area, by Slaney's scale, `[frames, bins]`."""
    window = torch.hann_window(400)
    spectrum = torch.stft(
        waveform, 400, 160, window=window, center=True, pad_mode="constant", return_complex=True
    )
    ratio = math.log(6.4) / 27  # of a mel above 1000 Hz, which is mel 15
    top = 15 + math.log(8) / ratio
    mels = [top * index / (bins + 1) for index in range(bins + 2)]
    edges = [m * 200 / 3 if m < 15 else 1000 * math.exp((m - 15) * ratio) for m in mels]
    filters = torch.zeros(bins, 201)
    for index, (low, centre, high) in enumerate(
        zip(edges[:-2], edges[1:-1], edges[2:], strict=True)
    ):
        for bin_ in range(201):
            slope = min((40 * bin_ - low) / (centre - low), (high - 40 * bin_) / (high - centre))
            filters[index, bin_] = max(0, slope) * 2 / (high - low)
    return (filters @ spectrum.abs().square()).T


def normed(channels, affine=True):
    """The batch normalisation of CAM++, one level down."""
    return nn.ModuleDict({"batchnorm": nn.BatchNorm1d(channels, affine=affine)})


def normalised(modules, x):
    return torch.relu(modules["batchnorm"](x))


class HalvedFrequency(nn.Module):
    """A basic block; `stride` is that of frequency."""

    def __init__(self, channels, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels, 3, (stride, 1), 1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2, self.bn2 = conv2d(channels, channels, 3), nn.BatchNorm2d(channels)
        self.shortcut = nn.Sequential()
        if stride > 1:
            shortcut = nn.Conv2d(channels, channels, 1, (stride, 1), bias=False)
            self.shortcut = nn.Sequential(shortcut, nn.BatchNorm2d(channels))

    def forward(self, x):
        y = self.bn2(self.conv2(torch.relu(self.bn1(self.conv1(x)))))
        return torch.relu(y + self.shortcut(x))


class CamHead(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.conv1, self.bn1 = conv2d(1, channels, 3), nn.BatchNorm2d(channels)
        for stage in (1, 2):
            blocks = [HalvedFrequency(channels, stride) for stride in (2, 1)]
            setattr(self, f"layer{stage}", nn.Sequential(*blocks))
        self.conv2 = nn.Conv2d(channels, channels, 3, (2, 1), 1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)

    def forward(self, x):
        x = self.layer2(self.layer1(torch.relu(self.bn1(self.conv1(x)))))
        return torch.relu(self.bn2(self.conv2(x))).flatten(1, 2)


class CamGate(nn.Module):
    def __init__(self, inputs, growth, dilation):
        super().__init__()
        self.linear_local = nn.Conv1d(
            inputs, growth, 3, padding=dilation, dilation=dilation, bias=False
        )
        self.linear1 = nn.Conv1d(inputs, inputs // 2, 1)
        self.linear2 = nn.Conv1d(inputs // 2, growth, 1)

    def forward(self, x):
        means = [part.mean(2, True).expand_as(part) for part in x.split(100, 2)]
        context = x.mean(2, True) + torch.cat(means, 2)
        gates = torch.sigmoid(self.linear2(torch.relu(self.linear1(context))))
        return self.linear_local(x) * gates


class CamLayer(nn.Module):
    def __init__(self, inputs, growth, dilation):
        super().__init__()
        self.nonlinear1 = normed(inputs)
        self.linear1 = nn.Conv1d(inputs, 4 * growth, 1, bias=False)
        self.nonlinear2 = normed(4 * growth)
        self.cam_layer = CamGate(4 * growth, growth, dilation)

    def forward(self, x):
        y = self.linear1(normalised(self.nonlinear1, x))
        return torch.cat([x, self.cam_layer(normalised(self.nonlinear2, y))], 1)


class CamLinear(nn.Module):
    """A convolution that is named "linear", and a normalisation before or behind it."""

    def __init__(self, convolution, norm):
        super().__init__()
        self.linear, self.nonlinear = convolution, norm


class CamPlusPlus(nn.Module):
    """CAM++, with the pooling of 3D-Speaker, or WeSpeaker's attentive one."""

    def __init__(self, name, channels, bins, embedding_size, attention=False):
        super().__init__()
        growth = channels // 4
        self.head = CamHead(growth)
        first = nn.Conv1d(growth * bins // 8, channels, 5, 2, 2, bias=False)
        parts, width = {"tdnn": CamLinear(first, normed(channels))}, channels
        for block, (layers, dilation) in enumerate(((12, 1), (24, 2), (16, 2)), start=1):
            parts[f"block{block}"] = nn.ModuleDict()
            for layer in range(1, layers + 1):
                parts[f"block{block}"][f"tdnnd{layer}"] = CamLayer(width, growth, dilation)
                width += growth
            halving = nn.Conv1d(width, width // 2, 1, bias=False)
            parts[f"transit{block}"] = CamLinear(halving, normed(width))
            width //= 2
        parts["out_nonlinear"] = normed(width)
        self.attention = attention
        if attention:
            self.pool = parts["stats"] = Attention(width, 128, context=False)
        last = nn.Conv1d(2 * width, embedding_size, 1, bias=False)
        parts["dense"] = CamLinear(last, normed(embedding_size, affine=False))
        self.xvector = nn.ModuleDict(parts)

    def forward(self, features):
        x = self.head(features.transpose(1, 2).unsqueeze(1))
        x = normalised(self.xvector["tdnn"].nonlinear, self.xvector["tdnn"].linear(x))
        for block in (1, 2, 3):
            for layer in self.xvector[f"block{block}"].values():
                x = layer(x)
            transit = self.xvector[f"transit{block}"]
            x = transit.linear(normalised(transit.nonlinear, x))
        x = normalised(self.xvector["out_nonlinear"], x)
        if self.attention:
            x = self.pool(x)
        else:
            x = torch.cat([x.mean(2), x.std(2)], 1)
        dense = self.xvector["dense"]
        return dense.nonlinear["batchnorm"](dense.linear(x.unsqueeze(2))).squeeze(2)


ERES2NETS = {
    "eres2net": (32, 2, 2),
    "eres2net_huge": (24, 3, 4),
    "eres2netv2": (26, 2, 2),
    "eres2netv2_w24s4ep4": (24, 4, 4),
}
"""Channels of a group in a stage of 64, groups, width of a block in widths of its stage."""


class Fusion(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.local_att = nn.Sequential(
            nn.Conv2d(2 * channels, channels // 4, 1),
            nn.BatchNorm2d(channels // 4),
            nn.SiLU(),
            nn.Conv2d(channels // 4, channels, 1),
            nn.BatchNorm2d(channels),
        )

    def forward(self, x, y):
        weights = torch.tanh(self.local_att(torch.cat([x, y], 1)))
        return (1 + weights) * x + (1 - weights) * y


def cut(x):
    return x.clamp(0, 20)


class FusedRes2(nn.Module):
    """A block of ERes2Net; `apart` names the first group's convolution as WeSpeaker does."""

    def __init__(self, inputs, width, sizes, stride, attentive, apart):
        super().__init__()
        base, scale, expansion = sizes
        group, outputs, self.apart = width * base // 64, width * expansion, apart
        self.conv1 = nn.Conv2d(inputs, group * scale, 1, stride, bias=False)
        self.bn1 = nn.BatchNorm2d(group * scale)
        if apart:
            self.conv2_1, self.bn2_1 = conv2d(group, group, 3), nn.BatchNorm2d(group)
        listed = range(scale - apart)
        self.convs = nn.ModuleList(conv2d(group, group, 3) for _ in listed)
        self.bns = nn.ModuleList(nn.BatchNorm2d(group) for _ in listed)
        if attentive:
            self.fuse_models = nn.ModuleList(Fusion(group) for _ in range(scale - 1))
        self.conv3, self.bn3 = conv2d(group * scale, outputs, 1), nn.BatchNorm2d(outputs)
        self.shortcut = nn.Sequential()
        if stride > 1 or inputs != outputs:
            projection = nn.Conv2d(inputs, outputs, 1, stride, bias=False)
            self.shortcut = nn.Sequential(projection, nn.BatchNorm2d(outputs))
        self.scale, self.attentive = scale, attentive

    def forward(self, x):
        layers = list(zip(self.convs, self.bns))  # noqa: B905
        if self.apart:
            layers.insert(0, (self.conv2_1, self.bn2_1))
        outputs = []
        for index, group in enumerate(cut(self.bn1(self.conv1(x))).chunk(self.scale, 1)):
            if outputs and self.attentive:
                group = self.fuse_models[index - 1](outputs[-1], group)
            elif outputs:
                group = outputs[-1] + group
            convolution, norm = layers[index]
            outputs.append(cut(norm(convolution(group))))
        return cut(self.bn3(self.conv3(torch.cat(outputs, 1))) + self.shortcut(x))


class ERes2Net(ImageNetwork):
    """Both versions; WeSpeaker has the first one."""

    def __init__(self, name, channels, bins, embedding_size, wespeaker=False):
        super().__init__()
        sizes = ERES2NETS[name]
        self.conv1, self.bn1 = conv2d(1, channels, 3), nn.BatchNorm2d(channels)
        width, outputs = channels, []
        for stage, blocks in enumerate(BLOCKS["resnet34"]):
            modules, attentive = [], stage > 1
            for index in range(blocks):
                stride, inner = 2 if stage and not index else 1, channels * 2**stage
                apart = wespeaker and attentive
                modules.append(FusedRes2(width, inner, sizes, stride, attentive, apart))
                width = inner * sizes[2]
            setattr(self, f"layer{stage + 1}", nn.Sequential(*modules))
            outputs.append(width)
        if "v2" in name:
            self.fused = {4: ("layer3_ds", "fuse34")}
        else:
            self.fused = {
                n: (f"layer{n - 1}_downsample", f"fuse_mode{'1234'[:n]}") for n in (2, 3, 4)
            }
        for stage, (down, fusion) in self.fused.items():
            setattr(self, down, conv2d(outputs[stage - 2], outputs[stage - 1], 3, 2))
            setattr(self, fusion, Fusion(outputs[stage - 1]))
        self.finish(2 * width * bins // 8, embedding_size)

    def image(self, x):
        x = fused = torch.relu(self.bn1(self.conv1(x)))
        for stage in (1, 2, 3, 4):
            x = getattr(self, f"layer{stage}")(x)
            if stage in self.fused:
                down, fusion = (getattr(self, name) for name in self.fused[stage])
                fused = fusion(x, down(fused))
            else:
                fused = x
        return fused


REDIMNET2 = {
    "b0": ((36, 36, 36, 36, 18, 18), 1, (1, 2, 1, 2, 1, 2)),
    "b1": ((32, 32, 32, 32, 16, 16), 1, (1, 2, 1, 2, 1, 2)),
    "b2": ((40, 30, 30, 20, 20, 10), 1, (1, 2, 1, 3, 1, 2)),
    "b3": ((24, 24, 24, 24, 24, 24), 3, (1, 2, 1, 2, 1, 2)),
    "b4": ((24, 24, 24, 24, 24, 24), 3, (1, 2, 1, 2, 1, 2)),
    "b5": ((48, 48, 48, 48, 32, 32), 3, (1, 2, 1, 2, 1, 2)),
}
"""How often each stage's width over time goes into the features, how many of the first stages are
widened, and the strides of frequency. WeSpeaker's b3 is b0 but for its width."""

WIDENED = {1: (2, 1, 1, 1, 1, 1), 3: (4, 3, 2, 1, 1, 1)}


class ChannelNorm(nn.Module):
    """Layer normalisation over the second axis."""

    def __init__(self, channels):
        super().__init__()
        self.weight, self.bias = (nn.Parameter(torch.zeros(channels)) for _ in range(2))

    def forward(self, x):
        last = x.transpose(1, -1)
        return nn.functional.layer_norm(
            last, last.shape[-1:], self.weight, self.bias, 1e-6
        ).transpose(1, -1)


class Mixed(nn.Module):
    def __init__(self, maps, features):
        super().__init__()
        self.w = nn.Parameter(torch.zeros(1, maps, features, 1))

    def forward(self, maps):
        return (torch.softmax(self.w, 1) * torch.stack(maps, 1)).sum(1)


class SeparableBlock(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.conv_block = nn.Module()
        for index in (1, 2):
            depthwise = nn.Conv2d(width, width, 3, padding=1, bias=False, groups=width)
            setattr(self.conv_block, f"conv{index}", depthwise)
            setattr(self.conv_block, f"conv{index}pw", nn.Conv2d(width, width, 1))
            setattr(self.conv_block, f"bn{index}", nn.BatchNorm2d(width))

    def forward(self, x):
        block = self.conv_block
        y = block.bn1(torch.relu(block.conv1pw(block.conv1(x))))
        return torch.relu(block.bn2(block.conv2pw(block.conv2(y))) + x)


class TimeConvolution(nn.Module):
    def __init__(self, width, size):
        super().__init__()
        wide = nn.Conv1d(width, width, size, padding=size // 2, groups=width)
        self.dwconvs, self.norm = nn.ModuleList([wide]), nn.BatchNorm1d(width)
        self.pwconv1 = nn.Conv1d(width, width, 1)

    def forward(self, x):
        y = self.norm(self.dwconvs[0](x))
        y = 0.5 * y * (1 + torch.erf(y / math.sqrt(2)))
        return x + self.pwconv1(y)


class Transformer(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.attention, self.feed_forward = nn.Module(), nn.Module()
        for name in ("k_proj", "v_proj", "q_proj", "out_proj"):
            setattr(self.attention, name, nn.Linear(width, width))
        self.feed_forward.intermediate_dense = nn.Linear(width, width)
        self.feed_forward.output_dense = nn.Linear(width, width)
        self.layer_norm = nn.LayerNorm(width, 1e-6)
        self.final_layer_norm = nn.LayerNorm(width, 1e-6)

    def forward(self, x):
        x = x.transpose(1, 2)
        asked, heads = self.attention, []
        parts = [project(x).chunk(4, 2) for project in (asked.q_proj, asked.k_proj, asked.v_proj)]
        for query, key, value in zip(*parts):  # noqa: B905
            scores = query @ key.transpose(1, 2) / math.sqrt(query.shape[2])
            heads.append(torch.softmax(scores, 2) @ value)
        x = self.layer_norm(x + asked.out_proj(torch.cat(heads, 2)))
        y = self.feed_forward.intermediate_dense(x)
        y = 0.5 * y * (1 + torch.tanh(math.sqrt(2 / math.pi) * (y + 0.044715 * y**3)))
        x = self.final_layer_norm(x + self.feed_forward.output_dense(y))
        return x.transpose(1, 2)


class OverTime(nn.Module):
    def __init__(self, features, width):
        super().__init__()
        self.red_dim_conv = nn.Sequential(nn.Conv1d(features, width, 1), ChannelNorm(width))
        convolutions = [TimeConvolution(width, size) for size in (7, 19, 31, 59)]
        self.tcm = nn.Sequential(*convolutions, Transformer(width))
        self.exp_dim_conv = nn.Conv1d(width, features, 1)

    def forward(self, x):
        return x + self.exp_dim_conv(self.tcm(self.red_dim_conv(x)))


class ToTime(nn.Module):
    """Image `[batch, channels, frequencies, frames]` to `[batch, features, frames]`."""

    def forward(self, x):
        return x.transpose(1, 2).flatten(1, 2)


class ToImage(nn.Module):
    def __init__(self, bins):
        super().__init__()
        self.bins = bins

    def forward(self, x):
        return x.unflatten(1, (self.bins, -1)).transpose(1, 2)


class ReDimNet2(nn.Module):
    """`head` is "image", "time" or empty; widths over time are those of published sizes."""

    def __init__(self, name, channels, bins, embedding_size, head="", outputs=64, like=""):
        super().__init__()
        reductions, widened, strides = REDIMNET2[like or name.rpartition("_")[2]]
        features, size = channels * bins, features_of(head, channels, bins, outputs, strides)
        self.backbone = nn.Module()
        self.backbone.stem = nn.Sequential(
            nn.Conv2d(1, channels, 3, padding=1), ChannelNorm(channels), ToTime()
        )
        for index, stride in enumerate(strides):
            times, widening = (1, 1, 2, 2, 4, 4)[index], WIDENED[widened][index]
            wide = stride * channels * widening
            kernel = (stride, times)
            down = nn.Conv2d(channels, wide, kernel, kernel, groups=channels)
            layers = [Mixed(index + 1, features), ToImage(bins), down]
            channels, bins = stride * channels, bins // stride
            layers += [SeparableBlock(wide) for _ in range((2, 3, 4, 5, 4, 3)[index])]
            if widening != 1:
                narrow = nn.Conv2d(wide, channels, 1)
                layers.append(nn.Sequential(narrow, nn.BatchNorm2d(channels, 1e-6)))
            layers += [ToTime(), OverTime(features, features // reductions[index])]
            layers.append(nn.Upsample(scale_factor=times))
            setattr(self.backbone, f"stage{index}", nn.Sequential(*layers))
        self.backbone.fin_wght1d = Mixed(7, features)
        if head == "image":
            self.backbone.head = nn.Conv2d(channels, outputs, 1)
        elif head:
            self.backbone.head = nn.Conv1d(features, outputs, 1)
        self.shape, self.bins = head, bins
        self.pool = Attention(size, 128, context=True)
        self.bn = nn.BatchNorm1d(2 * size)
        self.linear = nn.Linear(2 * size, embedding_size)

    def forward(self, features):
        x = features[:, : features.shape[1] // 4 * 4].transpose(1, 2).unsqueeze(1)
        maps = [self.backbone.stem(x)]
        for index in range(6):
            maps.append(getattr(self.backbone, f"stage{index}")(maps))
        x = self.backbone.fin_wght1d(maps)
        if self.shape == "image":
            x = self.backbone.head(ToImage(self.bins)(x)).flatten(1, 2)
        elif self.shape:
            x = self.backbone.head(x)
        return self.linear(self.bn(self.pool(x)))


def features_of(head, channels, bins, outputs, strides):
    if head == "image":
        return outputs * (bins // math.prod(strides))
    return outputs if head else channels * bins


def normalised_mel(waveform, bins):
    """Log-mel features `[frames, bins]` of a waveform of level 1."""
    x = waveform.double()
    x = (x - x.mean()) / (x.std(unbiased=False) + 1e-8)
    x = x - 0.97 * torch.cat([x[1:2], x[:-1]])
    frames = nn.functional.pad(x, (80, 80)).unfold(0, 400, 160)
    window = torch.hamming_window(400, periodic=False, dtype=torch.float64)
    power = torch.fft.rfft(frames * window, 512)[:, :256].abs() ** 2
    mel = 2595 * torch.log10(1 + torch.linspace(0, 8000, 256, dtype=torch.float64) / 700)
    low, high = (2595 * math.log10(1 + edge / 700) for edge in (20, 7600))
    edges = torch.linspace(low, high, bins + 2, dtype=torch.float64)
    rising = (mel[:, None] - edges[:-2]) / (edges[1:-1] - edges[:-2])
    falling = (edges[2:] - mel[:, None]) / (edges[2:] - edges[1:-1])
    filters = torch.minimum(rising, falling).clamp(min=0)
    energies = (power.clamp(1e-8, 1e8) @ filters).clamp(1e-8, 1e8)
    logarithms = torch.log(energies + 1e-8)
    return (logarithms - logarithms.mean(0)).float()
