# SPDX-License-Identifier: GPL-3.0-or-later
# works.py -- the table of what is measured, one row a work, and what must hold.  How it is
# measured is in run.py, how it is told in report.py.
from collections import namedtuple

# One process that times one network.  BY is 'ort' (ONNX Runtime), 'torch' or 'lathe';
# PRECISION 'f32', 'bf16' or 'int8'; THREADS None: as for all; SPARSITY: the share of the
# weights that is 0, timed beside the dense network in the same process.
Measurement = namedtuple('Measurement', 'by network precision batch train threads sparsity')


def measurement(by, network, precision='f32', batch=1, train=False, threads=None,
                sparsity=0):
    return Measurement(by, network, precision, batch, train, threads, sparsity)


def ort(network, precision='f32', **more):
    return measurement('ort', network, precision, **more)


def lathe(network, precision='f32', **more):
    return measurement('lathe', network, precision, **more)


def key(m):
    words = [m.by, m.network, m.precision, f'batch={m.batch}']
    words += ['train'] if m.train else []
    words += [f'threads={m.threads}'] if m.threads else []
    words += [f'sparsity={m.sparsity}'] if m.sparsity else []
    return ' '.join(words)


PEERS = {'ort': 'ONNX Runtime', 'torch': 'PyTorch', 'lathe': 'lathe, dense'}

# NAME is what WORKS= selects; the fastest of PEERS counts; MUST and AIM are shares of its
# time, None where there is no bar.
Work = namedtuple('Work', 'name title peers ours must aim')


def inference(network, title, f32, int8):
    """Both precisions beside the same of ONNX Runtime."""
    return [Work(f'{network} {p}', f'{title}, batch 1, {p}', [ort(network, p)],
                 lathe(network, p), *bars) for p, bars in (('f32', f32), ('int8', int8))]


def in_f32(network, title, must, aim):
    return Work(f'{network} f32', f'{title}, batch 1, f32', [ort(network)], lathe(network),
                must, aim)


def training(network, title, batch, **bars):
    peer = measurement('torch', network, batch=batch, train=True)
    return [Work(f'{network} train {p}', f'{title}, training step, batch {batch}, {p}',
                 [peer], lathe(network, p, batch=batch, train=True), *bars[p])
            for p in bars]


def sparse(network, title, shares, bars):
    return [Work(f'{network} sparse {share}', f'{title}, batch 1, {share:.0%} zeros',
                 [lathe(network)], lathe(network, sparsity=share), *bar)
            for share, bar in zip(shares, bars)]


UNET, SID, VGG, CNN = ('phase U-Net 200x200', 'SID U-Net 4x128x128', 'VGG 32x32',
                       'MNIST CNN')
# What of ONNX Runtime's two is faster depends on the machine.
SID_PEERS = [ort('unet-sid'), ort('unet-sid', 'int8')]
ONE_OR_MORE = [ort('swae-mlp'), ort('swae-mlp', threads=1)]
SHARES = (.9, .95, .99)

WORKS = [
    *inference('unet-phase', UNET, (.6, .4), (.5, .3)),
    Work('unet-sid f32', SID + ', batch 1, f32', SID_PEERS, lathe('unet-sid'), .6, .4),
    Work('unet-sid int8', SID + ', batch 1, int8', SID_PEERS, lathe('unet-sid', 'int8'),
         .3, .15),
    *inference('vgg', VGG, (.8, .5), (.7, .4)),
    *inference('cnn-mnist', CNN, (.9, .6), (.9, .5)),
    Work('swae-mlp 1', 'swae-mlp, batch 1, f32', ONE_OR_MORE, lathe('swae-mlp'), 1, .6),
    Work('swae-mlp 4096', 'swae-mlp, batch 4096, f32', [ort('swae-mlp', batch=4096)],
         lathe('swae-mlp', batch=4096), 1, .6),
    in_f32('mobilenetv3-small', 'MobileNetV3-Small 32x32', 1, .7),
    in_f32('mobilenetv3-small-224', 'MobileNetV3-Small 224x224', 1, .7),
    in_f32('unet-lighter', 'lighter U-Net 4x128x128', .6, .4),
    in_f32('swae-gmlp', 'swae-gmlp', .8, .5),
    in_f32('swae-conv', 'swae-conv', .8, .5),
    *training('unet-phase', UNET, 8, f32=(.3, .18), bf16=(.2, .1)),
    *training('vgg', VGG, 64, f32=(.8, .5), bf16=(.35, .2)),
    *training('cnn-mnist', CNN, 64, f32=(.5, .3)),
    *sparse('vgg', VGG, SHARES, ((.7, .4), (.45, .25), (.25, .12))),
    *sparse('unet-phase', UNET, SHARES, [(None, None)] * 3),
]

# Beside the table: the same with one thread and with two; how time grows; networks whose
# planned memory is compared with the largest set alive at once.
CORES = [lathe('unet-phase'), lathe('unet-phase', 'int8'), lathe('unet-sid'), lathe('vgg'),
         lathe('unet-phase', batch=8, train=True)]
CORES_MUST = 1.7
GROWTH = [[lathe('unet-phase'), lathe('unet-phase@400'), lathe('unet-phase@800')],
          [lathe('unet-phase', batch=n) for n in (1, 4, 16)],
          [lathe('unet-phase', batch=n, train=True) for n in (2, 4, 8)]]
MEMORY = ['unet-phase', 'unet-sid', 'vgg', 'cnn-mnist', 'swae-mlp']
MEMORY_MUST = 1.3
EXTRA_ROUNDS = 2
CORE_TURNS = 2  # in each of them
CORE_PAIRS = 4  # in each turn


def measured(works):
    """All measurements of WORKS, peers first, each once."""
    return list(dict.fromkeys(m for w in works for m in [*w.peers, w.ours]))
