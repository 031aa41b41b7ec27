/* SPDX-License-Identifier: GPL-3.0-or-later
   canvas.c -- cells by ncurses, which writes those alone that have changed.  No other file
   calls ncurses. */
#include "ui/screen/canvas.h"

#include <curses.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <wchar.h>
#include "ui/screen/crash.h"
#include "ui/screen/keys.h"

/* Not all terminals know bracketed paste; those that do not pass over it. */
static const char paste_on[] = "\033[?2004h", paste_off[] = "\033[?2004l";
static const char mouse_off[] = "\033[?1006l\033[?1000l";

static struct {
    int descriptor; /* -1: no terminal */
    bool colour, unicode, pastes, greys;
    bool raw, mouse;
    SCREEN *screen;
    FILE *in, *out;
} canvas = {.descriptor = -1};

static const struct {
    attr_t attributes;
    short colour; /* of the terminal's own palette; -1: its usual one */
} styles[STYLE_COUNT] = {
    [STYLE_PLAIN] = {A_NORMAL, -1},
    [STYLE_HEAD] = {A_BOLD, -1},
    [STYLE_FOCUS] = {A_BOLD | A_REVERSE, -1},
    [STYLE_CHOSEN] = {A_REVERSE, -1},
    [STYLE_QUIET] = {A_DIM, -1},
    [STYLE_KEY] = {A_BOLD, COLOR_CYAN},
    [STYLE_GOOD] = {A_NORMAL, COLOR_GREEN},
    [STYLE_WARNING] = {A_NORMAL, COLOR_YELLOW},
    [STYLE_BAD] = {A_BOLD, COLOR_RED},
    [STYLE_BAR] = {A_NORMAL, COLOR_GREEN},
};

/* Greys of the terminal's own palette, from dark to bright; pairs of them follow those of
   the styles. */
enum { GREYS = 4, GREY_PAIRS = STYLE_COUNT + 1, PALETTE = 16 };
static const short greys[GREYS] = {0, 8, 7, 15};

/* ---- opening and closing ---- */

/* What the terminal needs to be as it was, without delays that only old ones wanted. */
static void restoring_words(char *out, size_t room)
{
    static const char *const names[] = {"rmkx", "sgr0", "op", "rmcup", "cnorm"};
    size_t used = (size_t)snprintf(out, room, "%s%s", canvas.pastes ? paste_off : "",
                                   canvas.mouse ? mouse_off : "");
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const char *p = tigetstr(names[i]);
        if (!p || p == (const char *)-1)
            continue;
        while (*p && used + 1 < room) {
            if (p[0] == '$' && p[1] == '<')
                p += strcspn(p, ">") + 1;
            else
                out[used++] = *p++;
        }
        out[used] = '\0';
    }
}

static void send(const char *words)
{
    if (canvas.descriptor < 0 || !canvas.pastes)
        return;
    ssize_t done = write(canvas.descriptor, words, strlen(words));
    (void)done;
}

static void start_colours(void)
{
    canvas.colour = canvas.colour && has_colors() && start_color() == OK;
    if (!canvas.colour)
        return;
    const short ground = use_default_colors() == OK ? -1 : COLOR_BLACK;
    for (short i = 0; i < STYLE_COUNT; i++)
        if (styles[i].colour >= 0)
            init_pair((short)(i + 1), styles[i].colour, ground);
    canvas.greys = COLORS >= PALETTE && COLOR_PAIRS >= GREY_PAIRS + GREYS * GREYS;
    for (short i = 0; canvas.greys && i < GREYS * GREYS; i++)
        init_pair((short)(GREY_PAIRS + i), greys[i / GREYS], greys[i % GREYS]);
}

static status open_files(int descriptor, error *e)
{
    const char *where = descriptor < 0 ? "/dev/null" : NULL;
    int in = where ? -1 : dup(descriptor), out = where ? -1 : dup(descriptor);
    canvas.in = where ? fopen(where, "r") : fdopen(in, "r");
    canvas.out = where ? fopen(where, "w") : fdopen(out, "w");
    return canvas.in && canvas.out ? E_OK
                                   : fail(e, E_FILE, "the terminal cannot be opened");
}

