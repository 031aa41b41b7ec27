#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# ledger.sh -- what commands leave in the database of runs, and what `runs`, `show run`,
# `why` and `diff` find there again; databases that cannot be had cost a session nothing;
# `bisect` on the versions of undo.
set -u
LATHE=$(realpath "${LATHE:-./lathe}")
srcdir=$(realpath "${srcdir:-.}")
. "$srcdir/tests/cli/answers.sh"

# The runs that the last `runs` of FILE found, in order.
found()
{
    lines "$1" runs | tail -1 | grep -o '"run": [0-9]*' | sed 's/.* //' | tr '\n' ' '
}

small='model m unet-phase levels=1 channels=2 size=32'
echo "# a study"
lathe -q --seed 3 --format json -c 'data d gpe n=10 grid=32 starts=2; split d
model m unet-phase levels=2 channels=4 size=32; train m d epochs=2 batch=2
sweep s prune m amount=0.3,0.6
prune m amount=0.5; eval m d; runs' >study
expect "database" "$(test -s state/lathe/runs.db && echo there)" there
expect "runs" "$(found study)" "1 2 3 4 5 6 7 8 9 "
lathe -q --format json -c 'runs columns=command,parent,seed' >out
expect "the sweep's points" "$(row out runs 1 6 parent) $(row out runs 1 7 parent)" "5 5"
expect "seed" "$(row out runs 1 9 seed)" 3

echo "# found again, from another session"
ask()
{
    lathe -q --format json -c "runs where \"$1\" $2" >out
    expect "$1 $2" "$(found out)" "$3"
}
ask 'command = prune' '' '6 7 8 '
ask 'sparsity > 0.1 and command = prune' 'sort=sparsity descending=yes' '7 8 6 '
ask 'sparsity > 0.1 and command = prune' 'sort=bytes most=1' '7 '
ask 'amount = 0.5 or epochs = 2' '' '4 8 '
ask 'line ~ unet and not status = failed' '' '3 '
expect "bytes" "$(lathe -q --format json -c 'runs where "run = 9" columns=bytes' >out; get out runs 1 bytes)" \
    "$(get study eval 1 bytes)"
expect "metric" "$(lathe -q --format json -c 'runs where "run = 9" columns=masked_mse' >out; get out runs 1 masked_mse)" \
    "$(get study eval 1 masked_mse)"
lathe -q --format json -c 'show run 4' >out
expect "points of the training" "$(grep -o '"key": "m.train_loss"' out | wc -l | tr -d ' ')" 2
expect "line" "$(grep -c '"value": "train m d epochs=2 batch=2"' out)" 1
lathe -q -c 'runs export all.csv where="command = prune"'
expect "rows of the file" "$(wc -l <all.csv | tr -d ' ')" 4
head -1 all.csv | grep -q ',argument.amount' || expect "columns of the file" "$(head -1 all.csv)" argument.amount

echo "# where a model came from, and in what it differs"
lathe -q --db tree.db --format json -c "data d gpe n=6 grid=32 starts=1; split d; $small" \
    -c 'train m d epochs=1 batch=2; copy m m0; prune m amount=0.5; eval m d' \
    -c 'save m m.safetensors; why m; diff m0 m; diff m m; diff 5 6; show m' >tree
expect "steps" "$(lines tree why | grep -o '"step"' | wc -l | tr -d ' ')" 3
expect "lines" "$(row tree why 1 1 line), $(row tree why 1 2 line), $(row tree why 1 3 line)" \
    "\"$small\", \"train m d epochs=1 batch=2\", \"prune m amount=0.5\""
expect "bytes at the end" "$(row tree why 1 3 bytes)" "$(get tree show 1 bytes)"
expect "metric at the end" "$(row tree why 1 3 masked_mse)" "$(get tree eval 1 masked_mse)"
expect "rows for the same" "$(lines tree diff | sed -n 2p)" \
    "$(lines tree diff | sed -n 2p | sed 's/"rows": .*, "sec/"rows": [], "sec/')"
expect "what a run read" "$(lines tree diff | sed -n 3p | grep -c '"part": "argument", "key": "amount", "a": null, "b": 0.5')" 1
lines tree diff | sed -n 1p | grep -q '"part": "layer", "key": "inc.0.weight".*"distance": 0\.' ||
    expect "layers that differ" "$(lines tree diff | sed -n 1p)" inc.0.weight
