#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# paste.sh -- a pasted block runs line by line, each echoed, up to the first error; its
# tabs complete nothing; its continued lines are one.
set -u
. "${srcdir:-.}/tests/screen/term.sh"

open 80 24
wait_for '^lathe>$'
printf 'let a = 1\nlet b\t=\t2\n# a comment\nlet c = \\\n3; let\n' >block
paste block
key Enter
wait_for '^\+ let a = 1$'
wait_for '^\+ let c = 3; let$'
wait_for '^a +1$'
wait_for '^b +2$'
wait_for '^c +3$'
wait_for '^lathe>$'
key Up
wait_for '^lathe> let c = 3; let$'
key C-u

key C-l
printf 'let d = 4\ntarin\nlet e = 5\n' >block
paste block
key Enter
wait_for "error: no command 'tarin'"
wait_for '^the lines below it were not run$'
key C-l
enter 'let'
wait_for '^d +4$'
must_not '^e +5$'

# what is typed while a job runs is not lost
key C-l
terminal send-keys -t test -l -- $'let f = 6\rlet\r'
wait_for '^f +6$'
key C-d
wait_for '^EXIT=0$'

finish
