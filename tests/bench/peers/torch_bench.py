# SPDX-License-Identifier: GPL-3.0-or-later
# torch_bench.py -- times steps of training in PyTorch (forward, mean squared error,
# backward, Adam); one line of JSON.
# usage: torch_bench.py THREADS BATCH SECONDS NAME
import json
import resource
import statistics
import sys
import time

import torch

from models import make

WARM_STEPS, STEPS_MIN = 1, 3

threads, batch, seconds, name = sys.argv[1:]
torch.set_num_threads(int(threads))
model, shape = make(name)
model.train()
optimizer = torch.optim.Adam(model.parameters(), 1e-3)
x = torch.rand(int(batch), *shape)
with torch.no_grad():
    target = torch.rand_like(model(x))


def step():
    optimizer.zero_grad()
    loss = ((model(x) - target) ** 2).mean()
    loss.backward()
    optimizer.step()


for _ in range(WARM_STEPS):
    step()
times, began = [], time.perf_counter()
while len(times) < STEPS_MIN or time.perf_counter() - began < float(seconds):
    start = time.perf_counter()
    step()
    times.append(1e3 * (time.perf_counter() - start))
print(json.dumps({
    'median_ms': statistics.median(times),
    'resident_bytes': 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss}))
