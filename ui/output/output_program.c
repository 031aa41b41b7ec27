/* SPDX-License-Identifier: GPL-3.0-or-later
   output_program.c -- tables for other programs: CSV, Markdown, LaTeX and JSON.
   It knows nothing of what the numbers mean. */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include "ui/output/format.h"

/* ---- CSV; source: RFC 4180, with the line end of Unix ---- */

static void add_csv(const char *words, text *out)
{
    if (!strpbrk(words, ",\"\r\n") && *words != ' ' && !text_ends(words, " ")) {
        text_add(out, words);
        return;
    }
    text_add(out, "\"");
    for (const char *p = words; *p; p++)
        text_add_bytes(out, *p == '"' ? "\"\"" : p, *p == '"' ? 2 : 1);
    text_add(out, "\"");
}

void output_csv_table(const table *t, text *out)
{
    if (t->column_count == 0)
        return;
    for (int64_t j = 0; j < t->column_count; j++) {
        text_add(out, j ? "," : "");
        add_csv(t->columns[j], out);
    }
    text_add(out, "\n");
    for (int64_t i = 0; i < t->row_count; i++) {
        for (int64_t j = 0; j < t->column_count; j++) {
            const cell *c = table_get(t, i, j);
            text_add(out, j ? "," : "");
            if (c->kind == CELL_TEXT)
                add_csv(c->words, out);
            else
                number_exact(c, out);
        }
        text_add(out, "\n");
    }
}

/* ---- Markdown; source: the table extension of GitHub Flavored Markdown, 4.10 ---- */

static void add_markdown(const char *words, text *out)
{
    for (const char *p = words; *p; p++) {
        if (strchr("|\\`*_<", *p))
            text_add(out, "\\");
        text_add_bytes(out, *p == '\n' || *p == '\r' ? " " : p, 1);
    }
}

void output_markdown_table(const table *t, const number_style *styles, text *out)
{
    if (t->row_count == 0)
        return;
    for (int64_t j = 0; j < t->column_count; j++) {
        text_add(out, "| ");
        add_markdown(t->columns[j], out);
        text_add(out, " ");
    }
    text_add(out, "|\n");
    for (int64_t j = 0; j < t->column_count; j++)
        text_add(out, number_column(t, j) ? "|--:" : "|---");
    text_add(out, "|\n");
    for (int64_t i = 0; i < t->row_count; i++) {
        for (int64_t j = 0; j < t->column_count; j++) {
            const cell *c = table_get(t, i, j);
            text_add(out, "| ");
            if (c->kind == CELL_TEXT)
                add_markdown(c->words, out);
            else
                number_cell(c, styles[j], "", out);
            text_add(out, " ");
        }
        text_add(out, "|\n");
    }
}

/* ---- LaTeX with booktabs ---- */

static void add_tex(const char *words, text *out)
{
    static const struct {
        char character;
        const char *written;
    } rows[] = {
        {'&', "\\&"},
        {'%', "\\%"},
        {'$', "\\$"},
        {'#', "\\#"},
        {'_', "\\_"},
        {'{', "\\{"},
        {'}', "\\}"},
        {'~', "\\textasciitilde{}"},
        {'^', "\\textasciicircum{}"},
        {'\\', "\\textbackslash{}"},
        {'<', "\\textless{}"},
        {'>', "\\textgreater{}"},
        {'|', "\\textbar{}"},
        {'"', "\\textquotedbl{}"},
        {'\n', " "},
        {'\r', " "},
    };
    for (const char *p = words; *p; p++) {
        size_t i = 0;
        while (i < sizeof rows / sizeof *rows && rows[i].character != *p)
            i++;
        if (i < sizeof rows / sizeof *rows)
            text_add(out, rows[i].written);
        else
            text_add_bytes(out, p, 1);
    }
}

/* 1.234e-05 as mathematics; other numbers with a true minus. */
static void add_tex_number(const cell *c, number_style style, text *out)
{
    text plain = {0};
    number_cell(c, style, "", &plain);
    const char *words = text_get(&plain), *exponent = strpbrk(words, "e");
    if (c->kind == CELL_REAL && isfinite(c->real) && exponent) {
        double power;
        if (text_to_real(exponent + 1, &power))
            text_addf(out, "$%.*s \\times 10^{%.0f}$", (int)(exponent - words), words,
                      power);
    } else if (*words == '-') {
        text_addf(out, "$%s$", words);
    } else {
        text_add(out, words);
    }
    if (plain.failed)
        out->failed = true;
    text_clear(&plain);
}

