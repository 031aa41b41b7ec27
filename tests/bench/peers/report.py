# SPDX-License-Identifier: GPL-3.0-or-later
# report.py -- reads what the rounds of run.sh measured, one JSON object a line, and prints
# the table: medians, lathe's time as a share of the peer's, and how much that varies.
# usage: report.py RECORDS
import json
import statistics
import sys

# work: (what it is, the peer, the share that must hold, the share aimed at)
WORKS = {
    'unet-phase f32': ('phase U-Net 200x200, batch 1, f32', 'ONNX Runtime', 0.6, 0.4),
    'unet-phase int8': ('phase U-Net 200x200, batch 1, int8', 'ONNX Runtime', 0.5, 0.3),
    'unet-phase train': ('phase U-Net, training step, batch 8, f32', 'PyTorch', 0.3, 0.18),
}

# Rounds of a machine at rest differ by less than this factor.
STEADY = 1.5
UNSTEADY = ('**The rounds of this run differ by more than half: other programs were at work, '
            'and nothing should be decided by it.**')


def read(path):
    """{work: {by: [record of each round]}}; lathe's answers are those of its bench."""
    found = {work: {'peer': [], 'lathe': []} for work in WORKS}
    with open(path) as file:
        for line in file:
            record = json.loads(line)
            found[record['work']][record['by']].append(record)
    return found


def column(records, key):
    return [r[key] for r in records if r.get(key) is not None]


def main():
    found = {work: pair for work, pair in read(sys.argv[1]).items()
             if pair['peer'] and pair['lathe']}
    spreads = []
    print('| work | peer | peer ms | lathe ms | lathe / peer | least..most | '
          'best / best | must | aim |')
    print('|---|---|--:|--:|--:|--:|--:|--:|--:|')
    for work, pair in found.items():
        title, peer, must, aim = WORKS[work]
        theirs, ours = (column(pair[by], 'median_ms') for by in ('peer', 'lathe'))
        ratios = [a / b for a, b in zip(ours, theirs)]
        spreads.append(ratios)
        print(f'| {title} | {peer} | {statistics.median(theirs):.3g} | '
              f'{statistics.median(ours):.3g} | {statistics.median(ratios):.2f} | '
              f'{min(ratios):.2f}..{max(ratios):.2f} | '
              f'{min(ours) / min(theirs):.2f} | {must} | {aim} |')
    print()
    print('| work | peer resident MiB | lathe resident MiB | lathe arena MiB |')
    print('|---|--:|--:|--:|')
    for work, pair in found.items():
        theirs, ours, arena = (max(column(pair[by], key)) / 2 ** 20 for by, key in (
            ('peer', 'resident_bytes'), ('lathe', 'resident_bytes'),
            ('lathe', 'arena_bytes')))
        print(f'| {WORKS[work][0]} | {theirs:.0f} | {ours:.0f} | {arena:.1f} |')
    print()
    if any(max(r) > STEADY * min(r) for r in spreads):
        print(UNSTEADY + '\n')
    for work, pair in found.items():
        errors = column(pair['peer'], 'relative_error')
        if errors:
            print(f'- {WORKS[work][0]}: the peer differs from PyTorch by '
                  f'{max(errors):.1e} of the deviation of the output.')


main()
