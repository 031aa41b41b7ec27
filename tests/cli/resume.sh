#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# resume.sh -- training that is killed or stopped goes on to the same bits as one that was
# not: from lathe's own checkpoint, from a file, and after Ctrl-C.
set -u
. "$srcdir/tests/cli/answers.sh"
set -m # so that a job in the background obeys SIGINT

lathe -c "data d gpe n=8 grid=32 starts=2 seed=5; export d d.npz" >/dev/null
data="data d npz d.npz; split d by=group seed=5"
model="model m unet-phase size=32 levels=3 channels=8 seed=5"
options="epochs=100 batch=2 optimizer=adam lr=0.002 schedule=cosine seed=5"

# The state that a training of so many steps ends in.
lathe --format json -c "$data; $model; train m d $options
    run m d > whole.npy" >whole.json

# start SIGNAL LINE: runs the line, and ends it with the signal after an epoch or two.
start()
{
    "$LATHE" --format json -c "$2" >stopped.json 2>messages &
    local job=$! tries=0
    while ! find "$folder" -name '*.checkpoint' -o \
        -path '*checkpoints/*' -name '*.safetensors' | grep -q .; do
        tries=$((tries + 1))
        test $tries -lt 1500 && kill -0 $job 2>/dev/null || break
        sleep 0.02
    done
    kill -s "$1" -- "$job" || {
        echo "FAIL: the training ended before it could be stopped"
        failed=1
    }
    { wait $job; } 2>/dev/null
    status=$?
}

# same WHAT FILE: the answers are those of the whole training.
same()
{
    expect "$1" "$(cmp whole.npy "$2" && echo same)" same
}

echo "# kill -9, then resume=yes with nothing else"
start KILL "$data; $model; train m d $options"
expect "status" $status 137
lathe --format json -c "$data; train m d resume=yes
    run m d > killed.npy" >killed.json
same "after kill -9" killed.npy
expect "masked_mse" "$(get killed.json train 1 masked_mse)" \
    "$(get whole.json train 1 masked_mse)"
expect "epochs" "$(get killed.json train 1 epochs)" 100
less "what was done before" 0 100 "$(get killed.json train 1 resumed)"
expect "checkpoints left" "$(find state -name '*.safetensors' | wc -l | tr -d ' ')" 0

echo "# a script with a checkpoint of its own, started again"
line="$data; $model; train m d $options resume=yes checkpoint=m.checkpoint"
start KILL "$line"
lathe --format json -c "$line
    run m d > again.npy" >again.json
same "the same script again" again.npy
lathe --format json -c "$line
    run m d > third.npy" >third.json
same "a finished one" third.npy
expect "epochs that were done" "$(get third.json train 1 resumed)" 100

echo "# other data or options are refused"
"$LATHE" -c "$data; $model; train m d lr=0.1 resume=yes checkpoint=m.checkpoint" \
    >/dev/null 2>messages && failed=1
expect "other options" "$(grep -c 'lr=0.002' messages)" 1
"$LATHE" -c "data d npz d.npz; split d by=sample seed=6
    train m d resume=yes checkpoint=m.checkpoint" >/dev/null 2>messages && failed=1
expect "other data" "$(grep -c 'validation loss' messages)" 1
"$LATHE" -c "$data; $model; train m d precision=bf16 resume=yes checkpoint=m.checkpoint" \
    >/dev/null 2>messages && failed=1
expect "another precision" "$(grep -c 'precision=f32, not bf16' messages)" 1
rm m.checkpoint
echo mine >mine
"$LATHE" -c "$data; $model; train m d checkpoint=mine" >/dev/null 2>messages && failed=1
expect "a file that is no checkpoint" "$(cat mine)" mine

echo "# Ctrl-C"
start INT "$data; $model; train m d $options"
expect "status" $status 130
expect "sentence" "$(grep -c 'stopped after epoch [0-9]* of 100; m keeps' messages)" 1
after=$(sed -n "s/.*'train m d resume=yes' goes on after epoch \([0-9]*\).*/\1/p" messages)
lathe --format json -c "$data; train m d resume=yes
    run m d > stopped.npy" >stopped.json
same "after Ctrl-C" stopped.npy
expect "the epoch that it goes on after" "$(get stopped.json train 1 resumed)" "$after"

echo "# pruning in the course of a training: its masks go on, too"
line="$data; $model; prune m amount=0.9 gradual=cubic regrow=0.3 data=d retrain=60 batch=2"
lathe --format json -c "$line; run m d > whole.npy" >pruned.json
line="$line checkpoint=p.checkpoint"
start KILL "$line"
expect "status" $status 137
lathe --format json -c "$line resume=yes; run m d > again.npy" >again.json
same "masks after kill -9" again.npy
less "epochs that were done" 0 60 "$(get again.json prune 1 resumed)"
for key in nonzero sparsity masked_mse; do
    expect "$key" "$(get again.json prune 1 $key)" "$(get pruned.json prune 1 $key)"
done
lathe --format json -c "$line resume=yes; run m d > again.npy" >again.json
same "a pruning that is finished" again.npy
"$LATHE" -c "${line/0.9/0.8} resume=yes" >/dev/null 2>messages && failed=1
expect "another amount" "$(grep -c 'is of another line' messages)" 1
"$LATHE" -c "$line control=yes" >/dev/null 2>messages && failed=1
expect "with a control" "$(grep -c 'one amount, without control' messages)" 1

finish
