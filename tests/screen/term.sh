# SPDX-License-Identifier: GPL-3.0-or-later
# term.sh -- for the scripts beside it: lathe in a terminal of its own (a private tmux),
# with a home of its own.  It looks again and again, it never sleeps and hopes.

LATHE=$(realpath "${LATHE:-./lathe}")
command -v tmux >/dev/null || {
    echo "there is no tmux"
    exit 77
}
home=$(mktemp -d) || exit 99
socket=lathe-test-$$
servers=0
failed=0
trap 'terminal kill-server; rm -rf "$home"' EXIT
cd "$home" || exit 99

terminal()
{
    tmux -L "$socket-$servers" -f /dev/null "$@" 2>/dev/null
}

# open WIDTH HEIGHT [ARGUMENTS]: lathe in a new terminal; what it ends with is shown.
open()
{
    local width=$1 height=$2
    shift 2
    terminal kill-server
    servers=$((servers + 1)) # the old one may take its time
    terminal new-session -d -s test -x "$width" -y "$height" \
        "cd '$home'; env -u XDG_STATE_HOME -u XDG_CONFIG_HOME -u NO_COLOR HOME='$home' \
         INPUTRC='$home/inputrc' LATHE_PAGER=cat LC_ALL=C.UTF-8 ${settings:-} '$LATHE' $*; \
         printf 'EXIT=%d\n' \$?; stty -a | grep -o -- '-*icanon'; exec sleep 600"
}

# What stands on the screen, without blanks at the ends of lines.
screen()
{
    terminal capture-pane -p -t test | sed 's/[[:space:]]*$//'
}

colours()
{
    terminal capture-pane -e -p -t test
}

write()
{
    # A semicolon at the end would be tmux's own.
    terminal send-keys -t test -l -- "$(printf '%s' "$1" | sed 's/;$/\\;/')"
}

key()
{
    terminal send-keys -t test "$@"
}

enter()
{
    write "$1"
    key Enter
}

# resize WIDTH HEIGHT: tmux tells the program a while after it has done so.
resize()
{
    local tries=200 tty
    terminal resize-window -t test -x "$1" -y "$2"
    tty=$(terminal display-message -p -t test '#{pane_tty}')
    until test "$(stty -F "$tty" size)" = "$2 $1" || test $tries -le 0; do
        tries=$((tries - 1))
        sleep 0.05
    done
}

# paste FILE: as a terminal pastes, in brackets.
paste()
{
    terminal load-buffer "$1"
    terminal paste-buffer -p -t test
}

# The process of lathe in the terminal.
process()
{
    local shell folder
    shell=$(terminal display-message -p -t test '#{pane_pid}')
    for folder in /proc/[0-9]*; do
        test "$folder/exe" -ef "$LATHE" &&
            grep -q "^PPid:[[:space:]]*$shell\$" "$folder/status" && echo "${folder##*/}"
    done
}

# wait_for REGEX [SECONDS]: until it stands on the screen; else a failure with the screen.
wait_for()
{
    local tries=$((${2:-15} * 20))
    until screen | grep -Eq -- "$1"; do
        tries=$((tries - 1))
        if test $tries -le 0; then
            echo "FAIL: line ${BASH_LINENO[0]}: no /$1/ on the screen:"
            screen
            failed=1
            return 1
        fi
        sleep 0.05
    done
}

# must_not REGEX: it does not stand there now.
must_not()
{
    screen | grep -Eq -- "$1" || return 0
    echo "FAIL: line ${BASH_LINENO[0]}: /$1/ on the screen:"
    screen
    failed=1
}

check()
{
    "${@:2}" && return
    echo "FAIL: line ${BASH_LINENO[0]}: $1"
    failed=1
}

finish()
{
    test $failed = 0 && echo "all well"
    exit $failed
}

# The prompt takes a line still, and leaves the terminal as it was.
leaves_well()
{
    enter 'let z = here'
    enter 'let'
    wait_for '^z +here$'
    key C-d
    wait_for '^EXIT=0$'
    wait_for '^icanon$'
}
