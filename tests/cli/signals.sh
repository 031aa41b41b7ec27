#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# signals.sh -- Ctrl-C and SIGTERM in scripts: the job stops within a batch, what it
# reached is said, the status tells, and nothing is left half-written.
set -u
LATHE=$(realpath "${LATHE:-./lathe}")
srcdir=$(realpath "${srcdir:-.}")
. "$srcdir/tests/cli/answers.sh"

cat >job.lathe <<'END'
data d gpe n=6 grid=32 starts=2 seed=1
split d
model m unet-phase levels=2 channels=2 size=32
train m d epochs=1000000 batch=2
save m m.safetensors
END

# interrupt SIGNAL [FILE]: sends it when two epochs are done.
interrupt()
{
    rm -f err # of the job before: its epochs are not those of this one
    "$LATHE" -k "${2:-job.lathe}" >out 2>err &
    local process=$! tries=0
    until grep -Eqs '(^| )train epoch 2/' err || test $tries -ge 600; do
        sleep 0.05
        tries=$((tries + 1))
    done
    kill -s "$1" $process
    wait $process
    code=$?
}

interrupt INT
expect "status after SIGINT" $code 130
grep -Eq '^job\.lathe:4: train: stopped after epoch [0-9]+ of 1000000; m keeps epoch' err ||
    expect "message after SIGINT" "$(tail -n 1 err)" 'stopped after epoch'
expect "what ran afterwards" "$(ls m.safetensors 2>/dev/null | wc -l | tr -d ' ')" 0
expect "parts left behind" "$(find . -name '*.part' | wc -l | tr -d ' ')" 0

sed 's/^train/sweep s train/; s/batch=2/& lr=0.1,0.2/; s/^save.*/show s/' job.lathe >sweep.lathe
interrupt INT sweep.lathe
expect "status of a sweep" $code 130
grep -q 'sweep: stopped before the first of 2 points' err ||
    expect "message of a sweep" "$(tail -n 1 err)" 'stopped before the first'

interrupt TERM
expect "status after SIGTERM" $code 143
expect "parts left behind" "$(find . -name '*.part' | wc -l | tr -d ' ')" 0

# a script that waits for its lines can be stopped too
mkfifo lines
"$LATHE" - <lines >out 2>err &
process=$!
exec 3>lines
echo 'let x = 1; let' >&3
tries=0
until test -s out || test $tries -ge 200; do
    sleep 0.05
    tries=$((tries + 1))
done
sleep 1
kill -s INT $process
wait $process
code=$?
expect "status of one that waits" $code 130
test $code = 130 || cat out err
exec 3>&-

finish
