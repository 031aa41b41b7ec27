#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# edit.sh -- the last command, and scripts, in an editor: at the prompt, on the screen,
# with editors that fail, that are stopped, and that are not there.
set -u
. "${srcdir:-.}/tests/screen/term.sh"

# Changes "one" into "two" and adds a line; says that it was there.
cat >change <<'END'
#!/bin/sh
for file; do :; done
echo "editing in $(stty -a | grep -o -- '-*icanon') with $#"
sed -i 's/one/two/; $a let more = yes' "$file"
END
# Waits for a line; takes nothing, and tells of Ctrl-C.
cat >waits <<'END'
#!/bin/sh
trap 'echo caught; exit 3' INT
echo waiting
read -r line
END
chmod +x change waits

settings='VISUAL= EDITOR=true' open 80 24
wait_for '^lathe>$'
enter 'edit'
wait_for '^error: edit: no command was given yet'
enter 'let x = one'
# an editor that changes nothing: the line runs again
enter 'edit'
wait_for '^\+ let x = one$'
enter 'edi' # also behind itself, and shortened
wait_for '^lathe>$'
key C-l
enter 'let'
wait_for '^x +one$'
check "no file is left" test -z "$(ls /tmp/lathe-*.lathe 2>/dev/null)"
key C-d
wait_for '^EXIT=0$'

settings="VISUAL='$home/change --some option' EDITOR=false" open 80 24
wait_for '^lathe>$'
enter 'let x = one'
enter 'edit'
wait_for '^editing in icanon with 3$'
wait_for '^\+ let x = two$'
wait_for '^\+ let more = yes$'
key C-l
enter 'let'
wait_for '^x +two$'
wait_for '^more +yes$'
key Up Up
wait_for '^lathe> let more = yes$' # its lines are in the history
key C-u
# an error stops what is below it
enter 'lot x = one'
wait_for "no command 'lot'"
key C-l
enter 'edit'
wait_for '^\+ lot x = two$'
wait_for '^the lines below it were not run$'
# a script is edited, and not run
echo 'let y = one' >some.lathe
key C-l
enter 'edit some.lathe'
wait_for '^editing in icanon with 3$'
wait_for '^lathe>$'
check "the script" grep -q '^let y = two$' some.lathe
cp some.lathe new.lathe
enter 'edit new.lathe; let after = edit'
wait_for '^lathe>$'
key C-l
enter 'let'
wait_for '^after +edit$'
must_not '^y '
key C-d
wait_for '^EXIT=0$'

# failures run nothing, and the terminal is as before
settings="EDITOR=$home/waits" open 80 24
wait_for '^lathe>$'
enter 'let x = one'
enter 'edit'
wait_for '^waiting$'
key C-c
wait_for '^\^?C?caught$'
wait_for 'waits: ended with status 3$'
must_not '^\+ let x'
leaves_well
settings='EDITOR=not-there' open 80 24
wait_for '^lathe>$'
enter 'let x = 1'
enter 'edit'
wait_for '^error: edit: not-there: not found in PATH$'
key C-d
wait_for '^EXIT=0$'

# the end of lathe is the end of its editor
settings="EDITOR=$home/waits" open 80 24
wait_for '^lathe>$'
enter 'edit some.lathe'
wait_for '^waiting$'
kill -s TERM "$(process)"
wait_for '^EXIT=143$'
wait_for '^icanon$'

# the screen gives the terminal away, and takes it back
settings="EDITOR=$home/change" open 80 24 --screen
wait_for '^ready$'
enter ':let x = one'
enter ':edit'
wait_for '> let x = two'
wait_for '> let more = yes'
wait_for '^ 1 session' # all of it was drawn anew
enter ':let'
wait_for 'x +two$'
key q
wait_for '^EXIT=0$'
wait_for '^editing in icanon' # it had the terminal that is there without the screen
settings="EDITOR=$home/waits" open 80 24 --screen
wait_for '^ready$'
enter ':edit some.lathe'
wait_for '^waiting$'
key C-c
wait_for 'waits: ended with'
wait_for '^ 1 session'
key q
wait_for '^EXIT=0$'

# Ctrl-Z stops editor and prompt, fg goes on with both
terminal kill-server
servers=$((servers + 1))
terminal new-session -d -s test -x 80 -y 24 "cd '$home'; PS1='shell> ' HOME='$home' \
    EDITOR='$home/waits' LC_ALL=C.UTF-8 exec bash --norc --noprofile -i"
wait_for '^shell>$'
enter "'$LATHE' -q --db none"
wait_for '^lathe>$'
enter 'edit some.lathe'
wait_for '^waiting$'
key C-z
wait_for 'Stopped'
wait_for '^shell>$'
enter 'fg'
wait_for 'lathe.* -q --db none$'
enter 'a line'
wait_for '^lathe>$'
key C-d
wait_for '^shell>$'

# nobody is there in scripts
"$LATHE" -q --db none -c 'let x = 1; edit' >out 2>&1 </dev/null
check "status in a script" test $? = 1
check "what it says" grep -q 'edit: nobody is at a terminal here' out

finish
