/* SPDX-License-Identifier: GPL-3.0-or-later
   support_figure.c -- draws figures and reads SVG files back.  It judges none of them. */
#include "support.h"
#include "support_figure.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include "base/file.h"
#include "base/memory.h"
#include "plots/gnuplot.h"
#include "plots/style.h"

static char folder[] = "/tmp/lathe-figure-XXXXXX";
static bool possible;

session *support_figure_begin(void)
{
    assert_non_null(mkdtemp(folder));
    assert_int_equal(chdir(folder), 0);
    char *path = gnuplot_find(NULL);
    possible = path != NULL;
    memory_free(path);
    session *s = session_new(1, NULL);
    assert_non_null(s);
    return s;
}

void support_figure_end(session *s)
{
    session_free(s);
    pid_t child = fork();
    if (child == 0) {
        execlp("rm", "rm", "-rf", folder, (char *)NULL);
        _exit(1);
    }
    waitpid(child, NULL, 0);
}

const char *support_figure_folder(void)
{
    return folder;
}

bool support_figure_possible(void)
{
    return possible;
}

status support_figure_render(session *s, const figure_row *row, const char *words,
                             const char *path, bool keep, text *picture, error *e)
{
    option_set options;
    text data = {0}, script = {0};
    const style_row *style = NULL;
    char *copy = memory_text(words, NULL), *rest = NULL;
    assert_int_equal(option_set_init(&options, row->options, NULL, e), E_OK);
    for (char *word = strtok_r(copy, " ", &rest); word;
         word = strtok_r(NULL, " ", &rest)) {
        char *equals = strchr(word, '=');
        *equals = '\0';
        if (strcmp(word, "style") == 0)
            style = style_find(equals + 1);
        else
            assert_int_equal(option_set_put(&options, word, equals + 1, e), E_OK);
    }
    figure_call c = {.session = s,
                     .options = &options,
                     .data = &data,
                     .script = &script,
                     .style = style};
    figure_target to = {
        .path = path, .keep_data = keep, .columns = 80, .rows = 24, .unicode = true};
    int64_t bytes = -1;
    status result = figure_render(row, &c, &to, picture, &bytes, e);
    struct stat found;
    if (result == E_OK && path) {
        assert_int_equal(stat(path, &found), 0);
        assert_int_equal(found.st_size, bytes);
    }
    option_set_clear(&options);
    text_clear(&data);
    text_clear(&script);
    memory_free(copy);
    return result;
}

void support_figure_draw(session *s, const char *kind, const char *words,
                         const char *path)
{
    error e = {0};
    const figure_row *row = figure_find(kind);
    assert_non_null(row);
    if (support_figure_render(s, row, words, path, strstr(path, ".svg") != NULL, NULL,
                              &e) != E_OK)
        fail_msg("%s", e.text);
}

char *support_figure_read(const char *path, size_t *length)
{
    void *bytes = NULL;
    text t = {0};
    assert_int_equal(file_read(path, 1 << 24, &bytes, length, NULL), E_OK);
    text_add_bytes(&t, bytes, *length);
    memory_free(bytes);
    return text_take(&t, NULL);
}

int support_figure_count(const char *path, const char *words)
{
    size_t length;
    char *bytes = support_figure_read(path, &length);
    int count = 0;
    size_t size = strlen(words);
    for (char *at = bytes; (at = memmem(at, length - (size_t)(at - bytes), words, size));
         at += size)
        count++;
    memory_free(bytes);
    return count;
}

void support_figure_same(session *s, const char *kind, const char *words,
                         const char *ending)
{
    size_t a, b;
    char path[64];
    snprintf(path, sizeof path, "same%s", ending);
    support_figure_draw(s, kind, words, path);
    char *one = support_figure_read(path, &a);
    support_figure_draw(s, kind, words, path);
    char *two = support_figure_read(path, &b);
    assert_int_equal(a, b);
    assert_memory_equal(one, two, a);
    memory_free(one);
    memory_free(two);
}

int support_figure_marks(const char *path, const char *mark, double at[][2], int most)
{
    size_t length;
    int count = 0;
    char begin[64], *svg = support_figure_read(path, &length);
    snprintf(begin, sizeof begin, "<use xlink:href='#%s'", mark);
    for (char *p = strstr(svg, "</defs>"); p && (p = strstr(p, begin)); p++) {
        char *place = strstr(p, "translate(");
        if (place && count < most &&
            sscanf(place, "translate(%lf,%lf)", &at[count][0], &at[count][1]) == 2)
            count++;
    }
    memory_free(svg);
    return count;
}

int support_figure_boxes(const char *path, const char *colour, double box[][4], int most)
{
    size_t length;
    int count = 0;
    char begin[96], *svg = support_figure_read(path, &length);
    snprintf(begin, sizeof begin, "<polygon fill = '%s'", colour);
    for (char *p = svg; (p = strstr(p, begin)) && count < most; p++) {
        char *points = strstr(p, "points = '") + strlen("points = '");
        double *b = box[count++], x, y;
        b[0] = b[2] = INFINITY;
        b[1] = b[3] = -INFINITY;
        for (int used; sscanf(points, "%lf,%lf %n", &x, &y, &used) == 2; points += used) {
            b[0] = fmin(b[0], x);
            b[1] = fmax(b[1], x);
            b[2] = fmin(b[2], y);
            b[3] = fmax(b[3], y);
        }
    }
    memory_free(svg);
    return count;
}

int support_figure_block(const char *path, int block, int columns, double *values,
                         int most)
{
    size_t length;
    char *data = support_figure_read(path, &length), *rest = NULL;
    int now = -1, rows = 0;
    for (char *line = strtok_r(data, "\n", &rest); line;
         line = strtok_r(NULL, "\n", &rest)) {
        now += line[0] == '#';
        if (line[0] == '#' || now != block || rows == most)
            continue;
        for (int k = 0; k < columns; k++)
            values[rows * columns + k] = strtod(line, &line);
        rows++;
    }
    memory_free(data);
    return rows;
}
