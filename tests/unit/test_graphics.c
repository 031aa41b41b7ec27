/* SPDX-License-Identifier: GPL-3.0-or-later
   test_graphics.c -- what is written for a terminal shows the pixels that it was made of:
   half blocks, sixels and kitty's images are read back by small readers of their own; and
   a terminal that is asked answers at once, late, or never. */
#include "support.h"

#include <fcntl.h>
#include <locale.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>
#include "base/memory.h"
#include "base/random.h"
#include "base/task.h"
#include "ui/output/graphics.h"

enum { WIDTH = 37, HEIGHT = 22 };

static tensor *blank(void)
{
    tensor *t = tensor_new(DTYPE_U8, shape_of(3, HEIGHT, WIDTH, 3), NULL);
    assert_non_null(t);
    return t;
}

/* LEVELS values a channel, evenly spaced, at random. */
static tensor *noise(int levels, int step)
{
    tensor *t = blank();
    uint8_t *to = tensor_write(t, NULL);
    random_stream r = random_new(7, "test", 0);
    for (int64_t i = 0; i < tensor_count(t); i++)
        to[i] = (uint8_t)(step * (int)random_below(&r, levels));
    return t;
}

static int apart(const uint8_t *a, const uint8_t *b)
{
    int most = 0;
    for (int k = 0; k < 3; k++)
        most = abs(a[k] - b[k]) > most ? abs(a[k] - b[k]) : most;
    return most;
}

/* ---- half blocks ---- */

static void colour_of_256(int i, uint8_t *c)
{
    const int levels[] = {0, 95, 135, 175, 215, 255};
    for (int k = 0, step = 36; k < 3; k++, step /= 6)
        c[k] = (uint8_t)(i >= 232 ? 8 + 10 * (i - 232) : levels[(i - 16) / step % 6]);
}

/* One parameter list: foreground into C, background into C + 3. */
static const char *read_colours(const char *p, uint8_t *c)
{
    while (*p != 'm') {
        char *end;
        const long code = strtol(p, &end, 10);
        uint8_t *to = c + (code == 48 ? 3 : 0);
        if (code == 38 || code == 48) {
            const long form = strtol(end + 1, &end, 10);
            if (form == 2)
                for (int k = 0; k < 3; k++)
                    to[k] = (uint8_t)strtol(end + 1, &end, 10);
            else
                colour_of_256((int)strtol(end + 1, &end, 10), to);
        }
        p = *end == ';' ? end + 1 : end;
    }
    return p + 1;
}

static void expect_blocks(const tensor *t, graphics_depth depth, int tolerance)
{
    text out = {0};
    const uint8_t *pixels = tensor_data(t);
    assert_int_equal(graphics_blocks(t, NULL, depth, &out, NULL), E_OK);
    const char *p = text_get(&out);
    for (int y = 0; y < HEIGHT / 2; y++) {
        uint8_t c[6] = {0};
        for (int x = 0; x < WIDTH; x++) {
            if (text_starts(p, "\033["))
                p = read_colours(p + 2, c);
            assert_true(text_starts(p, "\u2580"));
            p += strlen("\u2580");
            assert_true(apart(c, pixels + (2 * y * WIDTH + x) * 3) <= tolerance);
            assert_true(apart(c + 3, pixels + ((2 * y + 1) * WIDTH + x) * 3) <=
                        tolerance);
        }
        assert_true(text_starts(p, "\033[0m\n"));
        p += strlen("\033[0m\n");
    }
    assert_int_equal(*p, '\0');
    text_clear(&out);
}

static void blocks_show_the_pixels(void **state)
{
    (void)state;
    tensor *t = noise(256, 1);
    expect_blocks(t, DEPTH_TRUE, 0);
    expect_blocks(t, DEPTH_256, 48); /* half of the widest gap of the cube */
    tensor_free(t);
    /* all of them colours of the sixteen: black to white */
    t = blank();
    uint8_t *to = tensor_write(t, NULL);
    memset(to + tensor_count(t) / 2, 255, (size_t)(tensor_count(t) / 2));
    text out = {0};
    assert_int_equal(graphics_blocks(t, NULL, DEPTH_16, &out, NULL), E_OK);
    assert_true(text_starts(text_get(&out), "\033[30;40m\u2580"));
    assert_non_null(strstr(text_get(&out), "\033[97;107m\u2580"));
    assert_null(strstr(text_get(&out), "38;"));
    text_clear(&out);
    tensor_free(t);
}

