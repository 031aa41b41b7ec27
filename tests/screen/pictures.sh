#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# pictures.sh -- figures at the prompt: as half blocks where the terminal has no pixels,
# as characters where it has no colours, as something else where the user says so; what
# the terminal answered is no line, and what was typed meanwhile is.
set -u
. "${srcdir:-.}/tests/screen/term.sh"
command -v gnuplot >/dev/null || {
    echo "there is no gnuplot"
    exit 77
}
blocks='▀▀▀▀▀▀▀▀▀▀'
data='data d gpe n=2 grid=16 starts=1 seed=1'

open 100 40
wait_for '^lathe>$'
enter "$data"
wait_for '^lathe>$' 30
key C-l
# typed before it is done
enter 'plot phase d index=0'
write 'let early = yes'
wait_for "$blocks" 30
wait_for '^lathe> let early = yes$'
key Enter
key C-l
enter 'let'
wait_for '^early +yes$'
check "no answer of the terminal's is a line" \
    test "$(grep -c '\[?[0-9;]*c\|Gi=31' .local/state/lathe/history)" = 0
# answers that come late are no line either, nor do they cost the one that is typed
key C-l
write 'let late'
terminal send-keys -t test -l -- $'\033_Gi=31;OK\033\\\033[6;20;10t\033[?62;4;22c'
write ' = yes'
wait_for '^lathe> let late = yes$'
key Enter
# it fits: the figure and the prompt below it stand on the screen
for size in '40 10' '80 24'; do
    resize $size
    key C-l
    enter 'plot phase d index=0'
    wait_for "$blocks" 30
    wait_for '^lathe>$'
    wait_for '^lathe> plot phase d index=0$|^index=0$' # nothing was pushed out
done
# words have cells of their own
enter 'model m unet-phase size=16 levels=2 channels=2'
key C-l
enter 'plot weights m layer=inc.0'
wait_for '▀weight▀' 30
wait_for '▀inc\.0▀'
wait_for '^lathe>$'
enter 'set picture=characters'
key C-l
enter 'plot phase d index=0'
wait_for '^signs from low' 30
must_not "$blocks"
enter 'set picture=off'
key C-l
enter 'plot weights m'
wait_for 'it is not shown: set picture=auto does' 30
enter 'set'
wait_for '^picture +off$'
key C-d
wait_for '^EXIT=0$'
wait_for '^icanon$'

# neither colours nor blocks where there are none
for what in NO_COLOR=1 TERM=dumb TERM=vt100 LC_ALL=C; do
    settings=$what open 100 40
    wait_for '^lathe>$'
    enter "$data"
    wait_for '^lathe>$' 30
    key C-l
    enter 'plot phase d index=0'
    wait_for '^signs from low' 30
    wait_for '^lathe>$'
    must_not "$blocks"
    key C-d
    wait_for '^EXIT=0$'
done

finish
