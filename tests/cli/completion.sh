#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# completion.sh -- what bash offers after "lathe": the program is asked, so that its
# commands and options are all there and nothing else is.
set -u
LATHE=$(realpath "${LATHE:-./lathe}")
srcdir=$(realpath "${srcdir:-.}")
folder=$(mktemp -d) || exit 99
trap 'rm -rf "$folder"' EXIT
cd "$folder" || exit 99
touch study.lathe
mkdir studies
. "$srcdir/completion/lathe"
failed=0

# offers WANTED WORD...: the words of the line, the last one to be completed.
offers()
{
    local wanted=$1
    shift
    COMP_WORDS=("$LATHE" "$@") COMP_CWORD=$#
    COMPREPLY=()
    _lathe
    test "${COMPREPLY[*]-}" = "$wanted" && return
    echo "FAIL: '$*' offers '${COMPREPLY[*]-}', wanted '$wanted'"
    failed=1
}

offers prune -c pru
offers 'prune m amount=' -c '"prune m am'
offers 'train m d epochs=' -c "'train m d ep"
offers 'model m unet-phase' --command = 'model m unet-p'
offers '--seed' --se
offers 'csv' --format = c
offers 'text csv md tex json' --format =
offers 'auto always' --color = a
offers 'study.lathe studies' stud
offers 'studies' -C stu
offers '' --nonsense
# every option of the help is offered
COMP_WORDS=("$LATHE" --) COMP_CWORD=1
_lathe
for option in $("$LATHE" --help | grep -o '^ .*--[a-z-]*' | grep -o -- '--[a-z-]*'); do
    case " ${COMPREPLY[*]} " in
    *" $option "*) ;;
    *)
        echo "FAIL: $option is not offered"
        failed=1
        ;;
    esac
done
test $failed = 0 && echo "all well"
exit $failed