/* Row Y of what OUT shows, without colours, into WORDS; blocks become dots. */
static void read_row(const text *out, int y, char *words)
{
    const char *p = text_get(out);
    for (; y > 0; y--)
        p = strchr(p, '\n') + 1;
    while (*p != '\n') {
        if (*p == '\033') {
            p = strchr(p, 'm') + 1;
        } else if (text_starts(p, "\u2580")) {
            *words++ = '.';
            p += strlen("\u2580");
        } else {
            *words++ = *p++;
        }
    }
    *words = '\0';
}

static void words_have_cells_of_their_own(void **state)
{
    (void)state;
    char row[4 * WIDTH];
    tensor *t = blank();
    uint8_t *to = tensor_write(t, NULL);
    memset(to, 200, (size_t)tensor_count(t));
    memset(to + (9 * WIDTH + 4) * 3, 10, 3); /* a smudge below the first of them */
    const double size = 3.0 / HEIGHT;
    const graphics_label labels[] = {
        {4.0 / WIDTH, 10.0 / HEIGHT, size, -1, false, "left"},
        {1, 10.0 / HEIGHT, size, 1, false, "right"},
        {0.5, 1, size, 0, false, "mid"},
        {0.5, 10.0 / HEIGHT, size, -1, false, "words beyond their room"},
        {5.0 / WIDTH, 10.0 / HEIGHT, size, -1, false, "hidden"},
        {2.0 / WIDTH, 0.5, size, 0, true, "up"},
    };
    graphics_cell *cells = graphics_place(t, labels, 6, NULL);
    assert_non_null(cells);
    text out = {0};
    assert_int_equal(graphics_blocks(t, cells, DEPTH_TRUE, &out, NULL), E_OK);
    read_row(&out, 4, row);
    assert_memory_equal(row + 2, "..left", 6);
    assert_non_null(strstr(row, "words bey"));
    assert_non_null(strstr(row, "\u2026"));
    assert_string_equal(strstr(row, "right"), "right");
    assert_null(strstr(row, "hid"));
    read_row(&out, HEIGHT / 2 - 1, row);
    assert_non_null(strstr(row, ".mid."));
    int upright = 0;
    for (int y = 0; y < HEIGHT / 2; y++) {
        read_row(&out, y, row);
        upright += row[1] == 'u' || row[1] == 'p';
    }
    assert_int_equal(upright, 2);
    assert_non_null(strstr(text_get(&out), "\033[38;2;0;0;0;48;2;200;200;200mleft"));
    const uint8_t *pixels = tensor_data(t);
    assert_int_equal(pixels[(9 * WIDTH + 4) * 3], 200);
    memory_free(cells);
    text_clear(&out);
    tensor_free(t);
}

/* ---- sixels ---- */

/* Bytes of P up to its end into SHOWN, whose pixels nobody drew keep 1, 2, 3. */
static void read_sixels(const char *p, uint8_t *shown)
{
    uint8_t palette[256][3] = {{0}}, drawn[HEIGHT * WIDTH] = {0};
    int x = 0, y = 0, colour = 0, repeat = 1;
    char *end;
    for (int i = 0; i < HEIGHT * WIDTH * 3; i++)
        shown[i] = (uint8_t)(i % 3 + 1);
    for (; *p != '\033'; p++) {
        if (*p == '#') {
            colour = (int)strtol(p + 1, &end, 10);
            assert_in_range(colour, 0, 255);
            if (text_starts(end, ";2;")) {
                end += 2;
                for (int k = 0; k < 3; k++) {
                    const long part = strtol(end + 1, &end, 10);
                    assert_in_range(part, 0, 100);
                    palette[colour][k] = (uint8_t)((part * 255 + 50) / 100);
                }
            }
            p = end - 1;
        } else if (*p == '!') {
            repeat = (int)strtol(p + 1, &end, 10);
            p = end - 1;
        } else if (*p == '$' || *p == '-') {
            x = 0;
            y += *p == '-' ? 6 : 0;
        } else {
            assert_in_range(*p, '?', '~');
            for (; repeat > 0; repeat--, x++)
                for (int k = 0; k < 6; k++) {
                    if (!((*p - '?') >> k & 1))
                        continue;
                    assert_in_range(x, 0, WIDTH - 1);
                    assert_in_range(y + k, 0, HEIGHT - 1);
                    assert_int_equal(drawn[(y + k) * WIDTH + x]++, 0);
                    memcpy(shown + ((y + k) * WIDTH + x) * 3, palette[colour], 3);
                }
            repeat = 1;
        }
    }
    assert_true(text_starts(p, "\033\\"));
}

