/* SPDX-License-Identifier: GPL-3.0-or-later
   figures.c -- figures into a document: those that the ledger knows, by the digest of
   their files, and those that are drawn for the report. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "base/file.h"
#include "base/memory.h"
#include "base/random.h"
#include "report/report_parts.h"

#define PICTURE_BYTES_MAX ((size_t)64 << 20)

/* ---- paths ---- */

/* The folder of PATH with its "/", "" for the current one. */
static size_t folder_length(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? (size_t)(slash - path) + 1 : 0;
}

status report_find_file(const builder *b, const char *path, text *found, error *e)
{
    const char *name = b->request->name;
    size_t length = name && path[0] != '/' ? folder_length(name) : 0;
    if (length > 0 && !file_exists(path)) {
        text_addf(found, "%.*s%s", (int)length, name, path);
        if (file_exists(text_get(found)))
            return text_ok(found, e);
        text_clear(found);
    }
    text_add(found, path);
    return text_ok(found, e);
}

/* PATH without "./" and "//", from the root where ABSOLUTE. */
static void add_tidy(const char *path, bool absolute, text *out)
{
    char *here = absolute && *path != '/' ? getcwd(NULL, 0) : NULL;
    text_add(out, here ? here : "");
    free(here);
    text_add(out, absolute && *path != '/' ? "/" : "");
    for (const char *p = path; *p;) {
        size_t n = strcspn(p, "/");
        if (!(n == 1 && *p == '.') && n > 0)
            text_addf(out, "%.*s%s", (int)n, p, p[n] ? "/" : "");
        else if (p == path && *p == '/')
            text_add(out, "/");
        p += n + (p[n] == '/');
    }
}

/* PATH as one in the folder of the report finds it. */
static void add_path_from(const char *report, const char *path, text *out)
{
    text from = {0}, to = {0};
    const bool absolute = *report == '/' || *path == '/';
    add_tidy(report, absolute, &from);
    add_tidy(path, absolute, &to);
    const char *a = text_get(&from), *b = text_get(&to);
    size_t common = 0;
    for (size_t i = 0; a[i] && a[i] == b[i]; i++)
        if (a[i] == '/')
            common = i + 1;
    for (const char *p = strchr(a + common, '/'); p; p = strchr(p + 1, '/'))
        text_add(out, "../");
    text_add(out, b + common);
    out->failed = out->failed || from.failed || to.failed;
    text_clear(&from);
    text_clear(&to);
}

static const char *ending_of(const char *path)
{
    const char *dot = strrchr(path, '.');
    return dot && !strchr(dot, '/') ? dot : "";
}

/* The place of ENDING among those that the format takes, or -1. */
static int rank_of(const builder *b, const char *ending)
{
    const char *const *endings = b->request->format->figures;
    for (int i = 0; endings[i]; i++)
        if (strcmp(endings[i], ending) == 0)
            return i;
    return -1;
}

/* ---- putting ---- */

/* A name that TeX would read as something else cannot be written in a report. */
static status check_path(const builder *b, const char *path, error *e)
{
    if (b->request->format->embeds || !strpbrk(path, "\\{}%#~^$&\n\""))
        return E_OK;
    fail(e, E_USAGE, "'%.200s' has signs that a report cannot name a file with", path);
    return fail_hint(e, "letters, digits, '-', '_', '.' and '/' are safe");
}

static status put_block(builder *b, const char *path, const char *digest, void *bytes,
                        size_t length, int64_t run, const char *caption, error *e)
{
    text from = {0};
    spans words = {0};
    status s = caption ? report_prose(b, caption, &words, e) : E_OK;
    if (s == E_OK)
        s = check_path(b, path, e);
    if (s != E_OK) {
        memory_free(words.items);
        memory_free(bytes);
        return s;
    }
    add_path_from(b->request->path, path, &from);
    block *to = document_add(b->document, BLOCK_FIGURE);
    to->words = words;
    to->run = run;
    to->picture.path = document_keep(b->document, text_get(&from), false);
    to->picture.ending = document_keep(b->document, ending_of(path), false);
    to->picture.digest = document_keep(b->document, digest, false);
    to->picture.bytes = bytes;
    to->picture.length = length;
    b->document->failed = b->document->failed || from.failed;
    text_clear(&from);
    return document_ok(b->document, e);
}

status report_put_picture(builder *b, const char *path, const char *digest, int64_t run,
                          const char *caption, error *e)
{
    void *bytes = NULL;
    size_t length = 0;
    char is[17];
    TRY(file_read_regular(path, PICTURE_BYTES_MAX, &bytes, &length, e));
    ledger_hash(is, random_hash(bytes, (int64_t)length, HASH_START));
    if (digest && strcmp(is, digest) != 0) {
        memory_free(bytes);
        fail(e, E_FORMAT, "%s: not the file that run %lld drew", path, (long long)run);
        return fail_hint(e, "draw it again, then make the report");
    }
    if (!b->request->format->embeds) {
        memory_free(bytes);
        bytes = NULL;
        length = 0;
    }
    return put_block(b, path, is, bytes, length, run, caption, e);
}

/* ---- @figure ---- */

static const char *file_words(const table *files, int64_t row, const char *column)
{
    const cell *c = table_get(files, row, table_column(files, column));
    return c->kind == CELL_TEXT ? c->words : NULL;
}

/* Is FILE what WANTED means: the same, or the same but for its ending? */
static bool is_meant(const char *file, const char *wanted)
{
    const size_t stem = strlen(file) - strlen(ending_of(file));
    return strcmp(file, wanted) == 0 ||
           (strlen(wanted) == stem && strncmp(file, wanted, stem) == 0);
}

