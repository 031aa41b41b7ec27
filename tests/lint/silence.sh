#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# silence.sh -- nothing under src/ prints, reads a terminal or ends the program.
cd "${srcdir:-.}" || exit 99
# Formatting into memory is no printing; writing a named file goes through its stream.
found=$(grep -rnE --include='*.[ch]' --include='*.inc' \
    '(^|[^A-Za-z0-9_])(v?printf|puts|putchar|perror|_?exit|_Exit|quick_exit|abort|isatty|readline)[ ]*\(|(^|[^A-Za-z0-9_])(stdout|stderr|stdin)([^A-Za-z0-9_]|$)' \
    src)
if test -n "$found"; then
    echo "$found"
    exit 1
fi
echo "nothing under src/ prints or exits"
