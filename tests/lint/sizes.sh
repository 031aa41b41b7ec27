#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# sizes.sh -- no file over 600 lines, no function over 100: what is longer hides something.
cd "${srcdir:-.}" || exit 99
find src plots ui tests \( -name '*.[ch]' -o -name '*.inc' \) | LC_ALL=C sort | xargs awk -v file_most=600 \
    -v function_most=100 '
function close_file() {
    if (lines > file_most) {
        print name ": " lines " lines"
        bad++
    }
}
FNR == 1 {
    close_file()
    name = FILENAME
    files++
    depth = 0
    mode = "code"
}
{
    lines = FNR
    # Braces count only in code: strings, characters and comments are taken out.
    text = ""
    for (i = 1; i <= length($0); i++) {
        c = substr($0, i, 1)
        two = substr($0, i, 2)
        if (mode == "comment") {
            if (two == "*/") {
                mode = "code"
                i++
            }
        } else if (mode == "code") {
            if (two == "/*") {
                mode = "comment"
                i++
            } else if (two == "//")
                break
            else if (c == "\"" || c == "\047")
                mode = c
            else
                text = text c
        } else if (c == "\\")
            i++
        else if (c == mode)
            mode = "code"
    }
    if (mode != "comment")
        mode = "code"
    opened = gsub(/{/, "{", text)
    closed = gsub(/}/, "}", text)
    if (depth == 0 && text ~ /^{/)
        begin = FNR
    depth += opened - closed
    if (begin && depth == 0) {
        functions++
        if (FNR - begin + 1 > function_most) {
            print FILENAME ":" begin ": a function of " FNR - begin + 1 " lines"
            bad++
        }
        begin = 0
    }
}
END {
    close_file()
    print files + 0 " files, " functions + 0 " functions, " bad + 0 " too long"
    exit bad > 0 || functions == 0
}'
