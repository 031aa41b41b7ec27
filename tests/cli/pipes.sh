#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# pipes.sh -- what goes to a file or a pipe has no escapes and no carriage returns, and
# progress there is one plain line an epoch; colour is there where it is asked for.
set -u
LATHE=$(realpath "${LATHE:-./lathe}")
srcdir=$(realpath "${srcdir:-.}")
. "$srcdir/tests/cli/answers.sh"
export TERM=xterm-256color

escapes()
{
    LC_ALL=C grep -c $'[\033\r\a\b]' "$1"
}

cat >job.lathe <<'END'
data d gpe n=3 grid=16 starts=1 seed=1
split d
model m unet-phase levels=2 channels=2 size=16
train m d epochs=4 batch=2
list; show m d; help; help train; set; tarin
END
"$LATHE" -x -k job.lathe >out 2>err
expect "status" $? 1
expect "escapes on standard output" "$(escapes out)" 0
expect "escapes on standard error" "$(escapes err)" 0
expect "lines of progress" "$(grep -cE '^train epoch [1-4]/4 loss [0-9.e+-]+ ' err)" 4
sed -i 's/^train.*/train m d epochs=1/' job.lathe
"$LATHE" -q job.lathe >out 2>err
expect "lines of a quiet run" "$(wc -l <err | tr -d ' ')" 1
"$LATHE" --batch job.lathe 2>&1 </dev/null | cat >out
expect "escapes of a batch" "$(escapes out)" 0

# --color=always wins over NO_COLOR and the pipe; nothing else does
"$LATHE" -c set >out
expect "escapes by default" "$(escapes out)" 0
NO_COLOR=1 "$LATHE" --color=always -c set >out
expect "escapes with --color=always" "$(escapes out)" 1
"$LATHE" --color=never -c set >out
expect "escapes with --color=never" "$(escapes out)" 0
"$LATHE" --color=always --format csv -c set >out
expect "escapes in csv" "$(escapes out)" 0
"$LATHE" --color=always -c 'set > set.txt'
expect "escapes in a file" "$(escapes set.txt)" 0

# names from strangers do not reach the terminal as commands
"$LATHE" -c "list > \"$(printf 'a\033[31mb')/\"" >out 2>err
expect "escapes in a message" "$(escapes err)" 0

# without Unicode, nothing but ASCII
LC_ALL=C "$LATHE" -k job.lathe >out 2>err
expect "bytes beyond ASCII" "$(LC_ALL=C grep -c '[^ -~]' out err | tr '\n' ' ')" 'out:0 err:0 '

finish
