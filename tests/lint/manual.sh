#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# manual.sh -- the manual of the commands is the program's own; all pages are well formed.
set -u
status=0
if ! "$LATHE" --print-commands=man | diff -u "$srcdir/man/lathe-commands.7" -; then
    echo "man/lathe-commands.7 is not what lathe --print-commands=man says: run make man"
    status=1
fi
if command -v groff >/dev/null; then
    for page in lathe.1 lathe-commands.7 lathe-integers.7 lathe-reports.7; do
        words=$(groff -man -ww -z -Tutf8 "$srcdir/man/$page" 2>&1)
        test -z "$words" || {
            echo "$words"
            status=1
        }
    done
fi
exit $status