void output_tex_table(const table *t, const number_style *styles, text *out)
{
    if (t->row_count == 0)
        return;
    text_add(out, "% needs \\usepackage{booktabs}\n\\begin{tabular}{");
    for (int64_t j = 0; j < t->column_count; j++)
        text_add(out, number_column(t, j) ? "r" : "l");
    text_add(out, "}\n\\toprule\n");
    for (int64_t j = 0; j < t->column_count; j++) {
        text_add(out, j ? " & " : "");
        add_tex(t->columns[j], out);
    }
    text_add(out, " \\\\\n\\midrule\n");
    for (int64_t i = 0; i < t->row_count; i++) {
        for (int64_t j = 0; j < t->column_count; j++) {
            const cell *c = table_get(t, i, j);
            text_add(out, j ? " & " : "");
            if (c->kind == CELL_TEXT)
                add_tex(c->words, out);
            else
                add_tex_number(c, styles[j], out);
        }
        text_add(out, " \\\\\n");
    }
    text_add(out, "\\bottomrule\n\\end{tabular}\n");
}

/* ---- JSON; source: RFC 8259 ---- */

/* Bytes of the UTF-8 character at P, 0 where there is none. */
static int utf8_length(const unsigned char *p)
{
    int more = p[0] < 0x80             ? 0
               : (p[0] & 0xe0) == 0xc0 ? 1
               : (p[0] & 0xf0) == 0xe0 ? 2
               : (p[0] & 0xf8) == 0xf0 ? 3
                                       : -1;
    for (int i = 1; i <= more; i++)
        if ((p[i] & 0xc0) != 0x80)
            return 0;
    bool overlong = (p[0] & 0xfe) == 0xc0 || (p[0] == 0xe0 && p[1] < 0xa0) ||
                    (p[0] == 0xf0 && p[1] < 0x90);
    bool surrogate = p[0] == 0xed && p[1] >= 0xa0;
    bool beyond = p[0] > 0xf4 || (p[0] == 0xf4 && p[1] >= 0x90);
    return more < 0 || (more > 0 && (overlong || surrogate || beyond)) ? 0 : more + 1;
}

static void add_json_string(const char *words, text *out)
{
    text_add(out, "\"");
    for (const unsigned char *p = (const unsigned char *)words; *p;) {
        int length = utf8_length(p);
        if (*p == '"' || *p == '\\')
            text_addf(out, "\\%c", *p);
        else if (*p < 0x20 || *p == 0x7f)
            text_addf(out, "\\u%04x", *p);
        else if (length == 0) /* not UTF-8: the replacement character */
            text_add(out, "\\ufffd");
        else
            text_add_bytes(out, (const char *)p, (size_t)length);
        p += length ? length : 1;
    }
    text_add(out, "\"");
}

static void add_json_cell(const cell *c, text *out)
{
    char buffer[32];
    switch (c->kind) {
    case CELL_NONE:
        text_add(out, "null");
        break;
    case CELL_TEXT:
        add_json_string(c->words, out);
        break;
    case CELL_INTEGER:
        number_exact(c, out);
        break;
    case CELL_REAL:
        if (!isfinite(c->real)) {
            text_add(out, "null");
            break;
        }
        text_add(out, text_real(buffer, c->real));
        if (!strpbrk(buffer, ".e")) /* a real stays one when it is whole */
            text_add(out, ".0");
        break;
    case CELL_FLAG:
        text_add(out, c->flag ? "true" : "false");
        break;
    }
}

void output_json_table(const table *t, const char *command, double seconds, text *out)
{
    text_add(out, "{\"command\": ");
    add_json_string(command, out);
    text_add(out, ", \"rows\": [");
    for (int64_t i = 0; i < t->row_count; i++) {
        text_add(out, i ? ", {" : "{");
        for (int64_t j = 0; j < t->column_count; j++) {
            text_add(out, j ? ", " : "");
            add_json_string(t->columns[j], out);
            text_add(out, ": ");
            add_json_cell(table_get(t, i, j), out);
        }
        text_add(out, "}");
    }
    text_add(out, "], \"seconds\": ");
    add_json_cell(&(cell){.kind = CELL_REAL, .real = seconds}, out);
    text_add(out, "}\n");
}
