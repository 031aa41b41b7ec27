#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# store.sh -- models, datasets and sessions to disk and back in another process; what is
# replaced, and what is not.
set -u
LATHE=$(realpath "${LATHE:-./lathe}")
srcdir=$(realpath "${srcdir:-.}")
. "$srcdir/tests/cli/answers.sh"

lathe --seed 5 -c 'data d gpe n=6 grid=32 starts=2; split d; model m unet-phase levels=3 size=32
model tiny unet-phase levels=2 channels=2 size=16
let x = "0.5,0.9"
sweep s prune tiny amount=$x
show m d s > before.json
save m m.safetensors; save d d.npz
eval m d > before.csv
session save deep/work/; session save work/' >/dev/null
lathe -c 'session load deep/work' >/dev/null
expect "files of the session" "$(ls work | tr '\n' ' ')" \
    'd.npz journal.lathe m.safetensors manifest.json s.table.json tiny.safetensors '

# everything is there again, to the last digit
lathe -c 'session load work; show m d s > after.json; eval m d > after.csv
let > let.csv; set > set.csv' >/dev/null
expect "objects" "$(sed 's/"seconds".*//' after.json)" "$(sed 's/"seconds".*//' before.json)"
expect "metrics" "$(cut -d, -f1-6 after.csv)" "$(cut -d, -f1-6 before.csv)"
expect "variable" "$(grep ^x let.csv)" 'x,"0.5,0.9"'
expect "seed" "$(grep ^seed set.csv)" seed,5
lathe -c 'load a m.safetensors; load b d.npz; eval a b > file.csv' >/dev/null
expect "metrics of files" "$(cut -d, -f4-6 file.csv)" "$(cut -d, -f4-6 before.csv)"

# the journal comes with the session, and a folder is replaced as a whole
lathe -c 'session load work; drop s tiny; session save work; history > h.lathe' >/dev/null
expect "files after the second save" "$(ls work | tr '\n' ' ')" \
    'd.npz journal.lathe m.safetensors manifest.json '
expect "lines of history" "$(grep -c . h.lathe)" "$(($(grep -c . work/journal.lathe) + 1))"
expect "what the history began with" "$(sed -n 2p h.lathe)" 'set seed=5'
expect "things left behind" "$(find . -name 'work.*' | wc -l | tr -d ' ')" 0
touch work/mine
refuses 'session load work; session save work' "holds 'mine', which is no part of a session"
test -f work/mine || expect "a file of the user's" gone there
rm work/mine
mkdir other; touch other/mine
refuses 'session save other' "holds 'mine'"
truncate -s -1 work/d.npz
refuses 'session load work' 'work/d\.npz'
rm work/m.safetensors
refuses 'session load work' 'work/'
refuses 'session load .' 'manifest\.json'

# a second run of a script writes its own files again, but nobody else's
echo precious >text
refuses 'model m unet-phase levels=2 channels=2 size=16; save m text' \
    'text exists already; force=yes'
expect "a text" "$(cat text)" precious
lathe -c 'model m unet-phase levels=2 channels=2 size=16; save m m.safetensors
save m m.safetensors; save m text force=yes' >/dev/null
lathe -c 'load m text' >/dev/null
refuses 'load d d.npz; save d m.safetensors' "ends in \.safetensors, want \.npz for a dataset"
refuses 'load d d.npz; save d text' 'text exists already'
refuses 'load m m.safetensors; save m d.npz' "ends in \.npz"
lathe -c 'load d d.npz; save d d.npz' >/dev/null
refuses 'save s f.csv' "no model or dataset 's'"

# what a file says it is does not matter: what it is does
cp m.safetensors strange.npz
lathe -c 'load m strange.npz' >/dev/null
head -c 100 m.safetensors >short.safetensors
refuses 'load m short.safetensors' 'short\.safetensors'
: >empty
refuses 'load m empty' 'empty: neither'
refuses 'load m .' 'is a folder'
cp m.safetensors broken
printf 'x' | dd of=broken bs=1 seek=12 conv=notrunc 2>/dev/null
refuses 'load m broken' 'broken'

finish
