/* SPDX-License-Identifier: GPL-3.0-or-later
   output.c -- the table of output formats, and how numbers are written in them.
   It appends to a text and prints nothing. */
#include "ui/output/output.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include "base/memory.h"
#include "ui/output/format.h"

static const struct {
    const char *name;
    const char *endings; /* of files, each with its dot and a blank behind */
} formats[FORMAT_COUNT] = {
    [FORMAT_TEXT] = {"text", ".txt .text "}, [FORMAT_CSV] = {"csv", ".csv "},
    [FORMAT_MARKDOWN] = {"md", ".md "},      [FORMAT_TEX] = {"tex", ".tex "},
    [FORMAT_JSON] = {"json", ".json "},
};

const char *output_format_name(output_format f)
{
    return formats[f].name;
}

bool output_format_find(const char *name, output_format *f)
{
    for (int i = 0; i < FORMAT_COUNT; i++) {
        if (text_equal(name, formats[i].name)) {
            *f = (output_format)i;
            return true;
        }
    }
    return false;
}

bool output_format_of_file(const char *path, output_format *f)
{
    const char *dot = strrchr(path, '.');
    if (!dot || strchr(dot, '/') || strchr(dot, ' '))
        return false;
    char ending[16];
    if ((size_t)snprintf(ending, sizeof ending, "%s ", dot) >= sizeof ending)
        return false;
    for (int i = 0; i < FORMAT_COUNT; i++) {
        if (strstr(formats[i].endings, ending)) {
            *f = (output_format)i;
            return true;
        }
    }
    return false;
}

status output_table(const table *t, output_format f, const output_style *style,
                    const char *command, double seconds, text *out, error *e)
{
    TRY(table_ok(t, e));
    number_style *styles = memory_new(t->column_count, sizeof *styles, e);
    if (!styles)
        return E_MEMORY;
    for (int64_t j = 0; j < t->column_count; j++)
        styles[j] = number_style_of(t, j);
    status result = E_OK;
    switch (f) {
    case FORMAT_TEXT:
        result = output_text_table(t, style, out, e);
        break;
    case FORMAT_CSV:
        output_csv_table(t, out);
        break;
    case FORMAT_MARKDOWN:
        output_markdown_table(t, styles, out);
        break;
    case FORMAT_TEX:
        output_tex_table(t, styles, out);
        break;
    case FORMAT_JSON:
    case FORMAT_COUNT:
        output_json_table(t, command, seconds, out);
        break;
    }
    memory_free(styles);
    return result == E_OK ? text_ok(out, e) : result;
}

void output_safe(const char *words, text *out)
{
    for (const unsigned char *p = (const unsigned char *)words; *p; p++) {
        /* U+0080 to U+009F are control characters too: c2 80 to c2 9f */
        bool second = p[0] == 0xc2 && p[1] >= 0x80 && p[1] < 0xa0;
        bool control = (*p < 0x20 && *p != '\n') || *p == 0x7f || second;
        p += second;
        if (control)
            text_add(out, "?");
        else
            text_add_bytes(out, (const char *)p, 1);
    }
}

/* ---- numbers ---- */

/* Digits behind the point that X needs for five figures. */
static int decimals_of(double x)
{
    char buffer[32];
    snprintf(buffer, sizeof buffer, "%.5g", x);
    const char *point = strchr(buffer, '.');
    return point && !strchr(buffer, 'e') ? (int)strlen(point + 1) : 0;
}

number_style number_style_of(const table *t, int64_t column)
{
    double largest = 0, smallest = INFINITY;
    int decimals = 0;
    for (int64_t i = 0; i < t->row_count; i++) {
        const cell *c = table_get(t, i, column);
        if (c->kind != CELL_REAL || !isfinite(c->real) || c->real == 0)
            continue;
        double x = fabs(c->real);
        largest = fmax(largest, x);
        smallest = fmin(smallest, x);
        decimals = decimals > decimals_of(x) ? decimals : decimals_of(x);
    }
    if (largest == 0)
        return (number_style){NUMBER_GENERAL, 0};
    if (largest < 1e-3 || smallest >= 1e7)
        return (number_style){NUMBER_EXPONENT, 4};
    if (largest >= 1e7 || smallest < 1e-4)
        return (number_style){NUMBER_GENERAL, 0};
    int before = largest >= 1 ? (int)floor(log10(largest)) + 1 : 1;
    int room = before < 7 ? 8 - before : 1;
    return (number_style){NUMBER_FIXED, decimals < room ? decimals : room};
}

bool number_column(const table *t, int64_t column)
{
    bool numbers = false;
    for (int64_t i = 0; i < t->row_count; i++) {
        cell_kind kind = table_get(t, i, column)->kind;
        if (kind == CELL_TEXT || kind == CELL_FLAG)
            return false;
        numbers = numbers || kind != CELL_NONE;
    }
    return numbers;
}

static void add_real(double x, number_style style, text *out)
{
    if (!isfinite(x))
        text_add(out, isnan(x) ? "nan" : x > 0 ? "inf" : "-inf");
    else if (style.form == NUMBER_FIXED)
        text_addf(out, "%.*f", style.decimals, x);
    else if (style.form == NUMBER_EXPONENT)
        text_addf(out, "%.*e", style.decimals, x);
    else
        text_addf(out, "%.5g", x);
}

void number_cell(const cell *c, number_style style, const char *empty, text *out)
{
    switch (c->kind) {
    case CELL_NONE:
        text_add(out, empty);
        break;
    case CELL_TEXT:
        text_add(out, c->words);
        break;
    case CELL_INTEGER:
        text_addf(out, "%lld", (long long)c->integer);
        break;
    case CELL_REAL:
        add_real(c->real, style, out);
        break;
    case CELL_FLAG:
        text_add(out, c->flag ? "yes" : "no");
        break;
    }
}

void number_exact(const cell *c, text *out)
{
    char buffer[32];
    if (c->kind == CELL_REAL && isfinite(c->real))
        text_add(out, text_real(buffer, c->real));
    else
        number_cell(c, (number_style){NUMBER_GENERAL, 0}, "", out);
}