/* The largest difference between T and what its sixels show. */
static int sixel_error(const tensor *t)
{
    char head[64];
    uint8_t shown[HEIGHT * WIDTH * 3];
    const uint8_t *pixels = tensor_data(t);
    text out = {0};
    int most = 0;
    assert_int_equal(graphics_sixel(t, &out, NULL), E_OK);
    snprintf(head, sizeof head, "\033P0;1;0q\"1;1;%d;%d", WIDTH, HEIGHT);
    assert_true(text_starts(text_get(&out), head));
    read_sixels(text_get(&out) + strlen(head), shown);
    for (int i = 0; i < HEIGHT * WIDTH; i++) {
        const int d = apart(shown + 3 * i, pixels + 3 * i);
        most = d > most ? d : most;
    }
    text_clear(&out);
    return most;
}

static void sixels_show_the_pixels(void **state)
{
    (void)state;
    tensor *t = noise(6, 51); /* 216 colours of whole hundredths */
    assert_int_equal(sixel_error(t), 0);
    tensor_free(t);
    /* A slope has more colours than the palette: near ones stand for them. */
    t = blank();
    uint8_t *to = tensor_write(t, NULL);
    for (int y = 0; y < HEIGHT; y++)
        for (int x = 0; x < WIDTH; x++) {
            to[(y * WIDTH + x) * 3] = (uint8_t)(x * 255 / (WIDTH - 1));
            to[(y * WIDTH + x) * 3 + 1] = (uint8_t)(y * 255 / (HEIGHT - 1));
            to[(y * WIDTH + x) * 3 + 2] = 128;
        }
    assert_in_range(sixel_error(t), 1, 24);
    tensor_free(t);
    t = blank(); /* of one colour */
    assert_int_equal(sixel_error(t), 0);
    tensor_free(t);
}

/* ---- kitty ---- */

static int digit_of(char c)
{
    return c >= 'A' && c <= 'Z'   ? c - 'A'
           : c >= 'a' && c <= 'z' ? c - 'a' + 26
           : c >= '0' && c <= '9' ? c - '0' + 52
           : c == '+'             ? 62
           : c == '/'             ? 63
                                  : -1;
}

static void kitty_gets_the_file(void **state)
{
    (void)state;
    enum { BYTES = 7001 }; /* three pieces, the last with a rest */
    uint8_t png[BYTES], back[BYTES + 3];
    random_stream r = random_new(3, "test", 0);
    for (int i = 0; i < BYTES; i++)
        png[i] = (uint8_t)random_below(&r, 256);
    text out = {0};
    assert_int_equal(graphics_kitty(png, BYTES, 12, 40, &out, NULL), E_OK);
    const char *p = text_get(&out);
    assert_true(text_starts(p, "\033_Ga=T,f=100,q=2,c=40,r=12,m=1;"));
    int pieces = 0, count = 0, held = 0;
    uint32_t bits = 0;
    bool more = true;
    while (more) {
        assert_true(text_starts(p, "\033_G"));
        const char *body = strchr(p, ';');
        more = body[-1] == '1';
        assert_true(strcspn(++body, "\033") <= 4096);
        for (p = body; *p != '\033'; p++) {
            if (*p == '=')
                continue;
            assert_true(digit_of(*p) >= 0);
            bits = bits << 6 | (uint32_t)digit_of(*p);
            held += 6;
            if (held >= 8) {
                held -= 8;
                back[count++] = (uint8_t)(bits >> held);
            }
        }
        assert_true(text_starts(p, "\033\\"));
        p += 2;
        pieces++;
    }
    assert_string_equal(p, "\n");
    assert_int_equal(pieces, 3);
    assert_int_equal(count, BYTES);
    assert_memory_equal(back, png, BYTES);
    text_clear(&out);
}

/* ---- asking ---- */

typedef struct fake {
    int master;
    const char *answer; /* in PIECES pieces; NULL: none */
    int pieces;
} fake;