status canvas_open(int descriptor, int rows, int columns, bool colour, bool unicode,
                   error *e)
{
    const char *type = getenv("TERM");
    char restore[256];
    canvas.descriptor = descriptor;
    canvas.colour = colour;
    canvas.greys = false;
    canvas.unicode = unicode;
    canvas.pastes = descriptor >= 0 && type && !text_starts(type, "vt");
    TRY(open_files(descriptor, e));
    if (descriptor >= 0)
        crash_remember(descriptor);
    canvas.screen = newterm(NULL, canvas.out, canvas.in);
    if (!canvas.screen) {
        fclose(canvas.in);
        fclose(canvas.out);
        fail(e, E_FILE, "the terminal '%s' is not known", type ? type : "");
        return fail_hint(e, "set TERM to what it is, or use the prompt");
    }
    if (descriptor >= 0) {
        restoring_words(restore, sizeof restore);
        crash_guard(restore);
    }
    set_escdelay(25);
    cbreak();
    noecho();
    nonl();
    nodelay(stdscr, TRUE);
    keypad(stdscr, TRUE);
    define_key("\033[200~", KEY_MAX);
    intrflush(stdscr, FALSE);
    leaveok(stdscr, FALSE);
    start_colours();
    canvas_resize(rows, columns);
    send(paste_on);
    return E_OK;
}

void canvas_close(void)
{
    send(paste_off);
    if (canvas.descriptor >= 0)
        crash_release();
    endwin();
    delscreen(canvas.screen);
    fclose(canvas.in);
    fclose(canvas.out);
    canvas.screen = NULL;
    canvas.descriptor = -1;
    canvas.mouse = canvas.raw = false;
}

bool canvas_unicode(void)
{
    return canvas.unicode;
}

int canvas_rows(void)
{
    return LINES;
}

int canvas_columns(void)
{
    return COLS;
}

void canvas_resize(int rows, int columns)
{
    struct winsize size;
    if (canvas.descriptor >= 0 && ioctl(canvas.descriptor, TIOCGWINSZ, &size) == 0 &&
        size.ws_row > 0 && size.ws_col > 0) {
        rows = size.ws_row;
        columns = size.ws_col;
    }
    if (rows > 0 && columns > 0 && (rows != LINES || columns != COLS))
        resizeterm(rows, columns);
}

void canvas_leave(void)
{
    send(paste_off);
    def_prog_mode();
    endwin();
}

void canvas_return(void)
{
    reset_prog_mode();
    send(paste_on);
    clearok(curscr, TRUE);
}

/* ---- drawing ---- */

void canvas_begin(void)
{
    erase();
}

void canvas_end(int cursor_row, int cursor_column)
{
    curs_set(cursor_row >= 0);
    if (cursor_row >= 0)
        move(cursor_row, cursor_column);
    refresh();
}

void canvas_redraw(void)
{
    clearok(curscr, TRUE);
}

static void set_style(style s)
{
    const bool coloured = canvas.colour && styles[s].colour >= 0;
    attr_set(styles[s].attributes, (short)(coloured ? s + 1 : 0), NULL);
}

/* The next character of *WORDS as a cell can have it, and its columns. */
static wchar_t next_character(const char **words, int *columns)
{
    wchar_t c = 0;
    mbstate_t state = {0};
    const size_t length = mbrtowc(&c, *words, strlen(*words), &state);
    const bool good = length != (size_t)-1 && length != (size_t)-2 && length > 0;
    *words += good ? length : 1;
    /* The locale has no such bytes: one sign for all of a UTF-8 character. */
    while (!good && ((unsigned char)**words & 0xc0) == 0x80)
        ++*words;
    *columns = good ? wcwidth(c) : -1;
    if (*columns >= 0 && (good && c >= ' ') && (canvas.unicode || c < 127))
        return c;
    *columns = 1;
    return L'?';
}

int canvas_write(int row, int column, int columns, style s, const char *words)
{
    int used = 0;
    if (row < 0 || row >= LINES || column < 0)
        return 0;
    columns = column + columns > COLS ? COLS - column : columns;
    set_style(s);
    while (*words) {
        int width;
        wchar_t c[2] = {next_character(&words, &width)};
        if (used + width > columns)
            break;
        mvaddnwstr(row, column + used, c, 1);
        used += width;
    }
    for (int i = used; i < columns; i++)
        mvaddnwstr(row, column + i, L" ", 1);
    attr_set(A_NORMAL, 0, NULL);
    return used;
}

