# SPDX-License-Identifier: GPL-3.0-or-later
# report.py -- the page that tells what run.py measured: medians, lathe's time as a share
# of the peer's, how much that varies, and whether it is what it must be.
import os
import platform
import statistics
import subprocess
import sys
import time

from works import CORES, CORES_MUST, GROWTH, MEMORY_MUST, PEERS, key

# Rounds of a machine at rest differ by less than this factor.
STEADY = 1.5
UNSTEADY = ('**The rounds of this run differ by more than half: other programs were at work, '
            'and nothing should be decided by it.**')
FLAGS = ('avx2', 'avx512f', 'avx512_vnni', 'avx512_bf16', 'amx_int8', 'amx_bf16')


# ---- the machine ----

def processor():
    name, flags = platform.processor() or platform.machine(), ''
    try:
        with open('/proc/cpuinfo') as file:
            lines = [line.partition(':')[::2] for line in file]
        facts = {field.strip(): value.strip() for field, value in reversed(lines)}
        name, flags = facts.get('model name', name), facts.get('flags', '')
    except OSError:
        pass
    return ' '.join([name] + [flag for flag in FLAGS if flag in flags.split()])


def words(command):
    try:
        return subprocess.run(command, capture_output=True, text=True,
                              check=True).stdout.splitlines()[0].strip()
    except (OSError, subprocess.CalledProcessError, IndexError):
        return ''


def machine(lathe, ort, threads):
    """The lines about machine and programs, as they are before anything runs."""
    here = os.path.dirname(os.path.abspath(__file__))
    commit = words(['git', '-C', here, 'rev-parse', '--short', 'HEAD'])
    programs = [words([lathe, '--version']) + (f', commit {commit}' if commit else '')]
    programs += [f'ONNX Runtime {ort} (node)'] if ort else []
    torch = words([sys.executable, '-c', 'import torch; print(torch.__version__)'])
    programs += [f'PyTorch {torch}']
    lines = [f'Written by `tests/bench/peers/run.sh` (`make bench`) on '
             f'{time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime())}.', '',
             f'- Processor: {processor()}; {os.cpu_count()} cores, {threads} threads for '
             'each program.', f'- {"; ".join(programs)}.']
    if hasattr(os, 'getloadavg'):
        load = ' '.join(f'{x:.2f}' for x in os.getloadavg())
        lines.append(f'- Load of the machine (1, 5, 15 minutes) at the beginning: {load}.')
    return lines


def writable(path):
    return os.access(path if os.path.exists(path) else os.path.dirname(path), os.W_OK)


# ---- numbers ----

class Records:
    def __init__(self, records):
        self.all = records

    def series(self, group, name, field='median_ms'):
        """{round: number}"""
        return {r['round']: r[field] for r in self.all
                if r['group'] == group and r['key'] == name and r.get(field) is not None}

    def median(self, group, name, field='median_ms'):
        found = self.series(group, name, field).values()
        return statistics.median(found) if found else None

    def one(self, group, name):
        found = [r for r in self.all if r['group'] == group and r['key'] == name]
        return found[0] if found else None


def peer_times(records, work):
    """Name and times of the fastest peer."""
    if work.ours.sparsity:
        return PEERS['lathe'], records.series('work', key(work.ours), 'dense_ms')
    best = min(work.peers, key=lambda m: records.median('work', key(m)))
    name = PEERS[best.by]
    if len(work.peers) > 1:
        name += f' {best.precision}' + (f', {best.threads} thread' if best.threads else '')
    return name, records.series('work', key(best))


def verdict(ratio, must, aim):
    if must is None:
        return ''
    return 'aim met' if ratio <= aim else 'met' if ratio <= must else '**missed**'


def cell(number):
    return '' if number is None else f'{number:.3g}'


def table(titles, rows):
    """Markdown; all but the first column to the right, but for words."""
    lines = ['| ' + ' | '.join(titles) + ' |',
             '|---' + '|--:' * (len(titles) - 1) + '|']
    return lines + ['| ' + ' | '.join(row) + ' |' for row in rows] + ['']


# ---- the page ----

def work_row(records, work):
    peer, theirs = peer_times(records, work)
    ours = records.series('work', key(work.ours))
    ratios = [ours[i] / theirs[i] for i in ours if i in theirs]
    ratio = statistics.median(ratios)
    return ratios, [work.title, peer, cell(statistics.median(theirs.values())),
                    cell(statistics.median(ours.values())), cell(ratio),
                    f'{min(ratios):.2f}..{max(ratios):.2f}',
                    f'{min(ours.values()) / min(theirs.values()):.2f}', cell(work.must),
                    cell(work.aim), verdict(ratio, work.must, work.aim)]


def main_table(records, works):
    found = [work_row(records, work) for work in works]
    lines = table(['work', 'peer', 'peer ms', 'lathe ms', 'lathe / peer', 'least..most',
                   'best / best', 'must', 'aim', 'verdict'], [row for _, row in found])
    if any(max(r) > STEADY * min(r) for r, _ in found):
        lines += [UNSTEADY, '']
    return lines


def misses_aim(records, work):
    return work.aim is not None and statistics.median(
        work_row(records, work)[0]) > work.aim


def reason_line(title, steps):
    """STEPS: (name, ms, share of the machine's limit that it reaches, or None)."""
    lost = [(ms * (1 - min(limit, 1)), name) for name, ms, limit in steps
            if ms is not None and limit is not None]
    total = sum(ms for _, ms, _ in steps if ms is not None)
    if not lost or total <= 0:
        return f'- {title}: there is no time for steps of it.'
    bound = 1 - sum(ms for ms, _ in lost) / total
    most = ', '.join(f'{name} {ms:.2g}' for ms, name in sorted(lost, reverse=True)[:3])
    return (f'- {title}: {bound:.0%} of the {total:.3g} ms of its steps is what products '
            f"or reading at the machine's limit would take; most of the rest, in ms: "
            f'{most}.')


