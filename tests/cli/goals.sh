#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# goals.sh -- the search for a compression: within its time, judged on samples it never saw,
# the best kept, also after Ctrl-C; what binds is named, and the result can be made again.
set -u
LATHE=$(realpath "${LATHE:-./lathe}")
srcdir=$(realpath "${srcdir:-.}")
. "$srcdir/tests/cli/answers.sh"
set -m # so that a job in the background obeys SIGINT

before='session load work'

lathe -q --seed 1 -c 'data d gpe n=10 grid=32 starts=2; split d
model m unet-phase levels=2 channels=4 size=32; train m d epochs=2 batch=2
session save work' >/dev/null

echo "# a goal that is easy"
search='goal m d size=-40% metric=+100% batch=2 epochs=1 seconds=0.02'
"$LATHE" --format json -c "session load work; $search budget=3s; show m-goal; show m-goal-tried
history; undo; list" >out 2>notes
expect "status" $? 0
rows=$(lines out goal | grep -o '"candidate"' | wc -l | tr -d ' ')
test "$rows" -ge 5 || expect "candidates" "$rows" "5 or more"
expect "first" "$(row out goal 1 1 candidate) $(row out goal 1 1 split)" '"base" "val"'
expect "judged" "$(row out goal 1 $((rows - 1)) split) $(row out goal 1 "$rows" candidate) $(row out goal 1 "$rows" split)" \
    '"test" "m-goal" "test"'
expect "bytes" "$(row out goal 1 "$rows" bytes)" "$(get out show 1 bytes)"
less "size of the result" "$(get out show 1 bytes)" 60 "$(row out goal 1 1 bytes)"
expect "rows of the table" "$(lines out show | sed -n 2p | grep -o '"candidate"' | wc -l | tr -d ' ')" $((rows - 2))
grep -q 'binds' notes || expect "what binds" missing there
less "time" "$(lines out goal | sed 's/.*"seconds": \([0-9]*\)[.0-9]*}$/\1/')" 100 5
lines out list | grep -q '"m-goal"' && expect "after undo" there gone
# The commands of the history make the same model.
lines out history | grep -o '"command": "[^"]*"' | sed 's/^"command": "//; s/"$//' >all
sed -n '/^copy m m-goal$/,$p' all >again.lathe
grep -q '^#' again.lathe || {
    lathe -q --format json -c 'session load work; source again.lathe; show m-goal' >again
    expect "bytes of the model made again" "$(get again show 1 bytes)" "$(get out show 1 bytes)"
    expect "numbers of the model made again" "$(get again show 1 nonzero)" "$(get out show 1 nonzero)"
}

echo "# a goal that is out of reach"
"$LATHE" --format json -c "session load work
goal m d size=-99% metric=-90% batch=2 epochs=1 seconds=0.02 budget=2s" >out 2>notes
expect "status" $? 0
rows=$(lines out goal | grep -o '"candidate"' | wc -l | tr -d ' ')
expect "met" "$(row out goal 1 "$rows" met)" false
grep -q 'the nearest to all' notes || expect "the nearest" missing there
grep -Eq 'binds: it was not reached' notes || expect "what binds" missing there

echo "# Ctrl-C keeps the best"
"$LATHE" --format json -c "session load work" -c "$search budget=2m" -c 'show m-goal' >out 2>notes &
job=$!
sleep 2
kill -s INT -- "$job" 2>/dev/null
{ wait $job; } 2>/dev/null
expect "status after Ctrl-C" $? 130
lines out goal | grep -q '"candidate": "base"' || expect "candidates" missing there
grep -q 'm-goal keeps the best' notes || expect "sentence" missing there

echo "# what is refused"
refuses 'goal m d' 'what is to be reached'
refuses 'goal m d size=-30% budget=soon' 'budget=soon'
refuses 'goal m d size=small' 'no amount'
refuses 'goal m d size=-30% of=accuracy' 'no metric accuracy'
refuses 'goal m d size=-30% as=m' 'place of the model'
refuses 'split d train=0.8 val=0 test=0.2; goal m d size=-30%' 'split val'
finish