/* A terminal: waits for the question's end, then answers. */
static void *be_terminal(void *context)
{
    const fake *f = context;
    char byte, before = 0;
    while (read(f->master, &byte, 1) == 1 && !(before == '[' && byte == 'c'))
        before = byte;
    const size_t length = f->answer ? strlen(f->answer) : 0;
    for (int i = 0; i < f->pieces; i++) {
        const size_t from = length * (size_t)i / (size_t)f->pieces,
                     to = length * (size_t)(i + 1) / (size_t)f->pieces;
        assert_int_equal(write(f->master, f->answer + from, to - from), to - from);
        usleep(2000);
    }
    return NULL;
}

static graphics_terminal ask(const char *answer, int pieces, const char *typed)
{
    fake f = {posix_openpt(O_RDWR | O_NOCTTY), answer, pieces};
    assert_true(f.master >= 0 && grantpt(f.master) == 0 && unlockpt(f.master) == 0);
    const int slave = open(ptsname(f.master), O_RDWR | O_NOCTTY);
    assert_true(slave >= 0);
    struct termios before, after;
    assert_int_equal(tcgetattr(slave, &before), 0);
    pthread_t thread;
    pthread_create(&thread, NULL, be_terminal, &f);
    graphics_terminal t;
    text kept = {0};
    assert_true(graphics_ask(slave, slave, &t, &kept));
    pthread_join(thread, NULL);
    assert_string_equal(text_get(&kept), typed);
    assert_int_equal(tcgetattr(slave, &after), 0);
    assert_int_equal(before.c_lflag, after.c_lflag);
    text_clear(&kept);
    close(slave);
    close(f.master);
    return t;
}

static void terminals_answer(void **state)
{
    (void)state;
    graphics_terminal t = ask("\033_Gi=31;OK\033\\\033[6;20;10t\033[?62;4;22c", 1, "");
    assert_true(t.kitty && t.sixel);
    assert_int_equal(t.cell_height, 20);
    assert_int_equal(t.cell_width, 10);
    /* in pieces, with keys among the answers */
    t = ask("le\033[?64;1;4ct m", 1, "let m");
    assert_true(t.sixel && !t.kitty);
    t = ask("\033[A\033_Gi=31;ENOTSUP\033\\\033[?1;2c", 7, "\033[A");
    assert_true(!t.sixel && !t.kitty);
    /* none at all: it takes a tenth of a second, and what was typed is kept */
    const double began = task_clock();
    t = ask("quit", 1, "quit");
    assert_true(!t.sixel && !t.kitty && t.cell_width == 0);
    assert_true(task_clock() - began > 0.09);
}

static void keys_that_wait_are_left_alone(void **state)
{
    (void)state;
    const int master = posix_openpt(O_RDWR | O_NOCTTY);
    assert_true(master >= 0 && grantpt(master) == 0 && unlockpt(master) == 0);
    const int slave = open(ptsname(master), O_RDWR | O_NOCTTY);
    graphics_terminal t;
    text kept = {0};
    char bytes[8] = "";
    assert_int_equal(write(master, "let\n", 4), 4);
    struct pollfd there = {.fd = slave, .events = POLLIN};
    assert_int_equal(poll(&there, 1, 5000), 1); /* they are on their way for a while */
    assert_false(graphics_ask(slave, slave, &t, &kept));
    assert_int_equal(kept.length, 0);
    assert_int_equal(read(slave, bytes, sizeof bytes), 4);
    assert_memory_equal(bytes, "let\n", 4);
    close(slave);
    close(master);
}

static void forms_have_names(void **state)
{
    (void)state;
    graphics_form f = GRAPHICS_AUTO;
    assert_true(graphics_form_find("sixel", &f));
    assert_int_equal(f, GRAPHICS_SIXEL);
    assert_false(graphics_form_find("six", &f));
    assert_string_equal(graphics_form_name(GRAPHICS_OFF), "off");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(blocks_show_the_pixels),
        cmocka_unit_test(words_have_cells_of_their_own),
        cmocka_unit_test(sixels_show_the_pixels),
        cmocka_unit_test(kitty_gets_the_file),
        cmocka_unit_test(terminals_answer),
        cmocka_unit_test(keys_that_wait_are_left_alone),
        cmocka_unit_test(forms_have_names),
    };
    setlocale(LC_ALL, "C.UTF-8");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
