#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# tour.sh -- the walk for beginners goes from its first step to its last, each an ordinary
# command: what it makes is as small and as good as it says, and is undone like anything.
set -u
LATHE=$(realpath "${LATHE:-./lathe}")
srcdir=$(realpath "${srcdir:-.}")
. "$srcdir/tests/cli/answers.sh"

lathe -q -c 'tour; tour; tour; tour; tour; tour; tour; tour; tour' >out 2>err
expect "status ($(tail -n 1 err))" $? 0
expect "steps" "$(grep -c '^Step [1-9] of 9\.  ' out)" 9
expect "commands" "$(grep -c '^> ' out)" 9
# no line of its words is wider than a terminal
expect "width of the words" "$(grep '^Step\|^> ' out | awk 'length > 80' | wc -l)" 0

lathe -q --format csv -c 'tour; tour; tour; tour; tour; tour; tour
show tour tour-80 tour-8 columns=model,nonzero,bits,bytes
undo; tour step=7; tour; tour; undo; list models' >out 2>err
expect "status ($(tail -n 1 err))" $? 0
bytes() { sed -n "s/^$1,[0-9]*,[0-9]*,\([0-9]*\)\$/\1/p" out; }
expect "files become smaller" \
    "$(test "$(bytes tour-80)" -lt "$(($(bytes tour) / 2))" &&
        test "$(bytes tour-8)" -lt "$(($(bytes tour-80) * 2 / 3))" && echo yes)" yes
expect "bits" "$(grep -c '^tour-8,[0-9]*,8,' out)" 1
# what cannot be drawn is said, and the walk goes on
mkdir empty
PATH=$PWD/empty "$LATHE" --db none -c 'tour step=4; tour step=6' >bare 2>missing
expect "status without gnuplot" "$(grep -c '^Step [46] of 9\.' bare)" 2
expect "what is missing" "$(grep -c 'it was not drawn: gnuplot: not found in PATH.*install' missing)" 2
finish