void canvas_right(int row, int column, int columns, style s, const char *words)
{
    const int blanks = columns - text_columns(words);
    canvas_write(row, column, columns, s, "");
    if (blanks > 0)
        canvas_write(row, column + blanks, columns - blanks, s, words);
    else
        canvas_write(row, column, columns, s, words);
}

void canvas_line_down(int row, int column, int rows)
{
    for (int i = 0; i < rows; i++)
        canvas_write(row + i, column, 1, STYLE_QUIET, canvas.unicode ? "│" : "|");
}

void canvas_line(int row, int column, int columns)
{
    for (int i = 0; i < columns; i++)
        canvas_write(row, column + i, 1, STYLE_QUIET, canvas.unicode ? "─" : "-");
}

void canvas_bar(int row, int column, int columns, double share)
{
    static const char *const eighths[] = {" ", "▏", "▎", "▍", "▌", "▋", "▊", "▉", "█"};
    const double full = fmin(fmax(share, 0), 1) * columns;
    for (int i = 0; i < columns; i++) {
        const double rest = fmin(fmax(full - i, 0), 1);
        const int part = (int)lround(rest * 8);
        if (canvas.unicode && part > 0)
            canvas_write(row, column + i, 1, STYLE_BAR, eighths[part]);
        else if (!canvas.unicode && rest >= 0.5)
            canvas_write(row, column + i, 1, STYLE_BAR, "#");
        else
            canvas_write(row, column + i, 1, STYLE_QUIET, canvas.unicode ? "·" : ".");
    }
}

/* Which of LEVELS (0 the darkest) the pixel gets: B. E. Bayer's ordered dithering (1973),
   whose thresholds spread what lies between two levels over 4 x 4 pixels. */
static int level_of(double brightness, int levels, int x, int y)
{
    static const int order[4][4] = {
        {0, 8, 2, 10}, {12, 4, 14, 6}, {3, 11, 1, 9}, {15, 7, 13, 5}};
    const double steps = fmin(fmax(brightness, 0), 1) * (levels - 1);
    const double threshold = (order[y & 3][x & 3] + 0.5) / 16;
    const int level = (int)(steps + threshold);
    return level < levels ? level : levels - 1;
}

void canvas_pixels(int row, int column, int x, int y, double upper, double lower)
{
    static const char *const shades[] = {" ", "░", "▒", "▓", "█"};
    static const char plain[] = " .:-=+*#%@";
    if (row < 0 || row >= LINES || column < 0 || column >= COLS)
        return;
    if (canvas.greys && canvas.unicode) {
        const int fore = level_of(upper, GREYS, x, y),
                  ground = level_of(lower, GREYS, x, y + 1);
        attr_set(A_NORMAL, (short)(GREY_PAIRS + fore * GREYS + ground), NULL);
        mvaddnwstr(row, column, L"▀", 1);
        attr_set(A_NORMAL, 0, NULL);
        return;
    }
    const double both = (upper + lower) / 2;
    const char sign[] = {plain[level_of(both, 10, x, y / 2)], '\0'};
    canvas_write(row, column, 1, STYLE_PLAIN,
                 canvas.unicode ? shades[level_of(both, 5, x, y / 2)] : sign);
}

/* ---- keys ---- */

/* A press and a release that come together may be one click. */
#define CLICKS  (BUTTON1_PRESSED | BUTTON1_CLICKED | BUTTON1_DOUBLE_CLICKED)
#define BUTTONS (CLICKS | BUTTON1_RELEASED | BUTTON4_PRESSED | BUTTON5_PRESSED)

void canvas_mouse(bool on)
{
    char restore[256];
    if (on == canvas.mouse || canvas.descriptor < 0)
        return;
    canvas.mouse = on;
    mouseinterval(0);
    mousemask(on && !canvas.raw ? BUTTONS : 0, NULL);
    restoring_words(restore, sizeof restore);
    crash_guard(restore);
}

bool canvas_pointer(pointer *p)
{
    MEVENT event;
    if (getmouse(&event) != OK || !(event.bstate & BUTTONS & ~BUTTON1_RELEASED))
        return false;
    *p = (pointer){.row = event.y,
                   .column = event.x,
                   .wheel = event.bstate & BUTTON4_PRESSED   ? -1
                            : event.bstate & BUTTON5_PRESSED ? 1
                                                             : 0};
    return true;
}

