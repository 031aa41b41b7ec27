/* SPDX-License-Identifier: GPL-3.0-or-later
   check.c -- looks up again what a report says.  It mends nothing. */
#include "report/check.h"

#include <string.h>
#include "base/file.h"
#include "base/memory.h"
#include "base/random.h"
#include "ledger/lookup.h"

#define PICTURE_BYTES_MAX ((size_t)64 << 20)

typedef struct checking {
    ledger *ledger;
    const char *path; /* of the report */
    table *out;
    check_counts *counts;
} checking;

static void put_fault(checking *c, const found *f, const char *what, const char *ledger,
                      const char *fault)
{
    table_row(c->out);
    table_integer(c->out, "line", f->line);
    table_text(c->out, "what", what);
    table_text(c->out, "source", *f->source ? f->source : NULL);
    table_text(c->out, "shown", f->words);
    table_text(c->out, "ledger", ledger);
    table_text(c->out, "fault", fault);
    c->counts->wrong++;
}

/* Failures of the ledger itself end the check; others are faults of the report. */
static bool is_fault(status s)
{
    return s == E_NAME || s == E_NUMERIC || s == E_USAGE;
}

/* Does the report show WORDS of the ledger?  It has them clean; a minus may be either. */
static bool shows(const found *f, const char *words)
{
    static const char minus[] = "\xe2\x88\x92";
    text clean = {0}, plain = {0};
    document_clean(words, false, &clean);
    for (const char *p = text_get(&clean); *p;) {
        bool is = strncmp(p, minus, sizeof minus - 1) == 0;
        text_add_bytes(&plain, is ? "-" : p, 1);
        p += is ? sizeof minus - 1 : 1;
    }
    bool same = !clean.failed && !plain.failed && text_equal(text_get(&plain), f->words);
    text_clear(&clean);
    text_clear(&plain);
    return same;
}

static status check_number(checking *c, const found *f, error *e)
{
    source s;
    error why = {0};
    text words = {0};
    if (!source_read(f->source, &s)) {
        put_fault(c, f, "number", NULL, "its source cannot be read");
        return E_OK;
    }
    status result = source_words(c->ledger, &s, &words, &why);
    if (result != E_OK && !is_fault(result)) {
        *e = why;
    } else {
        if (result != E_OK)
            put_fault(c, f, "number", NULL, why.text);
        else if (!shows(f, text_get(&words)))
            put_fault(c, f, "number", text_get(&words), "it is another");
        result = E_OK;
    }
    text_clear(&words);
    return result;
}

/* The hash of a file that the report names, from its folder. */
static status hash_file(const checking *c, const found *f, uint64_t *hash, error *e)
{
    const char *slash = strrchr(c->path, '/');
    int folder = slash && f->words[0] != '/' ? (int)(slash - c->path) + 1 : 0;
    char *path = memory_format(e, "%.*s%s", folder, c->path, f->words);
    void *bytes = NULL;
    size_t length = 0;
    if (!path)
        return E_MEMORY;
    status s = file_read_regular(path, PICTURE_BYTES_MAX, &bytes, &length, e);
    if (s == E_OK)
        *hash = random_hash(bytes, (int64_t)length, HASH_START);
    memory_free(bytes);
    memory_free(path);
    return s;
}

static status check_picture(checking *c, const found *f, error *e)
{
    uint64_t hash = f->hash;
    char digest[17];
    error why = {0};
    int64_t run = 0;
    c->counts->figures++;
    status s = f->held ? E_OK : hash_file(c, f, &hash, &why);
    if (s == E_MEMORY)
        return fail(e, s, "%s", why.text);
    if (s != E_OK) {
        put_fault(c, f, "figure", NULL, why.text);
        return E_OK;
    }
    if (strcmp(ledger_hash(digest, hash), f->source) != 0) {
        put_fault(c, f, "figure", digest, "its bytes are others");
        return E_OK;
    }
    TRY(ledger_find_digest(c->ledger, digest, &run, e));
    if (run == 0)
        put_fault(c, f, "figure", NULL, "no run drew it");
    return E_OK;
}

/* What stands behind the last end of a line in WORDS: a command may have several. */
static const char *last_line(const char *words)
{
    const char *end = strrchr(words, '\n');
    return end ? end + 1 : words;
}

/* A line of the script to replay. */
static status check_line(checking *c, const found *f, error *e)
{
    int64_t run = 0;
    source s = {0};
    text words = {0};
    c->counts->lines++;
    if (!text_to_integer(f->source, &run) || !reference_set(&s.of, run, 0, "line"))
        return E_OK;
    error why = {0};
    status result = run > 0 ? source_words(c->ledger, &s, &words, &why) : E_NAME;
    if (result != E_OK && !is_fault(result)) {
        *e = why;
    } else {
        if (result != E_OK)
            put_fault(c, f, "command", NULL, why.text);
        else if (!shows(f, last_line(text_get(&words))))
            put_fault(c, f, "command", text_get(&words), "it is another");
        result = E_OK;
    }
    text_clear(&words);
    return result;
}

static status check_found(checking *c, const found *f, error *e)
{
    switch (f->kind) {
    case FOUND_NUMBER:
        c->counts->numbers++;
        return check_number(c, f, e);
    case FOUND_RUN:
        return check_number(c, f, e);
    case FOUND_PICTURE:
        return check_picture(c, f, e);
    case FOUND_LINE:
        return check_line(c, f, e);
    case FOUND_BARE:
        put_fault(c, f, "number", NULL, "it has no source");
    }
    return E_OK;
}

status report_check(ledger *l, const report_format *format, const char *path,
                    const char *words, size_t length, table *out, check_counts *counts,
                    error *e)
{
    found_list list = {0};
    checking c = {l, path, out, counts};
    *counts = (check_counts){0};
    format->read(words, length, &list);
    status s = list.failed ? fail(e, E_MEMORY, "memory: no room for the report") : E_OK;
    for (int64_t i = 0; s == E_OK && i < list.count; i++)
        s = check_found(&c, &list.items[i], e);
    found_clear(&list);
    return s == E_OK ? table_ok(out, e) : s;
}
