# SPDX-License-Identifier: GPL-3.0-or-later
# torch_bench.py -- times steps of training in PyTorch (forward, mean squared error,
# backward, Adam); one line of JSON.
# usage: torch_bench.py THREADS WORK NAME
import json
import resource
import statistics
import sys
import time

import torch

from models import make

WARM_STEPS, STEPS = 2, 5

torch.set_num_threads(int(sys.argv[1]))
model, shape, batch = make(sys.argv[3])
model.train()
optimizer = torch.optim.Adam(model.parameters(), 1e-3)
x = torch.rand(batch, *shape)
with torch.no_grad():
    target = torch.rand_like(model(x))


def step():
    optimizer.zero_grad()
    loss = ((model(x) - target) ** 2).mean()
    loss.backward()
    optimizer.step()


times = []
for i in range(WARM_STEPS + STEPS):
    start = time.perf_counter()
    step()
    times.append(1e3 * (time.perf_counter() - start))
print(json.dumps({
    'work': sys.argv[2], 'by': 'peer', 'median_ms': statistics.median(times[WARM_STEPS:]),
    'resident_bytes': 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss}))
