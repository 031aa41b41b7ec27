/* SPDX-License-Identifier: GPL-3.0-or-later
   report_parts.h -- what the files of the report share: the state of the building, one
   directive, and the helpers that put looked-up numbers into a document.  Others use
   report.h. */
#ifndef LATHE_REPORT_REPORT_PARTS_H
#define LATHE_REPORT_REPORT_PARTS_H

#include "report/report.h"

#define REPORT_WORDS_MAX 256

/* A name that the template gave to some words. */
typedef struct let {
    char *name, *words;
} let;

/* A model at one moment, and where its numbers are. */
typedef struct candidate {
    const char *model;                       /* lent by models */
    int64_t run, row;                        /* of its metric, bytes and counts */
    double score, low, high, bytes, nonzero; /* NaN where there is none */
    int64_t time_run, time_row;              /* of its median_ms; run 0: not timed */
    double time;
    bool front; /* no other is better in bytes and in score at once */
} candidate;

/* The models that were measured on the same samples, the first run first. */
typedef struct candidates {
    table *rows; /* what they were read from */
    candidate *items;
    int64_t count, capacity;
    const char *metric, *split;                           /* NULL: nothing was measured */
    char low[REFERENCE_KEY + 8], high[REFERENCE_KEY + 8]; /* the ends of its interval */
    bool higher;                                          /* is better */
    int64_t baseline;                                     /* an index; -1: none */
} candidates;

typedef struct builder {
    const report_request *request;
    document *document;
    let *lets;
    int64_t let_count, let_capacity;
    int64_t line;     /* of the template */
    int64_t receipts; /* the block that becomes the table of receipts; -1: none */
    int64_t drawn;    /* figures drawn so far */
    int64_t unmeasured;
    candidates *models; /* once they were asked for */
} builder;

/* ---- directives ---- */

/* "@NAME words key=value ..." cut into words. */
typedef struct directive {
    const char *name;
    const char *rest;              /* of the line, behind the name */
    char *words[REPORT_WORDS_MAX]; /* owned; without a key */
    int64_t word_count;
    char *keys[REPORT_WORDS_MAX], *values[REPORT_WORDS_MAX]; /* owned */
    int64_t key_count;
} directive;

status directive_read(directive *d, const char *line, error *e);
void directive_clear(directive *d);
/* The value of KEY, or NULL. */
const char *directive_get(const directive *d, const char *key);
/* E_USAGE for keys that are not among KNOWN (NULL ends it), or more than MOST words. */
status directive_check(const directive *d, const char *const *known, int64_t most,
                       error *e);

typedef struct directive_row {
    const char *name;
    status (*run)(builder *b, const directive *d, error *e);
} directive_row;

const directive_row *directive_find(const char *name);
/* E_NAME with the nearest name. */
status directive_unknown(const char *name, error *e);

status report_table(builder *b, const directive *d, error *e);
status report_published(builder *b, const directive *d, error *e);
status report_figure(builder *b, const directive *d, error *e);
status report_plot(builder *b, const directive *d, error *e);
status report_summary(builder *b, const directive *d, error *e);
status report_baseline(builder *b, const directive *d, error *e);
status report_techniques(builder *b, const directive *d, error *e);
status report_pipeline(builder *b, const directive *d, error *e);
status report_deployment(builder *b, const directive *d, error *e);
status report_conclusions(builder *b, const directive *d, error *e);
status report_environment(builder *b, const directive *d, error *e);
status report_replay(builder *b, const directive *d, error *e);
status report_receipts(builder *b, const directive *d, error *e);

/* The runs that the finished document names, into the table that report_receipts put
   there; *RUNS is how many. */
status receipts_fill(builder *b, int64_t *runs, error *e);

/* ---- words ---- */

/* Appends WORDS with "$NAME" and "${NAME}" replaced. */
status report_expand(const builder *b, const char *words, text *out, error *e);

/* Prose with **strong**, *emphasis*, `code`, [words](address) and {{numbers}}. */
status report_prose(builder *b, const char *words, spans *to, error *e);

/* Appends words and numbers by a pattern: "%s" is the next of the words, "%v" the next of
   the sources, with its unit. */
status report_tell(builder *b, spans *to, const char *pattern, const char *const *words,
                   const source *sources, error *e);

/* ---- numbers ---- */

/* The source of the last value of KEY for which WHERE holds, in a form that suits it. */
status report_look(builder *b, const char *key, const char *where, source *s, error *e);

/* Fills the form of S by what it is worth now; WANTED may be NULL. */
status report_suit(builder *b, source *s, const form *wanted, bool exact, error *e);

/* Appends S, as it stands in the ledger, with its unit. */
status report_value(builder *b, spans *to, const source *s, bool unit, error *e);

/* A source of KEY in RUN and ROW; with HOW not NONE against THAN. */
source report_source(int64_t run, int64_t row, const char *key, operation how,
                     const source *than);

/* ---- tables of one key a column ---- */

/* A column of a table of numbers. */
typedef struct column_plan {
    const char *key, *title; /* TITLE NULL: the key with its unit */
    form form;
    bool wanted, exact;  /* the form is given; its decimals, too */
    operation operation; /* against the row AGAINST */
    bool varied;         /* left out where all of several rows have the same */
} column_plan;

/* A table of the rows of FOUND (run, row and the keys, ledger_find) that a column has
   something for; AGAINST (run 0: none) is what operations compare with.  Columns without
   any number or word are left out. */
status report_grid(builder *b, const table *found, const column_plan *columns,
                   int64_t count, const reference *against, block *to, error *e);

/* The rows of the answers of COMMANDS ("a = b or ..."), with KEYS that NULL ends, as such a
   table, where there are any; *ROWS is how many. */
status report_keys_table(builder *b, const char *where, const char *const *keys,
                         const char *caption, int64_t *rows, error *e);

/* ---- models ---- */

/* What was measured, found once. */
status report_models(builder *b, candidates **out, error *e);
void candidates_free(candidates *c);
/* Sources of a candidate's numbers: KEY is "bytes", the metric, ..., or "median_ms". */
source candidate_source(const candidate *c, const char *key);

/* ---- files ---- */

/* PATH as it is, or beside the template. */
status report_find_file(const builder *b, const char *path, text *found, error *e);

/* Puts the figure PATH, whose bytes have DIGEST; RUN 0: it was drawn for the report. */
status report_put_picture(builder *b, const char *path, const char *digest, int64_t run,
                          const char *caption, error *e);

/* Puts the figures that runs FROM to TO (0: all behind) drew. */
status report_put_figures(builder *b, int64_t from, int64_t to, error *e);

#endif