int canvas_read(bool raw)
{
    static const struct {
        int theirs, ours;
    } rows[] = {
        {KEY_UP, KEY_OF_UP},
        {KEY_DOWN, KEY_OF_DOWN},
        {KEY_LEFT, KEY_OF_LEFT},
        {KEY_RIGHT, KEY_OF_RIGHT},
        {KEY_PPAGE, KEY_OF_PAGE_UP},
        {KEY_NPAGE, KEY_OF_PAGE_DOWN},
        {KEY_HOME, KEY_OF_HOME},
        {KEY_END, KEY_OF_END},
        {KEY_BTAB, KEY_OF_BACK_TAB},
        {KEY_F(1), KEY_OF_F1},
        {KEY_BACKSPACE, KEY_OF_DELETE},
        {KEY_ENTER, KEY_OF_ENTER},
        {'\n', KEY_OF_ENTER},
        {KEY_MAX, KEY_OF_PASTE},
        {KEY_MOUSE, KEY_OF_POINTER},
    };
    if (raw != canvas.raw) {
        keypad(stdscr, !raw);
        if (canvas.mouse) /* its bytes are no keys of Readline's */
            mousemask(raw ? 0 : BUTTONS, NULL);
    }
    canvas.raw = raw;
    const int c = getch();
    if (c == ERR)
        return -1;
    for (size_t i = 0; !raw && i < sizeof rows / sizeof *rows; i++)
        if (rows[i].theirs == c)
            return rows[i].ours;
    return c > 255 ? KEY_OF_OTHER : c;
}

/* ---- what stands there ---- */

static void add_grey(text *out, int grey, int usual)
{
    text_addf(out, ";%d", grey < 8 ? usual + grey : usual + 60 + grey - 8);
}

static void add_escape(attr_t attributes, short pair, text *out)
{
    text_add(out, "\033[0");
    text_add(out, attributes & A_BOLD ? ";1" : "");
    text_add(out, attributes & A_DIM ? ";2" : "");
    text_add(out, attributes & A_REVERSE ? ";7" : "");
    if (pair >= GREY_PAIRS) {
        add_grey(out, greys[(pair - GREY_PAIRS) / GREYS], 30);
        add_grey(out, greys[(pair - GREY_PAIRS) % GREYS], 40);
    } else if (pair > 0) {
        text_addf(out, ";3%d", styles[pair - 1].colour);
    }
    text_add(out, "m");
}

/* Cells up to the last that is not blank. */
static int row_columns(int row)
{
    for (int column = COLS; column > 0; column--) {
        cchar_t cell;
        wchar_t words[CCHARW_MAX] = {0};
        attr_t attributes;
        short pair;
        mvin_wch(row, column - 1, &cell);
        getcchar(&cell, words, &attributes, &pair, NULL);
        if (words[0] != L' ' || attributes & A_REVERSE)
            return column;
    }
    return 0;
}

static void add_row(int row, bool colour, text *out)
{
    attr_t before = A_NORMAL;
    short pair_before = 0;
    const int end = row_columns(row);
    for (int column = 0; column < end;) {
        cchar_t cell;
        wchar_t words[CCHARW_MAX] = {0};
        attr_t attributes = 0;
        short pair = 0;
        char bytes[MB_LEN_MAX * CCHARW_MAX + 1] = "";
        mvin_wch(row, column, &cell);
        getcchar(&cell, words, &attributes, &pair, NULL);
        attributes &= A_BOLD | A_DIM | A_REVERSE;
        if (colour && (attributes != before || pair != pair_before))
            add_escape(attributes, pair, out);
        before = attributes;
        pair_before = pair;
        const wchar_t *from = words;
        mbstate_t state = {0};
        if (wcsrtombs(bytes, &from, sizeof bytes - 1, &state) != (size_t)-1)
            text_add(out, bytes);
        const int width = wcwidth(words[0]);
        column += width > 1 ? width : 1;
    }
    if (colour && (before != A_NORMAL || pair_before))
        text_add(out, "\033[0m");
    text_add(out, "\n");
}

void canvas_text(bool colour, text *out)
{
    for (int row = 0; row < LINES; row++)
        add_row(row, colour, out);
}
