#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# job.sh -- long work at the prompt: its bar, Ctrl-C that stops the job and not the
# session, scripts that are left, and signals that end the program in order.
set -u
. "${srcdir:-.}/tests/screen/term.sh"

prepare='data d gpe n=4 grid=32 starts=1 seed=1; split d'
prepare="$prepare; model m unet-phase levels=2 channels=2 size=32"
cat >job.lathe <<'END'
let began = yes
train m d epochs=1000000 batch=2
let ended = yes
END

start()
{
    open 100 30 "$@"
    wait_for '^lathe>$'
    enter "$prepare"
    wait_for 'multiply_adds' 60
    wait_for '^lathe>$'
}

# stop_job REGEX: Ctrl-C, until that stands there; the shortest time is kept.
soonest=60000
stop_job()
{
    local began taken
    began=$(date +%s%N)
    key C-c
    wait_for "$1"
    taken=$((($(date +%s%N) - began) / 1000000))
    test $taken -ge $soonest || soonest=$taken
}

start
enter 'train m d epochs=1000000 batch=2'
wait_for '^train +[0-9]+/[0-9]+ .*epoch [0-9]+/1000000 .*loss [0-9].* eta ' 60
wait_for '[▁▂▃▄▅▆▇█]{4}'
# narrower than the bar: it still has one line
resize 40 10
wait_for '^train [0-9]+/[0-9]+ .*eta '
check "one line of progress" test "$(screen | grep -c '^train [0-9]*/')" = 1
resize 100 30
# it is drawn ten times a second at most
terminal pipe-pane -t test "cat >'$home/drawn'"
sleep 2
terminal pipe-pane -t test
times=$(LC_ALL=C tr -cd '\r' <drawn | wc -c)
check "drawn $times times in two seconds" test "$times" -ge 5 -a "$times" -le 30
stop_job 'train: stopped after epoch [0-9]+ of 1000000; m keeps epoch [0-9]+'
wait_for '^lathe>$'
must_not '^train [0-9]+/' # the bar is gone
key C-l
enter 'undo list=yes'
wait_for '^ +1 +train m d epochs=1000000'
key C-l
enter 'history'
wait_for 'train m d epochs=1000000'

# what took two seconds says how long it took, with the timer everything does
key C-l
enter 'train m d epochs=1000000 batch=2'
wait_for '^train +[0-9]+/' 60
sleep 2
key C-c
wait_for '^\([0-9.]+ s\)$'
key C-l
enter 'let quick = yes'
enter 'let'
wait_for '^quick +yes$'
must_not '^\([0-9.]+ m?s\)$'
enter 'set timer=on'
key C-l
enter 'let'
wait_for '^\([0-9.]+ [num]?s\)$'
enter 'set timer=off'

# a job within a line and within a script: the rest is not run, the session stays
key C-l
enter 'train m d epochs=1000000 batch=2; let after = yes'
wait_for '^train +[0-9]+/' 60
stop_job 'stopped after epoch'
wait_for '^lathe>$'
key C-l
enter 'source job.lathe'
wait_for '^train +[0-9]+/' 60
stop_job '^job\.lathe:2: train: stopped after epoch'
check "stopped after $soonest ms" test $soonest -lt 500
wait_for '^lathe>$'
key C-l
enter 'let'
wait_for '^began +yes$'
must_not '^(after|ended) '

# SIGTERM and SIGHUP end it in order: at the prompt, and in a job
kill -s TERM "$(process)"
wait_for '^EXIT=143$'
wait_for '^icanon$'
start
enter 'train m d epochs=1000000 batch=2'
wait_for '^train +[0-9]+/' 60
kill -s TERM "$(process)"
wait_for '^EXIT=143$'
wait_for '^icanon$'
start
write 'half a line'
wait_for 'half a line$'
kill -s HUP "$(process)"
wait_for '^EXIT=129$'
wait_for '^icanon$'

# a script in a terminal has its bar, and Ctrl-C ends it with 130
printf '%s\n' "$prepare" | tr ';' '\n' >long.lathe
cat job.lathe >>long.lathe
open 100 30 long.lathe
wait_for '^train +[0-9]+/[0-9]+ .* eta ' 60
key C-c
wait_for '^long\.lathe:5: train: stopped after epoch'
wait_for '^EXIT=130$'
# with -i it stays
open 100 30 -i -c "'let x = 5; tarin'"
wait_for "^-c:1: no command 'tarin'"
wait_for '^lathe>$'
enter 'let'
wait_for '^x +5$'
key C-d
wait_for '^EXIT=0$'

finish