def reasons(records, works):
    """One line for each work that misses its aim."""
    lines = []
    for work in works:
        found = records.one('reason', work.name)
        if found:
            title = work.title + (', its forward half' if work.ours.train else '')
            lines.append(reason_line(title, found['rows']))
    return ['What stands between works and their aims, by the steps of their plans:', '',
            *lines, ''] if lines else []


def name_of(m):
    return ', '.join([m.network, m.precision, f'batch {m.batch}'] +
                     (['training'] if m.train else []))


def limits_table(records, threads):
    """What the cores gain where nothing is in the way of a program."""
    rows = []
    for what, title in (('gflops', 'products in registers, f32, GFLOP/s'),
                        ('read_gb', 'reading memory, GB/s')):
        one, more = (records.series('limit', (what, t), 'value') for t in (1, threads))
        gains = [more[i] / one[i] for i in one if i in more]
        if gains:
            rows.append([title, cell(statistics.median(one.values())),
                         cell(statistics.median(more.values())),
                         f'{statistics.median(gains):.2f}',
                         f'{min(gains):.2f}..{max(gains):.2f}'])
    return table(['machine', '1 thread', f'{threads} threads', 'gain', 'least..most'],
                 rows) if rows else []


def cores_table(records, threads):
    rows = []
    for m in CORES:
        one, more = (records.series('cores', key(m._replace(threads=t)))
                     for t in (1, threads))
        gains = [one[i] / more[i] for i in one if i in more]
        if gains:
            gain = statistics.median(gains)
            rows.append([name_of(m), cell(statistics.median(one.values())),
                         cell(statistics.median(more.values())), f'{gain:.2f}',
                         f'{min(gains):.2f}..{max(gains):.2f}',
                         f'{CORES_MUST}', 'met' if gain >= CORES_MUST else '**missed**'])
    return table(['lathe', '1 thread ms', f'{threads} threads ms', 'gain',
                  'least..most', 'must', 'verdict'], rows) if rows and threads == 2 else []


def pixels(m):
    size = int(m.network.partition('@')[2] or 200)
    return m.batch * size * size


def growth_table(records):
    rows = []
    for group in GROWTH:
        first = records.median('extra', key(group[0]))
        for m in group:
            ms = records.median('extra', key(m))
            if ms is not None and first is not None:
                share = ms / pixels(m) / (first / pixels(group[0]))
                rows.append([name_of(m), f'{pixels(m) / 1e6:.2f}', cell(ms),
                             f'{share:.2f}'])
    return table(['lathe', 'million pixels', 'ms', 'time a pixel, first = 1'],
                 rows) if rows else []


def memory_table(records):
    rows = []
    for r in records.all:
        if r['group'] == 'memory':
            share = r['arena_bytes'] / r['live_bytes']
            rows.append([r['key'], f'{r["arena_bytes"] / 2 ** 20:.2f}',
                         f'{r["live_bytes"] / 2 ** 20:.2f}', f'{share:.2f}',
                         f'{MEMORY_MUST}',
                         'met' if share <= MEMORY_MUST else '**missed**'])
    return table(['network, batch 1, f32', 'planned MiB', 'largest live set MiB', 'share',
                  'must', 'verdict'], rows) if rows else []


def resident_table(records, works):
    rows = []
    for work in works:
        if work.ours.sparsity or not (work.ours.train or work.ours.batch == 1):
            continue
        theirs = min(records.median('work', key(m), 'resident_bytes') for m in work.peers)
        ours = records.median('work', key(work.ours), 'resident_bytes')
        arena = records.median('work', key(work.ours), 'arena_bytes')
        rows.append([work.title, *(f'{x / 2 ** 20:.1f}' for x in (theirs, ours, arena))])
    return table(['work', 'peer resident MiB', 'lathe resident MiB', 'lathe planned MiB'],
                 rows) if rows else []


def error_table(records, works):
    rows = []
    for m in dict.fromkeys(w.ours for w in works):
        ours = records.one('error', key(m))
        peer = m._replace(by='ort')
        theirs = records.median('work', key(peer), 'relative_error')
        if ours:
            rows.append([name_of(m), f'{ours["relative_error"]:.1e}',
                         f'{theirs:.1e}' if theirs is not None else ''])
    return table(['answers, as a share of the output\'s deviation', 'lathe - PyTorch',
                  'ONNX Runtime - PyTorch'], rows) if rows else []


def stolen_line(share):
    """Where it is more than a few per cent, times and their ratios say little."""
    return [] if share is None else [
        f'- Of the processor time that was asked for meanwhile, the host of this machine gave '
        f'{100 * share:.1f} % to others.']


def page(works, records, began, rounds, quiet, threads):
    found = Records(records)
    lines = ['# lathe beside its peers', '', *began,
             f'- Rounds: {rounds}; peer and lathe in turns, each in a process of its own; '
             'one thread and all of them in pairs within one. A time is the median over '
             'rounds of the medians; lathe / peer is the median of '
             "the rounds' ratios, with the least and the most beside it; best / best "
             'compares the least times of both, which other programs disturb least. Where '
             'there are two peers the faster counts.',
             f'- Each measurement waited for the cores to be idle; {quiet.disturbed} of '
             f'{quiet.waited} began although other programs were at work.',
             *stolen_line(quiet.stolen()), '',
             *main_table(found, works), *reasons(found, works),
             *cores_table(found, threads),
             *limits_table(found, threads),
             *growth_table(found), *memory_table(found), *resident_table(found, works),
             *error_table(found, works)]
    return '\n'.join(lines)
