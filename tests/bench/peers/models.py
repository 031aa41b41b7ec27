# SPDX-License-Identifier: GPL-3.0-or-later
# models.py -- the networks of lathe's bench in PyTorch, to be measured against it.
import torch
import torch.nn as nn
import torch.nn.functional as F


class DoubleConv(nn.Sequential):
    def __init__(self, inputs, outputs, middle=None):
        middle = middle or outputs
        super().__init__(
            nn.Conv2d(inputs, middle, 3, padding=1),
            nn.BatchNorm2d(middle, momentum=0.2),
            nn.ReLU(inplace=True),
            nn.Conv2d(middle, outputs, 3, padding=1),
            nn.BatchNorm2d(outputs, momentum=0.2),
            nn.ReLU(inplace=True))


class Up(nn.Module):
    def __init__(self, inputs, outputs):
        super().__init__()
        self.c = DoubleConv(inputs, outputs, inputs // 2)

    def forward(self, x, skip):
        x = F.interpolate(x, size=(2 * int(x.shape[2]), 2 * int(x.shape[3])),
                          mode='bilinear', align_corners=True)
        dy = int(skip.shape[2]) - int(x.shape[2])
        dx = int(skip.shape[3]) - int(x.shape[3])
        if dx or dy:
            x = F.pad(x, [dx // 2, dx - dx // 2, dy // 2, dy - dy // 2])
        return self.c(torch.cat([skip, x], 1))


class PhaseUNet(nn.Module):
    """8 to 512 channels on seven levels, bilinear ups."""

    def __init__(self, inputs=1, outputs=2, channels=(8, 16, 32, 64, 128, 256, 512)):
        super().__init__()
        c = list(channels)
        self.inc = DoubleConv(inputs, c[0])
        self.d = nn.ModuleList([DoubleConv(a, b) for a, b in zip(c, c[1:] + c[-1:])])
        ups = [(2 * c[i], c[i - 1] if i else c[0]) for i in reversed(range(len(c)))]
        self.u = nn.ModuleList([Up(a, b) for a, b in ups])
        self.out = nn.Conv2d(c[0], outputs, 1)

    def forward(self, x):
        skips = [self.inc(x)]
        for down in self.d:
            skips.append(down(F.max_pool2d(skips[-1], 2)))
        y = skips.pop()
        for up, skip in zip(self.u, reversed(skips)):
            y = up(y, skip)
        return self.out(y)


class SeeInTheDark(nn.Module):
    """Five stages, transposed convolutions up, the output shuffled to RGB."""

    def __init__(self, separable=False):
        super().__init__()
        c = [4, 32, 64, 128, 256, 512]

        def conv(i, o):
            if separable:
                return nn.Sequential(nn.Conv2d(i, i, 3, padding=1, groups=i),
                                     nn.Conv2d(i, o, 1))
            return nn.Conv2d(i, o, 3, padding=1)

        def stage(i, o):
            return nn.Sequential(conv(i, o), nn.LeakyReLU(0.2),
                                 conv(o, o), nn.LeakyReLU(0.2))

        ups = range(4, 0, -1)
        self.d = nn.ModuleList([stage(c[i], c[i + 1]) for i in range(5)])
        self.t = nn.ModuleList([nn.ConvTranspose2d(c[i + 1], c[i], 2, 2) for i in ups])
        self.u = nn.ModuleList([stage(2 * c[i], c[i]) for i in ups])
        self.out = nn.Conv2d(32, 12, 1)

    def forward(self, x):
        skips = []
        for i, down in enumerate(self.d):
            x = down(F.max_pool2d(x, 2) if i else x)
            skips.append(x)
        for up, stage, skip in zip(self.t, self.u, reversed(skips[:-1])):
            x = stage(torch.cat([up(x), skip], 1))
        return F.pixel_shuffle(self.out(x), 2)


class VGG(nn.Module):
    """For 32x32 pixels; convolutions without bias, batch norm, ReLU."""

    def __init__(self):
        super().__init__()
        layers, inputs = [], 3
        for width in (64, 128, 'M', 256, 256, 'M', 512, 512, 'M', 512, 512, 'M'):
            if width == 'M':
                layers.append(nn.MaxPool2d(2))
            else:
                layers += [nn.Conv2d(inputs, width, 3, padding=1, bias=False),
                           nn.BatchNorm2d(width), nn.ReLU(inplace=True)]
                inputs = width
        self.backbone = nn.Sequential(*layers)
        self.classifier = nn.Linear(512, 10)

    def forward(self, x):
        return self.classifier(self.backbone(x).mean([2, 3]))


class SmallCNN(nn.Module):
    """Two convolutions and two linear layers for digits."""

    def __init__(self):
        super().__init__()
        self.c1, self.c2 = nn.Conv2d(1, 32, 3), nn.Conv2d(32, 64, 3)
        self.f1, self.f2 = nn.Linear(9216, 128), nn.Linear(128, 10)
        self.dropout1, self.dropout2 = nn.Dropout(0.25), nn.Dropout(0.5)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.c2(F.relu(self.c1(x)))), 2)
        x = F.relu(self.f1(torch.flatten(self.dropout1(x), 1)))
        return self.f2(self.dropout2(x))


def multiple_of_8(channels):
    rounded = max(8, (channels + 4) // 8 * 8)
    return rounded + 8 if rounded < 0.9 * channels else rounded


class SqueezeExcite(nn.Module):
    def __init__(self, channels):
        super().__init__()
        squeezed = multiple_of_8(channels // 4)
        self.fc1 = nn.Conv2d(channels, squeezed, 1)
        self.fc2 = nn.Conv2d(squeezed, channels, 1)

    def forward(self, x):
        factor = self.fc2(F.relu(self.fc1(F.adaptive_avg_pool2d(x, 1))))
        return x * F.hardsigmoid(factor)


def conv_norm(i, o, kernel, stride, groups, function):
    return nn.Sequential(
        nn.Conv2d(i, o, kernel, stride, kernel // 2, groups=groups, bias=False),
        nn.BatchNorm2d(o, eps=1e-3, momentum=0.01), *([function()] if function else []))


class InvertedResidual(nn.Module):
    def __init__(self, i, kernel, expanded, o, squeezes, function, stride):
        super().__init__()
        layers = [conv_norm(i, expanded, 1, 1, 1, function)] if expanded != i else []
        layers.append(conv_norm(expanded, expanded, kernel, stride, expanded, function))
        layers += [SqueezeExcite(expanded)] if squeezes else []
        self.block = nn.Sequential(*layers, conv_norm(expanded, o, 1, 1, 1, None))
        self.adds = stride == 1 and i == o

    def forward(self, x):
        return x + self.block(x) if self.adds else self.block(x)


class MobileNetV3Small(nn.Module):
    """Parameters carry torchvision's names."""

    def __init__(self):
        super().__init__()
        R, H = nn.ReLU, nn.Hardswish
        rows = [(16, 3, 16, 16, True, R, 2), (16, 3, 72, 24, False, R, 2),
                (24, 3, 88, 24, False, R, 1), (24, 5, 96, 40, True, H, 2),
                (40, 5, 240, 40, True, H, 1), (40, 5, 240, 40, True, H, 1),
                (40, 5, 120, 48, True, H, 1), (48, 5, 144, 48, True, H, 1),
                (48, 5, 288, 96, True, H, 2), (96, 5, 576, 96, True, H, 1),
                (96, 5, 576, 96, True, H, 1)]
        self.features = nn.Sequential(
            conv_norm(3, 16, 3, 2, 1, H), *(InvertedResidual(*row) for row in rows),
            conv_norm(96, 576, 1, 1, 1, H))
        self.classifier = nn.Sequential(nn.Linear(576, 1024), nn.Hardswish(),
                                        nn.Dropout(0.2), nn.Linear(1024, 10))

    def forward(self, x):
        x = F.adaptive_avg_pool2d(self.features(x), 1)
        return self.classifier(torch.flatten(x, 1))


class BlockMLP(nn.Module):
    """Autoencoder of blocks of 5x5x5 numbers."""

    def __init__(self):
        super().__init__()
        self.e = nn.Sequential(nn.Linear(125, 512), nn.GELU(), nn.Linear(512, 16))
        self.d = nn.Sequential(nn.Linear(16, 512), nn.GELU(), nn.Linear(512, 125))

    def forward(self, x):
        return self.d(self.e(x))


class GatedBlock(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.a, self.b = nn.Linear(width, 2 * width), nn.Linear(width, width)
        self.c = nn.Linear(width, width)

    def forward(self, x):
        u, v = self.a(x).chunk(2, -1)
        return self.c(F.gelu(u) * v) + self.b(x)


class BlockGatedMLP(nn.Module):
    def __init__(self):
        super().__init__()
        self.e = nn.Sequential(nn.Linear(125, 256), nn.GELU(), GatedBlock(256),
                               GatedBlock(256), nn.Linear(256, 16))
        self.d = nn.Sequential(nn.Linear(16, 256), GatedBlock(256), GatedBlock(256),
                               nn.GELU(), nn.Linear(256, 125))

    def forward(self, x):
        return self.d(self.e(x))


class BlockConv(nn.Module):
    """The same in three dimensions."""

    def __init__(self):
        super().__init__()

        def down(i, o, stride):
            return nn.Sequential(nn.Conv3d(i, o, 3, stride, 1), nn.Conv3d(o, o, 3, 1, 1),
                                 nn.BatchNorm3d(o), nn.ReLU())

        def up(i, o, stride):
            return nn.Sequential(
                nn.ConvTranspose3d(i, o, 3, stride, 1, output_padding=stride - 1),
                nn.BatchNorm3d(o), nn.ReLU())

        self.e = nn.Sequential(down(1, 32, 2), down(32, 64, 2), down(64, 128, 1),
                               down(128, 256, 1), nn.Flatten(), nn.Linear(2048, 16))
        self.dl = nn.Linear(16, 2048)
        self.d = nn.Sequential(up(256, 128, 1), up(128, 64, 1), up(64, 32, 2),
                               nn.ConvTranspose3d(32, 1, 2))

    def forward(self, x):
        return self.d(self.dl(self.e(x)).view(-1, 256, 2, 2, 2))


# name, as make_networks has it: (constructor, shape of one input, parameters)
ZOO = {
    'unet-phase': (PhaseUNet, (1, 200, 200), 17314578),
    'unet-sid': (SeeInTheDark, (4, 128, 128), 7760748),
    'unet-lighter': (lambda: SeeInTheDark(True), (4, 128, 128), 1513812),
    'vgg': (VGG, (3, 32, 32), 9228362),
    'cnn-mnist': (SmallCNN, (1, 28, 28), 1199882),
    'mobilenetv3-small': (MobileNetV3Small, (3, 32, 32), 1528106),
    'mobilenetv3-small-224': (MobileNetV3Small, (3, 224, 224), 1528106),
    'swae-mlp': (BlockMLP, (125,), 145549),
    'swae-gmlp': (BlockGatedMLP, (125,), 1125517),
    'swae-conv': (BlockConv, (1, 5, 5, 5), 4743825),
}


def make(name):
    constructor, shape, parameters = ZOO[name]
    torch.manual_seed(0)
    model = constructor()
    found = sum(p.numel() for p in model.parameters())
    if found != parameters:
        raise SystemExit(f'{name}: {found} parameters, wanted {parameters}')
    return model, shape
