#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# workbench.sh -- the screen in a terminal: commands run while it answers, several wait,
# Ctrl-C stops one and keeps its work, any size will do, and the terminal is as before
# whatever ends the program.
set -u
. "${srcdir:-.}/tests/screen/term.sh"

prepare='data d gpe n=4 grid=32 starts=1 seed=1; split d; model m unet-phase levels=2 channels=2 size=32'

start()
{
    open 100 30 --screen
    wait_for '^ready$'
    enter ":$prepare"
    wait_for 'u undoes: model m' 60
}

start
check "no mouse" test "$(terminal display-message -p -t test '#{mouse_any_flag}')" = 0
check "colours" test -n "$(colours | grep $'\033\\[[0-9;]*3[0-9]m')"

# a job, its loss as a curve, and keys that answer meanwhile
enter ':train m d epochs=1000000 batch=2'
wait_for '^train +[0-9]+/[0-9]+ .*epoch [0-9]+/1000000 .*loss [0-9].* eta ' 60
wait_for '3 picture  loss: [0-9]'
wait_for '⠈|⠘|⠑|⢄|⠉'
key 2 g
key +
wait_for '0\.00>0\.05'
wait_for '1 changed +now +predicted'
key '?'
wait_for '^keys in the pane layers$'
key Escape
enter ':let after = yes'
enter ':let'
wait_for '\+2 wait$'
# other sizes, and the smallest
resize 40 10
wait_for '^ 2 layers  m: unet-phase'
wait_for '^train [0-9]+/[0-9]+ .*eta '
resize 20 5
wait_for '^too small: 20x5$'
resize 200 60
wait_for '^ 3 picture  loss'
resize 100 30
wait_for '^train +[0-9]+/[0-9]+ .*epoch'
check "one head" test "$(screen | grep -c '^ lathe ')" = 1
# Ctrl-C stops it, keeps its work, and what waits has its turn
key C-c
wait_for 'error: train: stopped after epoch [0-9]+ of 1000000'
wait_for '^after +yes|│after +yes'
wait_for 'u undoes: train m d epochs=1000000'
wait_for '0\.00>0\.05' # what was set for a layer stays
key Escape

# twice: what waits goes too
enter ':train m d epochs=1000000 batch=2'
wait_for '^train +[0-9]+/' 60
enter ':let never = yes'
wait_for '\+1 wait$'
# the first is not over yet: a stopped process is slow
key C-c C-c
wait_for 'u undoes: train m d epochs=1000000'
enter ':let'
wait_for 'after +yes'

# leaving asks while a job runs
enter ':train m d epochs=1000000 batch=2'
wait_for '^train +[0-9]+/' 60
key q
wait_for '^a job runs: stop it and leave\? \[y/n\]$'
key n
wait_for '^train +[0-9]+/'
key q
wait_for 'stop it and leave'
key y
wait_for '^EXIT=0$'
wait_for '^icanon$'

# whatever ends the program, the terminal is as before
for signal in TERM:143 HUP:129 SEGV:139 ABRT:134; do
    open 80 24 --screen
    wait_for '^ready$'
    kill -s "${signal%:*}" "$(process)"
    wait_for "^EXIT=${signal#*:}\$"
    wait_for '^icanon$'
done
start
enter ':train m d epochs=1000000 batch=2'
wait_for '^train +[0-9]+/' 60
kill -s TERM "$(process)"
wait_for '^EXIT=143$'
wait_for '^icanon$'

# the prompt and the screen are one session, one history
touch some-file.npz
open 80 24
wait_for '^lathe>$'
enter 'let x = from-the-prompt'
enter 'screen'
wait_for '^ready$'
enter ':let'
wait_for 'x +from-the-prompt'
enter ':let y = from-the-screen'
write ':list > some'
key Tab
wait_for '^:list > some-file\.npz$'
key C-c
wait_for '^ready$'
write ':'
key Up
wait_for '^:let y = from-the-screen$'
key C-c
# help on the word under the cursor
write ':train m lr'
key F1
wait_for '│train: '
wait_for '^:train m lr$'
write '=3'
key F1
wait_for 'lr=0\.\.'
wait_for '^:train m lr=3$'
key C-c
# a pasted block is a line until Enter, and runs line by line
printf 'let a = 1\nlet b = 2\nlet' >block
paste block
wait_for '^:let a = 1'
key Enter
wait_for 'b +2$'
# questions are asked below
enter ':model n lenet-5'
enter ':save n n.safetensors'
wait_for 'n\.safetensors +[0-9]+ '
enter ':save n n.safetensors'
wait_for '^n\.safetensors exists: replace it\? \[y/n\]$'
key n
wait_for 'force=yes replaces it'
# what stands there, as a file
enter ':save-screen shot.txt'
wait_for '> save-screen shot\.txt'
check "the screen as a file" grep -q '^ lathe ' shot.txt
key q
wait_for '^lathe>'
key C-l
enter 'let'
wait_for '^y +from-the-screen$'
key C-d
wait_for '^EXIT=0$'

# Ctrl-Z gives the terminal to the shell, fg takes it back
terminal kill-server
servers=$((servers + 1))
terminal new-session -d -s test -x 80 -y 24 "cd '$home'; PS1='shell> ' HOME='$home' \
    LC_ALL=C.UTF-8 exec bash --norc --noprofile -i"
wait_for '^shell>$'
enter "'$LATHE' --db none --screen"
wait_for '^ready$'
key C-z
wait_for 'Stopped'
enter 'echo here'
wait_for '^here$'
key C-l
enter 'fg'
wait_for '^ready$'
must_not '^here$'
key q
wait_for '^shell>$'

# no colours where none are wanted, and none that are not there
settings='NO_COLOR=1' open 80 24 --screen
wait_for '^ready$'
check "no colours with NO_COLOR" test -z "$(colours | grep $'\033\\[[0-9;]*[34][0-7]m')"
key q
wait_for '^EXIT=0$'
settings='TERM=vt100 LC_ALL=C' open 80 24 --screen
wait_for '^ready$'
wait_for '^ 1 session -+\| 2 layers'
key q
wait_for '^EXIT=0$'
settings='TERM=unheard-of' open 80 24 --screen
wait_for "the terminal 'unheard-of' is not known"
wait_for '^EXIT=1$'

finish