lathe -q --db tree.db --format json -c 'load other m.safetensors; why other' >out
expect "steps in another session" "$(lines out why | grep -o '"step"' | wc -l | tr -d ' ')" 3
lathe -q --db no-tree.db --format json -c 'load other m.safetensors; why other' >out
expect "steps without the runs" "$(row out why 1 2 line)" '"train m d epochs=1 batch=2"'
refuses 'why nobody' "no model"
refuses 'diff 1 99' 'no run 99'

echo "# the step and the layer by which it became bad"
lathe -q --db worse.db --format json -c 'data d gpe n=6 grid=32 starts=1; split d
model m unet-phase levels=1 channels=4 size=32; train m d epochs=4 batch=2 lr=0.01
eval m d split=val; prune m amount=0.02; prune m amount=0.9; copy m late
prune late amount=0.92; eval m d split=val; bisect late "masked_mse > 0.086" d; save late late.safetensors' >out
lines out bisect | sed 's/^.*"rows": \[//; s/}, {/}\n{/g' >rows
grep '"part": "step"' rows | grep '"first": true' >first
expect "steps that were first" "$(wc -l <first | tr -d ' ')" 1
grep -q '"line": "prune m amount=0.9"' first || expect "first" "$(cat first)" 'prune m amount=0.9'
expect "value there" "$(sed -n 's/.*"value": \([^,}]*\).*/\1/p' first)" "$(row out eval 2 1 masked_mse)"
grep '"part": "layer"' rows | sed -n 's/.*"gain": \([^,}]*\).*/\1/p' >gains
test "$(wc -l <gains)" -ge 3 || expect "layers" "$(cat gains)" "3 or more"
sort -g -r gains | cmp -s - gains || expect "order of gains" "$(cat gains)" falling
expect "first layers" "$(grep '"part": "layer"' rows | grep -c '"first": true')" 1
lathe -q --db worse.db --format json -c 'data d gpe n=6 grid=32 starts=1; split d
load x late.safetensors; bisect x "masked_mse > 0.086" d' >out
lines out bisect | sed 's/^.*"rows": \[//; s/}, {/}\n{/g' | grep '"first": true' >first
expect "first of the runs" "$(sed -n 's/.*"line": \("[^"]*"\).*/\1/p' first)" '"prune m amount=0.9"'
refuses 'set db=none; data d gpe n=6 grid=32 starts=1; split d; model m unet-phase levels=1 channels=2 size=32; bisect m "masked_mse < 0" d' 'does not hold'
refuses 'set db=none; bisect m "masked_mse" d' 'no model|a metric'

echo "# on which data"
lathe -q --db none -c 'data d gpe n=6 grid=32 starts=1; split d seed=1; save d d.npz' >/dev/null
lathe --db data.db --format json -c 'load d d.npz' \
    -c "$small; train m d epochs=1; why m; eval m d; copy m n; train n d epochs=1" \
    -c 'split d seed=2; eval n d; diff m n; compare m n data=d seconds=0.01; show run 3' >out
expect "data of the training" "$(lines out why | grep -c '"data": "d [0-9a-f]\{16\} .*d.npz.*, 6 samples (4/1/1)"')" 1
expect "data that run 3 read" "$(lines out show | grep -c '"part": "data", "row": null, "key": "d", "value": "[0-9a-f]\{16\} .*d.npz')" 1
expect "notes of eval" "$(grep -c 'eval: n was made with other data called d ([0-9a-f]* in run 6, now' messages)" 1
expect "notes of compare" "$(grep -c 'compare: [mn] was made with other data called d' messages)" 2
expect "notes of diff" "$(grep -c 'diff: .*different data of the same name' messages)" 1
expect "data of other numbers" "$(lines out diff | grep -c '"key": "data_digest"')" 1
lathe --db data.db -c "load d d.npz; $small; train m d epochs=1; eval m d" >/dev/null
expect "notes on the same data" "$(grep -c 'other data' messages)" 0

echo "# which runs no other beats"
lathe -q --db front.db --format json -c "$small; sweep s prune m amount=0.2,0.4,0.6" \
    -c 'runs where "command = prune" columns=bytes,sparsity as=r; undo list=yes
        pareto r x=bytes y=sparsity; pareto x=bytes y=sparsity where="command = prune"
        pareto x=bytes y=sparsity where="command = prune" better=lower,lower
        plot pareto r x=bytes y=sparsity > front.svg
        pareto r x=bytes y=sparsity all=yes' >out