/* The row of FILES that WANTED means and that suits the format best, the last of equals;
   -1: none. */
static int64_t best_file(const builder *b, const table *files, const char *wanted)
{
    const size_t stem = strlen(wanted) - strlen(ending_of(wanted));
    int64_t best = -1;
    int rank = 0;
    for (int pass = 0; pass < 2 && best < 0; pass++)
        for (int64_t i = 0; i < files->row_count; i++) {
            const char *file = file_words(files, i, "file");
            const char *digest = file_words(files, i, "digest");
            if (!file || !digest)
                continue;
            bool meant = is_meant(file, wanted);
            /* Where WANTED itself does not suit, what was drawn beside it may. */
            if (pass == 1)
                meant = strlen(file) - strlen(ending_of(file)) == stem &&
                        strncmp(file, wanted, stem) == 0;
            int here = rank_of(b, ending_of(file));
            if (meant && here >= 0 && (best < 0 || here <= rank)) {
                best = i;
                rank = here;
            }
        }
    return best;
}

static int64_t run_of(const table *files, int64_t row)
{
    double run = 0;
    table_number(files, row, "run", &run);
    return (int64_t)run;
}

status report_figure(builder *b, const directive *d, error *e)
{
    static const char *const known[] = {"caption", NULL};
    TRY(directive_check(d, known, 1, e));
    if (d->word_count == 0)
        return fail(e, E_USAGE, "@figure wants a file");
    table *files = table_new(e);
    status s = files ? ledger_find_files(b->request->ledger, &b->request->scope, files, e)
                     : E_MEMORY;
    int64_t row = s == E_OK ? best_file(b, files, d->words[0]) : -1;
    if (s == E_OK && row < 0) {
        text endings = {0};
        for (const char *const *p = b->request->format->figures; *p; p++)
            text_addf(&endings, "%s%s", p == b->request->format->figures ? "" : ", ", *p);
        fail(e, E_NAME, "@figure: no run drew '%.200s' as %s", d->words[0],
             text_get(&endings));
        s = fail_hint(e, "'plot ... > FILE' does, with a database of runs");
        text_clear(&endings);
    }
    if (s == E_OK)
        s = report_put_picture(b, file_words(files, row, "file"),
                               file_words(files, row, "digest"), run_of(files, row),
                               directive_get(d, "caption"), e);
    table_free(files);
    return s;
}

status report_put_figures(builder *b, int64_t from, int64_t to, error *e)
{
    table *files = table_new(e);
    status s = files ? ledger_find_files(b->request->ledger, &b->request->scope, files, e)
                     : E_MEMORY;
    for (int64_t i = 0; s == E_OK && i < files->row_count; i++) {
        const int64_t run = run_of(files, i);
        const char *file = file_words(files, i, "file");
        error gone = {0};
        if (!text_equal(file_words(files, i, "command"), "plot") || run < from ||
            (to > 0 && run >= to) || !file_exists(file))
            continue;
        /* The same figure may have been drawn in several formats, or twice. */
        char *stem =
            memory_format(e, "%.*s", (int)(strlen(file) - strlen(ending_of(file))), file);
        if (!stem)
            s = E_MEMORY;
        else if (best_file(b, files, stem) == i) {
            s = report_put_picture(b, file, file_words(files, i, "digest"), run, NULL,
                                   &gone);
            if (s == E_OK)
                document_line(b->document,
                              &b->document->blocks[b->document->count - 1].words, run,
                              file_words(files, i, "line"));
            s = s == E_FORMAT ? E_OK : s; /* it was drawn over since */
            if (s != E_OK)
                *e = gone;
        }
        memory_free(stem);
    }
    table_free(files);
    return s;
}

/* ---- @plot ---- */

/* The words of the directive but for its caption, as `plot` takes them. */
static void add_plot_words(const directive *d, text *out)
{
    for (int64_t i = 0; i < d->word_count; i++)
        text_addf(out, "%s\"%s\"", i ? " " : "", d->words[i]);
    for (int64_t i = 0; i < d->key_count; i++)
        if (strcmp(d->keys[i], "caption") != 0)
            text_addf(out, " %s=\"%s\"", d->keys[i], d->values[i]);
}

/* Where the figure goes: beside the report, or into a file that is removed again. */
static char *plot_path(builder *b, error *e)
{
    const char *report = b->request->path, *ending = b->request->format->figures[0];
    if (b->request->format->embeds)
        return file_temporary(ending, e);
    return memory_format(e, "%.*s-figures/%lld%s",
                         (int)(strlen(report) - strlen(ending_of(report))), report,
                         (long long)++b->drawn, ending);
}

status report_plot(builder *b, const directive *d, error *e)
{
    const report_hooks *h = &b->request->hooks;
    text words = {0};
    if (!h->draw || d->word_count == 0)
        return fail(e, E_USAGE, "@plot wants what `plot` draws");
    char *path = plot_path(b, e);
    if (!path)
        return e->code;
    add_plot_words(d, &words);
    status s = text_ok(&words, e);
    if (s == E_OK)
        s = h->draw(h->context, text_get(&words), path, e);
    if (s == E_OK)
        s = report_put_picture(b, path, NULL, 0, directive_get(d, "caption"), e);
    if (b->request->format->embeds)
        remove(path);
    memory_free(path);
    text_clear(&words);
    return s;
}
