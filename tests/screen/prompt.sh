#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# prompt.sh -- the prompt as a person meets it: greeting, completion, Ctrl-C, history,
# help at a key, mistakes under which a caret stands, and leaving.
set -u
. "${srcdir:-.}/tests/screen/term.sh"

cat >inputrc <<'END'
$if lathe
"\C-xh": "help undo\n"
$endif
END
open 80 24
wait_for '^lathe>$'
check "greeting of two lines at most" test "$(screen | grep -c .)" -le 3

# Tab
write tr
key Tab
wait_for '^lathe> train$'
key C-u
enter 'model first unet-phase levels=2 channels=2 size=16'
wait_for '^lathe>$'
write 'show fi'
key Tab
wait_for '^lathe> show first$'
write 'lay'
key Tab
wait_for '^lathe> show first layers=$'
write y
key Tab
wait_for '^lathe> show first layers=yes$'
key C-u
write 'model m unet-p'
key Tab
wait_for '^lathe> model m unet-phase$'
write 'lev'
key Tab
wait_for '^lathe> model m unet-phase levels=$'
key C-u
touch some-file.npz
write 'list > some'
key Tab
wait_for '^lathe> list > some-file.npz$'
key C-u
write 'train first '
key Tab Tab
wait_for '^lathe> train first$'
key C-u

# Ctrl-C at the prompt clears the line at once, and eats nothing
write 'half a line'
wait_for '^lathe> half a line$'
key C-c
wait_for '^lathe> half a line\^C$'
wait_for '^lathe>$'
key C-c
key C-c
enter 'help train'
wait_for '^Example: train '
must_not 'EXIT='

# a word that is no command is looked for in all of help
key C-l
enter 'help sparsity'
wait_for '^plot +draw a figure'
key C-l

# prefix search
enter 'show first'
wait_for '^multiply_adds +[0-9]+$'
enter 'set timer=no'
enter 'help quit'
wait_for '^Example: quit$'
write sh
key Up
wait_for '^lathe> show first$'
key C-u
key Up
wait_for '^lathe> help quit$'
key C-u
key C-r
write 'timer'
wait_for 'set timer=no$'
key C-c
wait_for '^lathe>$'

# a continued line is one line of the history
enter 'set \'
wait_for '^  \.\.\.>$'
enter 'timer=no'
wait_for '^lathe>$'
key Up
wait_for '^lathe> set timer=no$'
key C-u

# help at a key, the line stays
key C-l
write 'train first '
key F1
wait_for '^Example: train '
wait_for '^lathe> train first$'
key C-u
key C-l
write 'train first lr=3'
key F1
wait_for '^  lr=0\.\. '
wait_for '^lathe> train first lr=3$'
key C-u
key C-x h
wait_for '^Example: undo$' # bound in the inputrc

# abbreviations, here alone
key C-l
enter 'sho first'
wait_for '^model +first$'
key C-l
enter 'ru'
wait_for "'ru' may be run or runs"
key C-l
enter 'pla'
wait_for 'plan: model is missing'
key C-l
enter 'fus'
wait_for 'fuse: model is missing'
enter 're'
wait_for "error: 're' may be recipe, redo, rename or report"

# mistakes: a caret under the word, the sentence, and nothing has changed
key C-l
enter 'tarin first'
wait_for '^ {7}\^~~~~$'
wait_for "^error: no command 'tarin'; did you mean 'train'\\?$"
key C-l
enter 'train first d epochs=0'
wait_for '^ {21}\^~~~~~~~$'
wait_for '^error: train: epochs=0: '
key C-l
enter 'drop none'
wait_for "^error: drop: no model, dataset or table 'none'"

# a name that would be lost is not; a file is asked about
enter 'save first f.safetensors'
wait_for 'f\.safetensors +[0-9]+ '
key C-l
enter 'save first f.safetensors'
wait_for 'f\.safetensors exists: replace it\? \[y/n\]'
enter 'n'
wait_for 'force=yes replaces it'
key C-l
enter 'save first f.safetensors'
wait_for 'replace it\?'
enter 'y'
wait_for 'f\.safetensors +[0-9]+ '
key C-l
enter 'save first f.safetensors'
wait_for 'replace it\?'
key C-c
wait_for 'force=yes replaces it'
wait_for '^lathe>$'

# resized, and back
resize 40 10
enter 'show first'
wait_for '^multiply_adds +[0-9]+$'
resize 20 5
enter 'list'
wait_for '^lathe>$'
resize 160 40
key C-l
enter 'list'
wait_for '^name +kind +parameters'
resize 80 24

# Ctrl-D leaves, whatever has failed
key C-d
wait_for '^EXIT=0$'
wait_for '^icanon$'
history=.local/state/lathe/history
check "history holds the lines" grep -q '^help train$' $history
check "history has no line twice in a row" test -z "$(uniq -d $history)"
check "history is private" test "$(stat -c %a $history)" = 600
check "its folder is private" test "$(stat -c %a .local/state/lathe)" = 700
check "nothing else in the home" \
    test "$(ls -A | tr '\n' ' ')" = '.local f.safetensors inputrc some-file.npz '

# the next session remembers
open 80 24 -q
wait_for '^lathe>$'
must_not 'lathe 0'
key Up
wait_for '^lathe> list$'
key C-u
enter 'quit 3'
wait_for '^EXIT=3$'

# no colours where none are wanted
open 80 24
wait_for '^lathe>$'
check "a bold prompt" test -n "$(colours | grep $'\033\\[1m')"
settings='NO_COLOR=1' open 80 24
wait_for '^lathe>$'
enter 'tarin'
wait_for '^error: '
check "no colours with NO_COLOR" test -z "$(colours | grep $'\033\\[[0-9;]*m')"
settings='TERM=dumb' open 80 24
wait_for '^lathe>$'
enter 'help quit'
wait_for '^Example: quit$'
check "no colours on a dumb terminal" test -z "$(colours | grep $'\033\\[[0-9;]*m')"

finish
