#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# log.sh -- transcripts: a session of every kind of operation replays to the same hashes of
# weights with one thread and with two, from wherever it was made; what failed is a comment,
# and a session that is killed leaves what it did.
set -u
LATHE=$(realpath "${LATHE:-./lathe}")
srcdir=$(realpath "${srcdir:-.}")
. "$srcdir/tests/cli/answers.sh"

# The hashes of a transcript, with the commands that they stand behind.
hashes()
{
    grep -v '^# \(lathe transcript\|made on\|.lathe \)' "$1"
}

cat >study.lathe <<'END'
let share = 0.5
load d d.npz; split d
model m unet-phase levels=1 channels=4 size=32
copy m s
train m d epochs=2 batch=4 optimizer=adam lr=0.002
copy m b
train b d epochs=2 batch=4 precision=bf16
prune p nosuch=1
nosuch m
prune m amount=0.6 data=d retrain=1 batch=4 as=p
prune m amount=$share
undo; redo; undo
quantize m data=d as=q
distill s m d epochs=1
sweep t prune m amount=0.3,$share data=d
eval m q d
save q q.safetensors
set seed=9
model r unet-phase levels=1 channels=2 size=32
train r d epochs=1
END

lathe -q --db none -c 'data d gpe n=6 grid=32 starts=1; save d d.npz' >/dev/null
echo "# a script, and then its transcripts"
"$LATHE" -q -k --threads 2 -c 'log first.lathe' study.lathe \
    -c 'show m p q s b r columns=model,hash > hashes.csv' >out 2>err
expect "status" $? 1
for threads in 1 2; do
    lathe -q --threads $threads -c "log again$threads.lathe; source first.lathe
        show m p q s b r columns=model,hash > hashes$threads.csv" >/dev/null
    cmp hashes.csv hashes$threads.csv || failed=1
    hashes first.lathe | grep -v '^show\|^# failed\|^# prune: \|^# no ' >wanted
    hashes again$threads.lathe | grep -v '^show' >got
    # The replay begins with the seed of its own, and that of the script.
    sed 1d got | diff wanted - || {
        echo "FAIL: the replay with $threads threads is another"
        failed=1
    }
done
test "$(grep -c '^# [a-z]* [0-9a-f]\{16\}$' first.lathe)" -ge 12 ||
    expect "hashes" "$(cat first.lathe)" "12 or more"
expect "rows of hashes" "$(wc -l <hashes.csv | tr -d ' ')" 7
expect "a failed option" "$(grep -A1 '^# failed: prune p nosuch=1' first.lathe | grep -c "^# prune: .*nosuch")" 1
expect "a failed command" "$(grep -c '^# failed: nosuch m' first.lathe)" 1
expect "variables" "$(grep -c 'share' first.lathe) $(grep -c '^sweep t prune m amount=0.3,0.5 data=d' first.lathe)" "1 1"
expect "seeds" "$(grep -c '^train .* seed=1$' first.lathe) $(grep -c '^train r d epochs=1 seed=9' first.lathe)" "2 1"
expect "its own commands" "$(grep -c '^log\|^source\|^quit' first.lathe)" 0
expect "threads" "$(grep -c '^# made on .* threads=2' first.lathe)" 1
grep '^# m ' first.lathe | sort -u | cut -d' ' -f3 >known
grep -q "$(grep ^m, hashes.csv | cut -d, -f2)" known ||
    expect "the hash that show tells" "$(cat hashes.csv)" "$(cat known)"

echo "# from elsewhere, and from the middle"
mkdir -p deep/logs other
lathe -q --seed 5 -c 'data d gpe n=6 grid=32 starts=1; split d; save d d.npz
model m unet-phase levels=1 channels=2 size=32; train m d epochs=1
log deep/logs/l.lathe
load e d.npz; train m e epochs=1; save m ./deep/m.safetensors
eval m e > deep/e.csv; log; log off
model late unet-phase levels=1 channels=2 size=32' >out
expect "what log tells" "$(grep -c 'deep/logs/l.lathe' out)" 3
log=deep/logs/l.lathe
for line in 'save d ../../d.npz' 'load e ../../d.npz' 'save m ../m.safetensors' \
    'eval m e seed=5 > ../e.csv' 'set seed=5'; do
    grep -qx -- "$line" $log || expect "line of the transcript" "$(cat $log)" "$line"
done
expect "what was done after it" "$(grep -c late $log)" 0
expect "hashes" "$(grep -c '^# m ' $log)" 2
rm deep/m.safetensors d.npz
lathe -q -C deep/logs l.lathe >/dev/null
lathe -q -c 'load m deep/m.safetensors; show m columns=hash > m.csv' >/dev/null
expect "the model of the replay" "$(sed 1d m.csv)" "$(tail -n 3 $log | sed -n 's/^# m //p')"

echo "# what is killed leaves what it did"
mkfifo pipe
"$LATHE" -q - <pipe >out 2>err &
process=$!
exec 3>pipe
printf '%s\n' 'log killed.lathe' 'model m unet-phase levels=1 channels=2 size=32' \
    'prune m amount=0.5' 'list' >&3
tries=0
until grep -qsx list killed.lathe || test $tries -ge 200; do
    sleep 0.05
    tries=$((tries + 1))
done
kill -9 $process
{ wait $process; } 2>/dev/null
exec 3>&-
expect "last line" "$(tail -n 1 killed.lathe)" list
lathe -q -c 'log after.lathe; source killed.lathe' >/dev/null
expect "its hashes" "$(grep '^# m ' after.lathe)" "$(grep '^# m ' killed.lathe)"

echo "# what is refused"
echo precious >text
refuses 'log text' 'text exists already; force=yes'
expect "a text" "$(cat text)" precious
refuses 'log off' 'no transcript is written'
refuses 'log /proc/no/such.lathe' 'cannot be made'
lathe -q -c 'log killed.lathe; log text force=yes' >/dev/null
expect "an older transcript" "$(wc -l <killed.lathe | tr -d ' ')" 4
"$LATHE" -q -c 'log /dev/full force=yes; list' >out 2>err
expect "status of a full disk" $? 1
lathe -c 'log' >out
grep -q 'no transcript is written' messages || expect "nothing" "$(cat messages)" told

finish
