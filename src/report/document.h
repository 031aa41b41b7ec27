/* SPDX-License-Identifier: GPL-3.0-or-later
   document.h -- a report before it has a format: headings, paragraphs, lists, tables,
   figures, code; and within their words the numbers with their sources.  It owns all it
   is given.  What finds no memory is remembered: ask document_ok once at the end. */
#ifndef LATHE_REPORT_DOCUMENT_H
#define LATHE_REPORT_DOCUMENT_H

#include <stdbool.h>
#include <stdint.h>
#include "base/error.h"
#include "report/source.h"

typedef enum span_kind {
    SPAN_TEXT,
    SPAN_UNIT, /* of the value before it, from which no line parts it */
    SPAN_STRONG,
    SPAN_EMPHASIS,
    SPAN_CODE,
    SPAN_LINK,  /* to LINK, an address */
    SPAN_RUN,   /* the number of a run: to its receipt */
    SPAN_VALUE, /* a number that SOURCE tells the place of */
    SPAN_LINE,  /* a command line; SOURCE is that of a value */
} span_kind;

typedef struct span {
    span_kind kind;
    const char *words;
    const char *link;
    source source; /* of a value */
} span;

typedef struct spans {
    span *items;
    int64_t count, capacity;
} spans;

typedef enum column_kind {
    COLUMN_WORDS,
    COLUMN_MEASURED, /* every number in it has a source: flush right */
    COLUMN_NOTE      /* long words, which may be folded */
} column_kind;

typedef struct grid {
    struct grid_column {
        const char *title;
        column_kind kind;
    } * columns;
    int64_t column_count, column_capacity;
    spans *cells; /* row by row */
    int64_t cell_count, cell_capacity;
} grid;

/* A figure's file. */
typedef struct picture {
    const char *path;   /* as the report's reader finds it */
    const char *ending; /* ".svg" */
    const char *digest; /* of its bytes, as the ledger has it */
    void *bytes;        /* where the report is to hold it itself */
    size_t length;
} picture;

typedef enum block_kind {
    BLOCK_HEADING,
    BLOCK_PARAGRAPH,
    BLOCK_ITEM, /* of a list */
    BLOCK_CODE,
    BLOCK_TABLE,
    BLOCK_FIGURE
} block_kind;

typedef struct block {
    block_kind kind;
    int level;   /* of a heading: 1 is the title */
    spans words; /* the heading, the paragraph, the caption */
    const char *code;
    grid grid;
    picture picture;
    int64_t run;   /* of a figure: 0 where it was drawn for the report */
    bool receipts; /* of a table: its rows are those of runs, in the first column */
} block;

typedef struct document {
    block *blocks;
    int64_t count, capacity;
    char **kept; /* the words that all others lend */
    int64_t kept_count, kept_capacity;
    const char *date; /* "2026-01-31", or NULL */
    bool failed;
} document;

void document_clear(document *d);
status document_ok(const document *d, error *e);

/* Appends WORDS as UTF-8 without control characters (a tab or the end of a line is a blank
   where LINES is false); what was neither becomes U+FFFD. */
void document_clean(const char *words, bool lines, text *out);

/* A clean copy that lives as long as D. */
const char *document_keep(document *d, const char *words, bool lines);

/* The block that is added last; never NULL (a dummy of D without memory). */
block *document_add(document *d, block_kind kind);

void document_span(document *d, spans *to, span_kind kind, const char *words,
                   const char *link);
/* A value in the words that FORM of S gives it, and its unit behind it, where UNIT. */
void document_value(document *d, spans *to, const source *s, const cell *value,
                    bool unit);
/* The command line LINE of RUN. */
void document_line(document *d, spans *to, int64_t run, const char *line);
void document_run(document *d, spans *to, int64_t run);

/* ---- tables ---- */

void document_column(document *d, grid *g, const char *title, column_kind kind);
/* Begins a row of empty cells. */
void document_row(document *d, grid *g);
/* The cell of the last row in COLUMN; never NULL (a dummy without memory). */
spans *document_cell(document *d, grid *g, int64_t column);
/* Takes out the columns that have nothing in any row. */
void document_trim(grid *g);
int64_t grid_rows(const grid *g);
const spans *grid_cell(const grid *g, int64_t row, int64_t column);

#endif
