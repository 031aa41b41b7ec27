#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# pager.sh -- answers that are longer than the terminal come a page at a time, others do
# not; never in scripts, pipes and on the screen.
set -u
. "${srcdir:-.}/tests/screen/term.sh"

# Says that it was asked, what it got, and waits for a line from the terminal.
cat >pages <<'END'
#!/bin/sh
echo "paged $(wc -l | tr -d ' ') lines, LESS=$LESS"
read -r line </dev/tty
END
chmod +x pages

settings="LATHE_PAGER=$home/pages PAGER=false LESS=" open 80 24
wait_for '^lathe>$'
enter 'help quit'
wait_for '^Example: quit$'
must_not '^paged'
enter 'help train'
wait_for '^paged [0-9]+ lines'
key Enter
wait_for '^lathe>$'
# what would fill the screen counts by the lines that the terminal makes of it
resize 80 60
key C-l
enter 'help prune'
wait_for '^paged'
key Enter
wait_for '^lathe>$'
resize 80 200
key C-l
enter 'help prune'
wait_for '^Example: prune'
must_not '^paged'
resize 80 24
# not in scripts, not for files, not where it is switched off
printf 'help train\nlet done = yes\n' >some.lathe
key C-l
enter 'source some.lathe'
wait_for '^Example: train'
must_not '^paged'
key C-l
enter 'help train > help.txt'
wait_for '^lathe>$'
must_not '^paged'
enter 'set pager=off'
key C-l
enter 'help train'
wait_for '^Example: train'
must_not '^paged'
enter 'set pager=on'
key C-l
enter 'help train'
wait_for '^paged'
# Ctrl-C is the pager's
key C-c
wait_for '^lathe>$'
# what a command has done is not to be turned through, however long it is
resize 40 6
enter 'model m lenet-5'
wait_for '^multiply_adds +416520'
must_not '^paged'
enter 'show m'
wait_for '^paged'
key Enter
wait_for '^lathe>$'
resize 80 24
key C-l
leaves_well

# one that is not there is told of once
settings='LATHE_PAGER=not-there' open 80 24
wait_for '^lathe>$'
enter 'help train'
wait_for '^Example: train'
check "what is wrong" test "$(terminal capture-pane -p -S - -t test |
    grep -c '^the pager is not used: not-there: not found in PATH$')" = 1
key C-l
enter 'help train'
wait_for '^Example: train'
check "told once" test "$(terminal capture-pane -p -S - -t test |
    grep -c 'pager is not used')" -le 1
key C-d
wait_for '^EXIT=0$'

# less itself, where it is
if command -v less >/dev/null; then
    for size in '80 24' '40 10'; do
        settings='LATHE_PAGER= PAGER=' open $size
        wait_for '^lathe>$'
        enter 'help train'
        wait_for '^train'
        wait_for '^:$'
        must_not '^lathe>$'
        key Space
        key C-c
        resize 60 15
        wait_for '^:$'
        key G
        wait_for '^\(END\)$'
        key q
        wait_for '^lathe>$'
        leaves_well
    done
fi

# the screen has a log of its own
settings="LATHE_PAGER=$home/pages" open 80 24 --screen
wait_for '^ready$'
enter ':help train'
wait_for '> help train'
wait_for 'train: '
must_not 'paged'
key q
wait_for '^EXIT=0$'

# neither do programs turn pages
LATHE_PAGER=$home/pages "$LATHE" -q --db none -c 'help train' >out 2>&1 </dev/null
check "not in a pipe" test "$(grep -c paged out)" = 0

finish
