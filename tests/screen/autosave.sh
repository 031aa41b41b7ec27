#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# autosave.sh -- a session at the prompt is kept while it waits: after kill -9 the next start
# says so and gets it back, leaving keeps what stands in no file, and nothing else is kept.
set -u
. "${srcdir:-.}/tests/screen/term.sh"

kept=$home/.local/state/lathe/autosave

# Of what is written whole: until then a folder is called .part.
folders()
{
    find "$kept" -mindepth 1 -maxdepth 1 -type d ! -name '*.part' 2>/dev/null |
        wc -l | tr -d ' '
}

# kept_model NAME: its file.
kept_model()
{
    find "$kept" -name '*.part' -prune -o -name "$1.safetensors" -print 2>/dev/null
}

wait_kept()
{
    local tries=0
    until test "$(folders)" = "$1" || test $tries -ge 200; do
        sleep 0.05
        tries=$((tries + 1))
    done
    check "folders kept" test "$(folders)" = "$1"
}

# an untrained model is no result
open 110 30
wait_for '^lathe>$'
enter 'model m unet-phase levels=1 channels=2 size=16'
wait_for 'multiply_adds'
wait_for '^lathe>$'
key C-d
wait_for '^EXIT=0$'
must_not 'unsaved'
check "nothing is kept" test "$(folders)" = 0

# killed while it waits
open 110 30
wait_for '^lathe>$'
must_not 'unsaved'
enter 'model m unet-phase levels=1 channels=2 size=16; prune m amount=0.5'
wait_for 'pruned'
wait_for '^lathe>$'
enter 'show m columns=hash'
wait_for '^[0-9a-f]{16}$'
hash=$(screen | grep -E '^[0-9a-f]{16}$')
wait_kept 1
first=$(kept_model m)
inode=$(stat -c %i "$first")
enter 'copy m n'
tries=0
until test -n "$(kept_model n)" || test $tries -ge 200; do
    sleep 0.05
    tries=$((tries + 1))
done
check "what did not change is not written again" test "$(stat -c %i "$first")" = "$inode"
kill -KILL "$(process)"
wait_for '^EXIT=137$'

open 110 30
wait_for 'unsaved session of .* \(autosave, 2 models\): .session recover. gets it back'
enter 'session list'
wait_for ' left$'
enter 'session recover'
wait_for 'autosave/.* 2 +[0-9]+ +[0-9]+'
wait_for '^lathe>$'
key C-l
enter 'show m columns=hash'
wait_for "^$hash$"
enter 'history'
wait_for ' copy m n'
wait_kept 1
tries=0
until test ! -e "$first" || test $tries -ge 200; do
    sleep 0.05
    tries=$((tries + 1))
done
check "the folder is this session's now" test ! -e "$first"

# left in order
key C-l
key C-d
wait_for '^2 unsaved results are saved: .session recover. gets them back'
wait_for '^EXIT=0$'
wait_kept 1
open 110 30
wait_for 'unsaved session of'
key C-d
wait_for '^EXIT=0$'
open 110 30 # told once
wait_for '^lathe>$'
must_not 'unsaved session of'
enter 'session recover'
wait_for 'autosave/.* 2 +[0-9]+ +[0-9]+'
wait_for '^lathe>$'
enter 'save m m.safetensors'
wait_for '^m +m.safetensors +[0-9]+'
wait_for '^lathe>$'
enter 'save n n.safetensors'
wait_for '^n +n.safetensors +[0-9]+'
wait_for '^lathe>$'
key C-d
wait_for '^EXIT=0$'
must_not 'unsaved result'
check "what stands in files is kept no longer" test "$(folders)" = 0

# not in scripts, nor where it is not wanted
HOME="$home" "$LATHE" -q --db none -c 'model m unet-phase levels=1 channels=2 size=16; prune m amount=0.5' >/dev/null
check "a script keeps nothing" test "$(folders)" = 0
open 110 30
wait_for '^lathe>$'
enter 'set autosave=no'
enter 'model m unet-phase levels=1 channels=2 size=16; prune m amount=0.5'
wait_for 'pruned'
wait_for '^lathe>$'
key C-d
wait_for '^EXIT=0$'
check "not where it is not wanted" test "$(folders)" = 0

finish
