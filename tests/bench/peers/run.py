# SPDX-License-Identifier: GPL-3.0-or-later
# run.py -- measures the works of works.py in rounds, peer and lathe in turns, each in a
# process of its own; keeps the records and has report.py tell them.  run.sh starts it.
import fnmatch
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time

import report
from works import (CORES, CORE_PAIRS, CORE_TURNS, EXTRA_ROUNDS, GROWTH, MEMORY, WORKS, key,
                   measured)

HERE = os.path.dirname(os.path.abspath(__file__))
RESULTS = os.path.join(HERE, '..', 'RESULTS.md')
SECONDS = {'ort': 0.5, 'torch': 1.5, 'lathe': 0.5}
TRAIN_SECONDS = 1.2
PAIR_SECONDS = 0.2


def setting(name, otherwise):
    return os.environ.get(name) or otherwise


THREADS = int(setting('THREADS', 2))
ROUNDS = int(setting('ROUNDS', 5))
PATIENCE = float(setting('PATIENCE', 10))
LATHE = os.path.abspath(setting('LATHE', './lathe'))
MAKE = os.path.abspath(setting('MAKE_NETWORKS', './tests/bench/make_networks'))
LIMITS = os.path.abspath(setting('LIMITS', './tests/bench/limits'))


def attempt(command, **more):
    """What COMMAND prints; a failure ends it all: half a table would be a wrong one."""
    done = subprocess.run(command, capture_output=True, text=True, cwd=HERE, **more)
    if done.returncode != 0:
        sys.exit(f'run.py: failed: {" ".join(command)}\n{done.stderr}')
    return done


def ask(commands, threads=THREADS, **more):
    """Answers of lathe to COMMANDS, one object each, and what it said beside them."""
    done = attempt([LATHE, '--threads', str(threads), '--format', 'json', '-c', commands],
                   **more)
    return [json.loads(line) for line in done.stdout.splitlines()], done.stderr


def ticks():
    """Idle and all ticks of the processors since the machine began, and those that a
    virtual one asked its host for in vain."""
    with open('/proc/stat') as file:
        numbers = [int(word) for word in file.readline().split()[1:9]]
    return numbers[3] + numbers[4], sum(numbers), numbers[7]


class Quiet:
    """Waits for the cores to be idle for nine tenths, PATIENCE seconds at most."""

    def __init__(self):
        self.waited = self.disturbed = 0
        try:
            self.began = ticks()
        except OSError:
            self.began = None  # the system does not tell

    def stolen(self):
        """The share of the ticks asked for since the beginning that others had; or None."""
        if not self.began:
            return None
        idle, all_, others = [now - then for now, then in zip(ticks(), self.began)]
        return others / max(all_ - idle, 1)

    def wait(self):
        self.waited += 1
        until = time.monotonic() + PATIENCE
        try:
            while time.monotonic() < until:
                idle, all_, _ = ticks()
                time.sleep(0.25)
                idle_now, all_now, _ = ticks()
                if 10 * (idle_now - idle) >= 9 * (all_now - all_):
                    return
        except OSError:
            return  # the system does not tell
        self.disturbed += 1


