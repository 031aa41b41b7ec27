#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# mouse.sh -- the screen leaves the mouse to the terminal unless it is asked for; then the
# wheel scrolls what is under it, a click chooses, and the terminal is as before again.
set -u
. "${srcdir:-.}/tests/screen/term.sh"

# mouse BUTTON COLUMN ROW: as a terminal reports it; ' ' is a press, '`' and 'a' are the
# wheel, '#' is a release.  Columns and rows count from 0.
mouse()
{
    terminal send-keys -t test -l -- "$(printf "\\033[M$1\\x$(printf %x $((33 + $2)))\\x$(
        printf %x $((33 + $3)))")"
}
click()
{
    mouse ' ' "$@"
    mouse '#' "$@"
}
taken()
{
    terminal display-message -p -t test '#{mouse_any_flag}'
}

open 100 30 --screen
terminal pipe-pane -t test "cat >>'$home/sent'"
wait_for '^ready$'
enter ':model first unet-phase levels=4 channels=2 size=32'
wait_for 'u undoes: model first' 60
enter ':model second lenet-5'
wait_for 'u undoes: model second'
check "the mouse is the terminal's" test "$(taken)" = 0
check "nothing of it was sent" test "$(grep -ac $'\033\[?100[0-6]' sent)" = 0
enter ':set mouse=on'
wait_for '> set mouse=on'
wait_for '^ready$|u undoes'
key 1
wait_for '2 layers  second:'
check "now it is the screen's" test "$(taken)" = 1
check "and was asked for" grep -aq $'\033\[?1000h' sent

# a click chooses a row, and so a model
click 3 2
wait_for '2 layers  first:'
# the wheel scrolls the pane under it, whatever pane has the keys
wait_for '│inc\.0 '
mouse a 60 5
wait_for '^ second .*│inc\.3 '
must_not '│inc\.0 '
mouse '`' 60 5
wait_for '│inc\.0 '
# a click on a layer: its row is what keys set
click 60 3
key +
wait_for '│inc\.0 .*>0\.05'
# while a line is written, it is left alone
write ':'
wait_for '^:'
check "not while one writes" test "$(taken)" = 0
write 'set mouse=off'
key Enter
wait_for '> set mouse=off'
wait_for '^ready$|u undoes|changed'
check "and given back" test "$(taken)" = 0
enter ':set mouse=on'
wait_for '> set mouse=on$'
key q
wait_for '^EXIT=0$'
check "after the end" test "$(taken)" = 0
wait_for '^icanon$'

# also where the program ends by a fault
open 80 24 --screen
wait_for '^ready$'
enter ':set mouse=on'
wait_for '> set mouse=on'
key 1
for _ in $(seq 100); do test "$(taken)" = 1 && break; sleep 0.05; done
check "it is taken" test "$(taken)" = 1
kill -s SEGV "$(process)"
wait_for '^EXIT=139$'
check "after a fault" test "$(taken)" = 0

finish
