#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# sweep.sh -- a sweep in one process and in two, stopped by Ctrl-C and killed at random:
# it goes on where it was, the numbers are the same, and nothing is left behind.
set -u
LATHE=$(realpath "${LATHE:-./lathe}")
srcdir=$(realpath "${srcdir:-.}")
. "$srcdir/tests/cli/answers.sh"
export XDG_STATE_HOME=$folder/state
sweeps=$XDG_STATE_HOME/lathe/sweeps

lathe -q --seed 3 -c 'data d gpe n=12 grid=32 starts=1; split d
model m unet-phase levels=2 channels=2 size=32
session save work' >/dev/null

points='train m d epochs=1,2,3 lr=0.01,0.001 batch=4,2'

# sweep OUT JOBS [WORDS]: the sweep, without the columns of time and memory.
sweep()
{
    "$LATHE" -q --format csv --db none -c 'session load work > loaded.csv' \
        -c "sweep s $points jobs=$2; show s" >all 2>err
    code=$?
    test $code = 0 || cat err
    grep -v '^[0-9]* points' all | sed 's/,[0-9.e+-]*seconds.*//' |
        cut -d, -f1-24 >"$1"
    return $code
}

count()
{
    find "$sweeps" -mindepth 1 2>/dev/null | wc -l | tr -d ' '
}

sweep one 1
expect "status of one process" $? 0
sweep two 2
expect "status of two processes" $? 0
cmp one two || failed=1
expect "points" "$(grep -c '^[123],' one)" 24 # the sweep's own and those of show
expect "what is left of finished sweeps" "$(count)" 0

# Stopped and killed after some points; then on with the others, in one process or two.
for how in INT KILL; do
    for jobs in 1 2; do
        export points="$points"
        "$LATHE" -q --format csv --db none -c 'session load work > loaded.csv' \
            -c "sweep s $points jobs=$jobs" >part 2>err &
        process=$!
        for _ in $(seq 400); do
            test -n "$(find "$sweeps" -name '*.json' 2>/dev/null | grep -v /jobs)" && break
            kill -0 $process 2>/dev/null || break
            sleep 0.05
        done
        kill -$how $process 2>/dev/null
        wait $process 2>/dev/null
        sweep again $((3 - jobs))
        expect "status after $how" $? 0
        cmp one again || {
            echo "FAIL: after $how in $jobs processes other numbers"
            failed=1
        }
        expect "what is left after $how and the rest" "$(count)" 0
    done
done

# A sweep at work is seen by another lathe, and its figure grows.  Its points take long
# enough to be met at work.
long=${points/epochs=1,2,3/epochs=131,132,133}
"$LATHE" -q --db none -c 'session load work > loaded.csv' \
    -c "sweep live $long plot=grow.svg" >out 2>err &
process=$!
for _ in $(seq 400); do
    grep -qs '</svg>' grow.svg && find "$sweeps" -name '*.json' 2>/dev/null | grep -q . && break
    sleep 0.02
done
kill -STOP $process
cp grow.svg early.svg
"$LATHE" --format csv --db none -c 'sweep live; plot curve live x=epochs y=masked_mse > part.svg' >part 2>err
expect "status of looking" $? 0
some=$(sed -n 's/.*sweep: \([0-9]*\) of 12 points are done so far.*/\1/p' err)
test "${some:-0}" -ge 1 -a "${some:-12}" -lt 12 || expect "points so far" "$some" "some"
expect "rows so far" "$(grep -c '^13[123],0' part)" "$some"
grep -qs '</svg>' part.svg || expect "figure of a part" "$(cat part.svg)" svg
kill -KILL $process
{ wait $process; } 2>/dev/null
"$LATHE" --db none -c 'sweep live' >out 2>err
grep -q "$some of 12 points" err || expect "points of a killed one" "$(cat err)" "$some"
"$LATHE" -q --db none -c 'session load work > loaded.csv' \
    -c "sweep live $long plot=grow.svg jobs=2; plot curve live > whole.svg" >out 2>err
expect "status of the rest" $? 0
cmp grow.svg whole.svg || failed=1
cmp -s grow.svg early.svg && expect "the figure" "the early one" another
"$LATHE" -q --db none -c 'sweep live' >out 2>err
expect "status of looking for a finished one" $? 1
grep -q 'no sweep called live is at work' err || expect "what is said" "$(cat err)" 'no sweep'

# The session is part of what is swept: another one has nothing to go on with.
"$LATHE" -q --db none -c 'session load work > loaded.csv' \
    -c "sweep s train m d epochs=1,0 batch=4" >out 2>err
expect "status of a bad point" $? 1
grep -q 'sweep: at epochs=0' err || expect "which point" "$(cat err)" 'at epochs=0'
expect "what a failed sweep keeps" "$(count)" 1
"$LATHE" -q --db none -c 'session load work > loaded.csv' \
    -c "sweep s train m d epochs=1,0 batch=4 jobs=2" >out 2>err
expect "status of a bad point in another process" $? 1
grep -q 'sweep: at epochs=0' err || expect "which point" "$(cat err)" 'at epochs=0'
"$LATHE" --db none -c 'session load work > loaded.csv' -c 'set seed=4' \
    -c "sweep s train m d epochs=1,0 batch=4" >out 2>err
grep -q 'were done before' err && expect "points of another session" some none
"$LATHE" --db none -c 'session load work > loaded.csv' \
    -c "sweep s train m d epochs=1,0 batch=4" >out 2>err
grep -q '1 of 2 points were done before' err || expect "earlier points" "$(cat err)" 'told'

# A file that is damaged is as good as none.
for file in "$sweeps"/*.json; do
    head -c 40 "$file" >cut && mv cut "$file"
done
"$LATHE" --db none -c 'session load work > loaded.csv' \
    -c "sweep s train m d epochs=1,0 batch=4" >out 2>err
expect "status with a damaged file" $? 1
grep -q 'were done before' err && expect "points of a damaged file" some none

for bad in jobs=0 jobs=65 jobs=two; do
    "$LATHE" -q --db none -c 'session load work > loaded.csv' \
        -c "sweep s prune m amount=.5,.6 $bad" >out 2>err
    expect "status of $bad" $? 1
    grep -q "$bad, wanted 1 to 64" err || expect "what $bad says" "$(cat err)" "1 to 64"
done

finish