class Bench:
    def __init__(self, folder, peers):
        self.folder, self.peers, self.quiet = folder, peers, Quiet()
        self.records = []

    def path(self, network, ending):
        return os.path.join(self.folder, network + ending)

    def model(self, m):
        ending = f'.{m.sparsity}' if m.sparsity else ''
        return self.path(m.network, ending + ('.int8' if m.precision == 'int8' else '') +
                         '.safetensors')

    def prepare(self, works, extras):
        """Networks with PyTorch's weights, as ONNX for the peer and as lathe's models."""
        ours = [w.ours for w in works] + extras
        names = sorted({m.network for m in ours})
        attempt([sys.executable, 'export_onnx.py', self.folder,
                 *sorted({name.partition('@')[0] for name in names})])
        attempt([MAKE, self.folder, *names])
        for m in ours:
            if not os.path.exists(self.model(m)):
                self.derive(m)

    def derive(self, m):
        load = f'load m {self.path(m.network, ".safetensors")}; '
        change = f'prune m amount={m.sparsity}' if m.sparsity else (
            f'data d npz {self.path(m.network, ".npz")} input=input target=none mask=none; '
            'split d; quantize m data=d')
        ask(f'{load}{change}; save m {self.model(m)}')

    def run_ort(self, m):
        network = self.path(m.network, ('.int8' if m.precision == 'int8' else '') + '.onnx')
        return [json.loads(attempt(['node', 'ort_bench.js', str(m.threads or THREADS),
                                    str(m.batch), str(SECONDS['ort']), network]).stdout)]

    def run_torch(self, m):
        return [json.loads(attempt([sys.executable, 'torch_bench.py',
                                    str(m.threads or THREADS), str(m.batch),
                                    str(SECONDS['torch']), m.network]).stdout)]

    def run_lathe(self, m):
        """Of a sparse network also its dense record: they take turns."""
        models = [m._replace(sparsity=0), m] if m.sparsity else [m]
        names = [f'm{i}' for i in range(len(models))]
        load = '; '.join(f'load {n} {self.model(x)}' for n, x in zip(names, models))
        how = f'batch={m.batch} seconds={TRAIN_SECONDS if m.train else SECONDS["lathe"]}'
        how += ' train=yes' if m.train else ''
        how += f' precision={m.precision}' if m.precision == 'bf16' else ''
        answers, _ = ask(f'{load}; bench {" ".join(names)} {how}', m.threads or THREADS)
        return answers[-1]['rows']

    def measure(self, m, number, group):
        self.quiet.wait()
        rows = {'ort': self.run_ort, 'torch': self.run_torch, 'lathe': self.run_lathe}
        found = rows[m.by](m)
        record = {**found[-1], 'key': key(m), 'round': number, 'group': group}
        if len(found) > 1:
            record['dense_ms'] = found[0]['median_ms']
        self.records.append(record)

    def pairs(self, m, turn):
        """One thread and all of them in turns within one process: a machine whose state
        changes from second to second is the same for both."""
        self.quiet.wait()
        names = f'batch={m.batch} seconds={PAIR_SECONDS}' + (' train=yes' if m.train else '')
        benches = [f'bench m {names} threads={t}' for t in (1, THREADS)]
        answers, _ = ask('; '.join([f'load m {self.model(m)}', *benches * CORE_PAIRS]))
        for i, answer in enumerate(answers[-2 * CORE_PAIRS:]):
            one = m._replace(threads=(1, THREADS)[i % 2])
            self.records.append({**answer['rows'][0], 'key': key(one), 'group': 'cores',
                                 'round': turn * CORE_PAIRS + i // 2})

    def limits(self, number):
        """What the machine itself does with one thread and with all."""
        self.quiet.wait()
        for line in attempt([LIMITS, str(THREADS)]).stdout.splitlines():
            found = json.loads(line)
            for what in ('gflops', 'read_gb'):
                self.records.append({'group': 'limit', 'key': (what, found['threads']),
                                     'round': number, 'value': found[what]})

    def errors(self, works):
        """How far lathe's answers are from PyTorch's; inference only."""
        import numpy as np  # not before: the size of a process counts for what it starts
        for m in dict.fromkeys(w.ours for w in works):
            if m.train or m.sparsity or m.batch > 1:
                continue
            answer = self.path(m.network, '.answer.npy')
            ask(f'load m {self.model(m)}; run m {self.path(m.network, ".in")} > {answer}')
            wanted = np.fromfile(self.path(m.network, '.out'), '<f4')
            got = np.load(answer).ravel()
            error = np.sqrt(np.mean((got - wanted) ** 2)) / wanted.std()
            self.records.append({'group': 'error', 'key': key(m),
                                 'relative_error': float(error)})

    def reasons(self, works):
        """How near the steps of what misses its aim come to the limits of the machine."""
        found = report.Records(self.records)
        for w in works:
            if not report.misses_aim(found, w):
                continue
            m = w.ours
            plan = f'load m {self.model(m)}; plan m batch={m.batch}' + (
                ' train=yes' if m.train else '') + (
                    ' precision=bf16' if m.precision == 'bf16' else '')
            rows = ask(plan)[0][-1]['rows']
            self.records.append({'group': 'reason', 'key': w.name, 'rows': [
                (row['node'], row['median_ms'], row['limit']) for row in rows]})

    def memory(self, networks):
        for name in networks:
            if not os.path.exists(self.path(name, '.safetensors')):
                continue
            _, said = ask(f'load m {self.path(name, ".safetensors")}; plan m rounds=1')
            found = re.search(r'arena (\d+) bytes.*largest live set (\d+) bytes', said)
            if found:
                self.records.append({'group': 'memory', 'key': name,
                                     'arena_bytes': int(found.group(1)),
                                     'live_bytes': int(found.group(2))})


def calibrate(folder):
    """Sees to it that lathe knows this machine, as after 'tune machine': where it does not,
    it is tuned for these measurements alone."""
    rows = ask('model m unet-phase; plan m rounds=1')[0][-1]['rows']
    if all(row['limit'] is None for row in rows):
        print('tune machine', file=sys.stderr)
        os.environ['XDG_CACHE_HOME'] = folder
        ask('tune machine')


def cores(bench, number):
    """With one thread and with all, and what the machine itself gains meanwhile."""
    for turn in range(number * CORE_TURNS, (number + 1) * CORE_TURNS):
        for m in CORES:
            bench.pairs(m, turn)
        bench.limits(turn)


def available(works, peers, lathe_says):
    """WORKS whose peers are here and which lathe can do; the others are told of."""
    kept, told = [], set()
    for w in works:
        missing = {m.by for m in w.peers} - peers
        if missing:
            told.add(f'without {report.PEERS[missing.pop()]} these are skipped: {w.name}')
        elif w.ours.precision == 'bf16' and 'precision=' not in lathe_says:
            told.add(f'this lathe has no precision= in bench, skipped: {w.name}')
        else:
            kept.append(w)
    for sentence in sorted(told):
        print('run.py: ' + sentence, file=sys.stderr)
    return kept


def has_ort():
    command = ['node', '-p', "require('onnxruntime-node/package.json').version"]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True,
                              cwd=HERE).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return None


def main():
    pattern = setting('WORKS', '*')
    works = [w for w in WORKS if fnmatch.fnmatch(w.name, pattern)]
    version, whole = has_ort(), pattern == '*'
    peers = {'torch', 'lathe'} | ({'ort'} if version else set())
    said = attempt([LATHE, '-c', 'help bench']).stdout
    works = available(works, peers, said)
    if not works:
        sys.exit(f'run.py: WORKS={pattern} names none of what can be measured: ' +
                 ', '.join(w.name for w in WORKS))
    extras = list(dict.fromkeys(m for row in GROWTH for m in row)) if whole else []
    folder = tempfile.mkdtemp()
    began = report.machine(LATHE, version, THREADS)
    try:
        calibrate(folder)
        bench = Bench(folder, peers)
        bench.prepare(works, extras + (CORES if whole else []))
        for number in range(ROUNDS):
            print(f'round {number + 1} of {ROUNDS}', file=sys.stderr)
            for m in measured(works):
                bench.measure(m, number, 'work')
            for m in extras if number < EXTRA_ROUNDS else []:
                bench.measure(m, number, 'extra')
            if whole and number < EXTRA_ROUNDS:
                cores(bench, number)
        bench.errors(works)
        bench.memory(MEMORY)
        bench.reasons(works)
    finally:
        shutil.rmtree(folder)
    page = report.page(works, bench.records, began, ROUNDS, bench.quiet, THREADS)
    print(page[page.index('\n|') + 1:])
    if whole and version and len(works) == len(WORKS) and report.writable(RESULTS):
        with open(RESULTS, 'w') as file:  # a part does not replace the whole
            file.write(page)


main()