expect "the front" "$(row out pareto 1 1 run) $(row out pareto 2 1 run) $(row out pareto 2 2 run)" "5 5 "
expect "the other direction" "$(lines out pareto | sed -n 3p | grep -o '"run": [0-9]*' | tr -dc '0-9\n' | sort | tr '\n' ' ')" "3 4 5 "
expect "all that was compared" "$(lines out pareto | sed -n 4p | grep -o '"front": [a-z]*' | tr -dc 'a-z\n' | sort | uniq -c | tr -s ' \n' ' ')" " 2 frontfalse 1 fronttrue "
expect "a step of undo" "$(row out undo 1 1 command | cut -c1-12)" '"runs where '
grep -q '</svg>' front.svg || expect "figure" none front.svg
lathe -q --db front.db -c 'data d gpe n=4 grid=16 starts=1 seed=1; split d' \
    -c "$small; eval m d split=train" -c 'pareto' >out
expect "the first metric" "$(sed -n '/^run /,$p' out | grep -c masked_mse)" 1
lathe --db front.db -c 'data d gpe n=4 grid=16 starts=1 seed=1; split d' \
    -c "$small; eval m d split=test; pareto all=yes" >out
expect "what is not comparable" "$(grep -c 'pareto: the rows are of several splits' messages)" 1
refuses 'set db=none; pareto x=bytes' 'no runs are recorded'
refuses "set db=none; $small; sweep s prune m amount=0.2,0.4; pareto s y=sparsity where=\"run = 1\"" 'where= is of runs'

echo "# what is refused"
refuses 'runs where "accuracy >"' 'at the end'
refuses 'runs where accuracy>0.9' 'in quotes'
refuses 'runs where "run = 1; drop table run"' "at '; drop"
refuses 'runs where "(select 1) = 1"' 'operator|one of'
refuses 'show run 99' 'no run 99'
rm -f 0.9
expect "runs still there" "$(lathe -q --format json -c 'runs last=0' >out; found out | wc -w | tr -d ' ')" 9

echo "# failures are receipts, too"
"$LATHE" -q -c "$small" -c 'prune m amount=0.5; prune m amount=0.2' >/dev/null 2>&1
lathe -q --format json -c 'runs where "status = failed" columns=error' >out
expect "why" "$(grep -c 'more than the 0.2 asked for' out)" 1

echo "# where it goes"
lathe -q --db other.db -c "$small"
lathe -q --db other.db --format json -c 'runs' >out
expect "runs of another file" "$(found out)" "1 "
lathe -q --db none -c "$small"
"$LATHE" --db none -q -c runs 2>err
expect "status without a database" $? 1
lathe -q --format json -c "set db=third.db; $small; runs" >out
expect "runs of a third" "$(found out)" "1 "
refuses 'set db=/proc/no/such.db' 'cannot be made'
expect "runs of the user's" "$(lathe -q --format json -c 'runs last=0' >out; found out | wc -w | tr -d ' ')" 12

echo "# one warning, and the session goes on"
echo "no database, only words: 0123456789 0123456789 0123456789 0123456789 0123456789" >words.db
"$LATHE" --db words.db -c "$small; copy m n; list" >out 2>err
expect "status" $? 0
expect "warnings" "$(grep -c 'runs are no longer recorded' err)" 1
grep -q '^n ' out || expect "models" "$(cat out)" "m and n"
expect "the file" "$(head -c 11 words.db)" "no database"

echo "# killed at any moment"
yes "$small; prune m amount=0.5" | head -400 >many.lathe
for pause in 0.05 0.08 0.11 0.14 0.17 0.2; do
    "$LATHE" -q --db killed.db many.lathe >/dev/null 2>&1 &
    job=$!
    disown $job
    sleep $pause
    kill -9 $job 2>/dev/null
    while kill -0 $job 2>/dev/null; do sleep 0.01; done
    "$LATHE" -q --db killed.db --format json -c 'runs last=1' >out 2>err
    expect "status after a kill" $? 0
done

echo "# a run whose process is gone"
"$LATHE" -q --db gone.db -c 'load d d.npz' \
    -c "$small; train m d epochs=100000" >out 2>err &
job=$!
tries=0
until lathe -q --db gone.db --format json -c 'runs where "command = train"' >out &&
    test -n "$(found out)" || test $tries -ge 200; do
    sleep 0.05
    tries=$((tries + 1))
done
expect "status at work" "$(get out runs 1 status)" '"running"'
kill -9 $job
{ wait $job; } 2>/dev/null
lathe -q --db gone.db --format json -c 'runs where "command = train"' >out
expect "status of a killed one" "$(get out runs 1 status)" '"killed"'
expect "found by it" "$(lathe -q --db gone.db --format json -c 'runs where "status = killed"' >out; found out)" "3 "
finish
