# SPDX-License-Identifier: GPL-3.0-or-later
# models.py -- the networks of lathe's zoo in PyTorch, to be measured against it.
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
    """unet-phase: 8 to 512 channels on seven levels, 17,314,578 parameters."""

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


# name: (constructor, shape of one input, batch of training, parameters)
ZOO = {
    'unet-phase': (PhaseUNet, (1, 200, 200), 8, 17314578),
}


def make(name):
    constructor, shape, batch, parameters = ZOO[name]
    torch.manual_seed(0)
    model = constructor()
    found = sum(p.numel() for p in model.parameters())
    if found != parameters:
        raise SystemExit(f'{name}: {found} parameters, wanted {parameters}')
    return model, shape, batch
