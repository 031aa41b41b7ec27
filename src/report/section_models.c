/* SPDX-License-Identifier: GPL-3.0-or-later
   section_models.c -- the directives @summary, @baseline and @conclusions: what the
   measured models come to, in sentences that are made of their numbers. */
#include <math.h>
#include <string.h>
#include "measure/metric.h"
#include "report/report_parts.h"

static const char *const no_keys[] = {NULL};

static const candidate *baseline_of(const candidates *c)
{
    return c->baseline >= 0 ? &c->items[c->baseline] : NULL;
}

static status put_paragraph(builder *b, const char *words, error *e)
{
    block *to = document_add(b->document, BLOCK_PARAGRAPH);
    document_span(b->document, &to->words, SPAN_TEXT, words, NULL);
    return document_ok(b->document, e);
}

/* ---- sentences ---- */

/* "accuracy 91.20 % (-0.40 points)": the second against BASE, unless that is NULL. */
static status tell_key(builder *b, spans *to, const char *key, const candidate *k,
                       const candidate *base, error *e)
{
    source s[2] = {candidate_source(k, key), candidate_source(k, key)};
    if (s[0].of.run == 0)
        return E_OK;
    if (base) {
        source was = candidate_source(base, key);
        s[1].operation = form_is_share(key) ? OPERATION_MINUS : OPERATION_CHANGE;
        s[1].than = was.of;
    }
    bool compared = base && s[1].than.run > 0;
    return report_tell(b, to, compared ? "%v (%v)" : "%v", NULL, s, e);
}

/* Whether two intervals of a metric have something in common; "" where one is not
   known. */
static const char *tell_overlap(const candidate *a, const candidate *b)
{
    if (!isfinite(a->low) || !isfinite(a->high) || !isfinite(b->low) ||
        !isfinite(b->high))
        return "";
    return a->low <= b->high && b->low <= a->high ? "; the intervals of both overlap"
                                                  : "; the intervals of both are apart";
}

/* "`m8`: accuracy ... , file ..., one run ... ; the intervals ..." */
static status tell_model(builder *b, spans *to, const char *before, const candidates *c,
                         const candidate *k, error *e)
{
    const candidate *base = baseline_of(c);
    document *d = b->document;
    base = base == k ? NULL : base;
    document_span(d, to, SPAN_TEXT, before, NULL);
    document_span(d, to, SPAN_CODE, k->model, NULL);
    document_span(d, to, SPAN_TEXT, ": ", NULL);
    document_span(d, to, SPAN_CODE, c->metric, NULL);
    document_span(d, to, SPAN_TEXT, " ", NULL);
    TRY(tell_key(b, to, c->metric, k, base, e));
    if (isfinite(k->bytes)) {
        document_span(d, to, SPAN_TEXT, ", file ", NULL);
        TRY(tell_key(b, to, "bytes", k, base, e));
    }
    if (k->time_run > 0) {
        document_span(d, to, SPAN_TEXT, ", one run ", NULL);
        TRY(tell_key(b, to, "median_ms", k, base, e));
    }
    document_span(d, to, SPAN_TEXT, base ? tell_overlap(k, base) : "", NULL);
    document_span(d, to, SPAN_TEXT, ".", NULL);
    return document_ok(d, e);
}

static status put_model(builder *b, const char *before, const candidates *c,
                        const candidate *k, error *e)
{
    block *to = document_add(b->document, BLOCK_ITEM);
    return tell_model(b, &to->words, before, c, k, e);
}

/* ---- @summary ---- */

typedef enum virtue { SMALL, FAST, GOOD } virtue;

static double virtue_of(const candidates *c, const candidate *k, virtue v)
{
    return v == SMALL  ? k->bytes
           : v == FAST ? k->time
                       : (c->higher ? -k->score : k->score);
}

/* The candidate with the least of V, the first of equals; NULL: none has it. */
static const candidate *find_best(const candidates *c, virtue v)
{
    const candidate *best = NULL;
    for (int64_t i = 0; i < c->count; i++) {
        double value = virtue_of(c, &c->items[i], v);
        if (isfinite(value) && (!best || value < virtue_of(c, best, v)))
            best = &c->items[i];
    }
    return best;
}

