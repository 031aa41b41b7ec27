#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# moves.sh -- pictures that change while a command runs: the map of costs fills point by
# point, the histogram of weights loses what is pruned, a sample waits for the job that
# runs; keys are answered meanwhile.
set -u
. "${srcdir:-.}/tests/screen/played.sh"

# The first number before WORDS in FILE.
number()
{
    grep -Eo -- "[0-9.]+$2" "$1" | head -n 1 | grep -Eo '^[0-9]+'
}

cat >moves.keys <<'END'
type :data d gpe n=16 grid=32 starts=1 seed=1; split d
keys Enter
wait
type :model m unet-phase levels=2 channels=8 size=32
keys Enter
wait
type :sensitivity m d kind=prune levels=0.2,0.4,0.6,0.8,0.9 split=all tolerance=0
keys Enter
wait % of masked_mse
save filling.screen
# another pane, a sample that must wait, and back
keys 2 j j j n
save waiting.screen
keys Esc 1
wait 55/55
wait
save filled.screen
type :prune m amount=0.9 retrain=100000 gradual=cubic until=4000 data=d as=p
keys Enter
wait % kept
wait epoch 2/
save begun.screen
wait epoch 30
save pruned.screen
keys Ctrl-C
wait
save stopped.screen
END
env TERM=xterm LC_ALL=C.UTF-8 LINES=24 COLUMNS=80 HOME="$folder" \
    XDG_STATE_HOME="$folder/state" XDG_CACHE_HOME="$folder/cache" \
    timeout 200 "$LATHE" --db none --keys moves.keys </dev/null >out 2>&1 || {
    echo "FAIL: ended with $?"
    cat out
    failed=1
}
has filling.screen '3 picture  cost: m prune'
has filling.screen '^[a-z0-9.]+ .*·'
has waiting.screen 'waits for the job'
has filled.screen '55/55'
! grep -q '^[a-z0-9.]* .*·.*│' filled.screen || {
    echo "FAIL: a point is missing:"
    cat filled.screen
    failed=1
}
first=$(number filling.screen '/55') last=$(number filled.screen '/55')
test "${first:-55}" -lt "${last:-0}" || {
    echo "FAIL: the map had $first points, then $last"
    failed=1
}
has begun.screen '3 picture  weights: p'
before=$(number begun.screen '% kept') after=$(number pruned.screen '% kept')
test "${after:-100}" -lt "${before:-0}" || {
    echo "FAIL: $before % of the weights were kept, then $after"
    failed=1
}
has stopped.screen 'u undoes: prune m'
test $failed = 0 && echo "all well"
exit $failed
