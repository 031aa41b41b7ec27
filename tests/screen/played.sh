# SPDX-License-Identifier: GPL-3.0-or-later
# played.sh -- for the scripts beside it that play keys without a terminal: a folder of
# their own that is the home, too, and what is to be seen on the screens that they save.

LATHE=$(realpath "${LATHE:-./lathe}")
played=$(realpath "${srcdir:-.}")/tests/screen
folder=$(mktemp -d) || exit 99
trap 'rm -rf "$folder"' EXIT
cd "$folder" || exit 99
failed=0

# has SCREEN EXPRESSION
has()
{
    grep -Eq -- "$2" "$1" && return
    echo "FAIL: no /$2/ in $1:"
    cat "$1"
    failed=1
}