static void put_names(builder *b, const candidates *c, block *to)
{
    enum { MOST = 16 };
    document *d = b->document;
    document_span(d, &to->words, SPAN_TEXT, "Measured on the ", NULL);
    document_span(d, &to->words, SPAN_CODE, c->split, NULL);
    document_span(d, &to->words, SPAN_TEXT, " samples: ", NULL);
    for (int64_t i = 0; i < c->count && i < MOST; i++) {
        document_span(d, &to->words, SPAN_TEXT, i ? ", " : "", NULL);
        document_span(d, &to->words, SPAN_CODE, c->items[i].model, NULL);
    }
    document_span(d, &to->words, SPAN_TEXT, c->count > MOST ? " and others." : ".", NULL);
}

/* What C is the best in, as "The smallest file and the fastest: "; "" where in nothing. */
static void add_virtues(const candidates *c, const candidate *k, text *out)
{
    static const struct {
        virtue virtue;
        const char *words;
    } rows[] = {{GOOD, "best"}, {SMALL, "smallest file"}, {FAST, "fastest"}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (find_best(c, rows[i].virtue) == k)
            text_addf(out, "%s %s", out->length ? " and the" : "The", rows[i].words);
}

status report_summary(builder *b, const directive *d, error *e)
{
    candidates *c;
    TRY(directive_check(d, no_keys, 0, e));
    TRY(report_models(b, &c, e));
    const candidate *base = baseline_of(c);
    if (!base)
        return put_paragraph(b, "No model was measured.", e);
    put_names(b, c, document_add(b->document, BLOCK_PARAGRAPH));
    TRY(put_model(b, "The baseline: ", c, base, e));
    for (int64_t i = 0; i < c->count; i++) {
        text words = {0};
        add_virtues(c, &c->items[i], &words);
        text_add(&words, ": ");
        status s = E_OK;
        if (words.length > 2 && &c->items[i] != base)
            s = put_model(b, text_get(&words), c, &c->items[i], e);
        text_clear(&words);
        TRY(s);
    }
    return E_OK;
}

/* ---- @baseline ---- */

static void begin_values(builder *b, block *to)
{
    document_column(b->document, &to->grid, "what", COLUMN_WORDS);
    document_column(b->document, &to->grid, "value", COLUMN_MEASURED);
    document_column(b->document, &to->grid, "interval", COLUMN_MEASURED);
}

/* NAME_low and NAME_high, where the ledger has them. */
static status put_ends(builder *b, const source *s, spans *to, error *e)
{
    source low = *s, high = *s;
    text key = {0};
    table *answer = table_new(e);
    if (!answer)
        return E_MEMORY;
    text_addf(&key, "%s_low", s->of.key);
    bool fits = reference_set(&low.of, s->of.run, s->of.row, text_get(&key));
    text_clear(&key);
    text_addf(&key, "%s_high", s->of.key);
    fits = fits && reference_set(&high.of, s->of.run, s->of.row, text_get(&key));
    text_clear(&key);
    error none = {0};
    fits = fits && source_value(b->request->ledger, &low, answer, &none) == E_OK &&
           source_value(b->request->ledger, &high, answer, &none) == E_OK;
    table_free(answer);
    if (!fits)
        return E_OK;
    document_span(b->document, to, SPAN_TEXT, "[", NULL);
    TRY(report_value(b, to, &low, false, e));
    document_span(b->document, to, SPAN_TEXT, ", ", NULL);
    TRY(report_value(b, to, &high, false, e));
    document_span(b->document, to, SPAN_TEXT, "]", NULL);
    return E_OK;
}

/* A row where the ledger has KEY. */
static status put_value_row(builder *b, const candidate *k, const char *key, block *to,
                            error *e)
{
    error none = {0};
    source s = candidate_source(k, key);
    text title = {0};
    if (s.of.run == 0)
        return E_OK;
    status found = report_suit(b, &s, NULL, false, &none);
    if (found != E_OK)
        return found == E_NAME ? E_OK : fail(e, found, "%s", none.text);
    form_title(key, &title);
    document_row(b->document, &to->grid);
    document_span(b->document, document_cell(b->document, &to->grid, 0), SPAN_TEXT,
                  text_get(&title), NULL);
    text_clear(&title);
    TRY(report_value(b, document_cell(b->document, &to->grid, 1), &s, true, e));
    return put_ends(b, &s, document_cell(b->document, &to->grid, 2), e);
}

status report_baseline(builder *b, const directive *d, error *e)
{
    static const char *const first[] = {"architecture",  "parameters", "nonzero",
                                        "sparsity",      "bits",       "bytes",
                                        "multiply_adds", "median_ms",  "samples"};
    static const char *const trained[] = {
        "model",      "data",     "epochs",     "optimizer", "lr",
        "train_loss", "val_loss", "best_epoch", "seconds",   NULL};
    candidates *c;
    int64_t rows;
    TRY(directive_check(d, no_keys, 0, e));
    TRY(report_models(b, &c, e));
    const candidate *base = baseline_of(c);
    if (!base)
        return put_paragraph(b, "No model was measured.", e);
    block *to = document_add(b->document, BLOCK_TABLE);
    document_span(b->document, &to->words, SPAN_TEXT, "The baseline ", NULL);
    document_span(b->document, &to->words, SPAN_CODE, base->model, NULL);
    begin_values(b, to);
    for (size_t i = 0; i < sizeof first / sizeof *first; i++)
        TRY(put_value_row(b, base, first[i], to, e));
    for (int i = 0; metric_at(i); i++)
        TRY(put_value_row(b, base, metric_at(i)->name, to, e));
    return report_keys_table(b, "command = train", trained, "Trainings", &rows, e);
}

/* ---- @conclusions ---- */

/* One that is as small and as good as K, and better in one; NULL: none. */
static const candidate *find_better(const candidates *c, const candidate *k)
{
    for (int64_t i = 0; i < c->count; i++) {
        const candidate *o = &c->items[i];
        double mine = virtue_of(c, k, GOOD), its = virtue_of(c, o, GOOD);
        if (o->front && o->bytes <= k->bytes && its <= mine &&
            (o->bytes < k->bytes || its < mine))
            return o;
    }
    return NULL;
}

static void put_place(builder *b, const candidates *c, const candidate *k, spans *to)
{
    const candidate *better = find_better(c, k);
    if (k->front)
        document_span(b->document, to, SPAN_TEXT, " No other is as small and as good.",
                      NULL);
    else if (better) {
        document_span(b->document, to, SPAN_TEXT, " ", NULL);
        document_span(b->document, to, SPAN_CODE, better->model, NULL);
        document_span(b->document, to, SPAN_TEXT, " is as small and as good, or better.",
                      NULL);
    }
}

status report_conclusions(builder *b, const directive *d, error *e)
{
    candidates *c;
    TRY(directive_check(d, no_keys, 0, e));
    TRY(report_models(b, &c, e));
    const candidate *base = baseline_of(c);
    if (!base)
        return put_paragraph(b, "No model was measured.", e);
    if (c->count == 1)
        return put_paragraph(b, "Only the baseline was measured.", e);
    block *lead = document_add(b->document, BLOCK_PARAGRAPH);
    document_span(b->document, &lead->words, SPAN_TEXT, "What each costs against ", NULL);
    document_span(b->document, &lead->words, SPAN_CODE, base->model, NULL);
    document_span(b->document, &lead->words, SPAN_TEXT, ":", NULL);
    for (int64_t i = 0; i < c->count; i++) {
        if (&c->items[i] == base)
            continue;
        block *to = document_add(b->document, BLOCK_ITEM);
        TRY(tell_model(b, &to->words, "", c, &c->items[i], e));
        put_place(b, c, &c->items[i], &to->words);
    }
    block *last = document_add(b->document, BLOCK_PARAGRAPH);
    document_span(b->document, &last->words, SPAN_TEXT,
                  "Worth keeping, by size of the file and by ", NULL);
    document_span(b->document, &last->words, SPAN_CODE, c->metric, NULL);
    const char *between = ": ";
    for (int64_t i = 0; i < c->count; i++) {
        if (!c->items[i].front)
            continue;
        document_span(b->document, &last->words, SPAN_TEXT, between, NULL);
        document_span(b->document, &last->words, SPAN_CODE, c->items[i].model, NULL);
        between = ", ";
    }
    document_span(b->document, &last->words, SPAN_TEXT, ".", NULL);
    return document_ok(b->document, e);
}
