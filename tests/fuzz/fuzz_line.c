/* SPDX-License-Identifier: GPL-3.0-or-later
   fuzz_line.c -- any bytes as command lines: lexer, command table, options, completion,
   and the line written again.  Nothing is run.  It replays files, without any its own
   rubbish; with -DFUZZ_SEARCH there is no main, for a fuzzer that makes the lines. */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/memory.h"
#include "base/random.h"
#include "ui/command/parse.h"
#include "ui/complete.h"
#include "ui/lexer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static session *make_session(void)
{
    session *s = session_new(1, NULL);
    if (s) {
        session_let(s, "x", "a b;#\"'>", NULL);
        table *t = table_new(NULL);
        if (t)
            session_put_table(s, "sweep", t, NULL);
    }
    return s;
}

/* The options of one command; and the words, written, are the same words again. */
static void parse(sentence *w)
{
    error e = {0};
    int64_t blame;
    option_set set;
    text written = {0};
    const command *c = parse_command(w->items[0].words, true, &e);
    if (c) {
        if (parse_options(c, w, true, &set, &blame, &e) != E_OK)
            assert(e.text[0] && blame >= -1 && blame < w->count);
        option_set_clear(&set);
    }
    sentence_write(w, 0, &written);
    sentence again;
    size_t at = 0;
    status result = lexer_next(text_get(&written), &at, NULL, &again, &e);
    assert(result == E_OK && again.count == w->count);
    for (int64_t i = 0; i < w->count; i++)
        assert(strcmp(again.items[i].words, w->items[i].words) == 0);
    sentence_clear(&again);
    text_clear(&written);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    session *s = make_session();
    char *line = memory_format(NULL, "%.*s", (int)(size > 65536 ? 65536 : size),
                               (const char *)data);
    if (!s || !line)
        abort();
    for (size_t at = 0; line[at];) {
        sentence w;
        size_t before = at;
        status result = lexer_next(line, &at, s, &w, NULL);
        if (result == E_OK && w.count > 0)
            parse(&w);
        sentence_clear(&w);
        if (result != E_OK)
            break;
        assert(at > before);
    }
    completions found;
    size_t end = strlen(line);
    complete_line(s, line, complete_begin(line, end), end, &found, NULL);
    completions_clear(&found);
    lexer_continues(line);
    memory_free(line);
    session_free(s);
    return 0;
}

#ifndef FUZZ_SEARCH
static int replay(const char *path)
{
    static uint8_t bytes[65536];
    FILE *f = fopen(path, "rb");
    if (!f) {
        perror(path);
        return 1;
    }
    LLVMFuzzerTestOneInput(bytes, fread(bytes, 1, sizeof bytes, f));
    fclose(f);
    return 0;
}

/* Lines from pieces of the language, in any order. */
static void make_rubbish(void)
{
    static const char *const pieces[] = {
        "train ",      "model ", "sweep s ", "let ", "help ",   "plot ", "data d gpe ",
        "unet-phase ", "m ",     "d ",       "x=1 ", "epochs=", "a,b,c", "=",
        ";",           "#",      "\"",       "'",    "\\",      "$x",    "${x}",
        "$",           "${",     ">",        "> f ", "\n",      "\t",    "\xff",
        "é",           "0.5",    "50:500",   ":",    ",",       "-",     " ",
    };
    random_stream r = random_new(1, "fuzz", 0);
    for (int round = 0; round < 20000; round++) {
        char line[256] = "";
        for (int64_t k = random_below(&r, 14); k > 0; k--)
            strcat(line, pieces[random_below(&r, sizeof pieces / sizeof *pieces)]);
        LLVMFuzzerTestOneInput((const uint8_t *)line, strlen(line));
    }
}

int main(int argc, char **argv)
{
    int failed = 0;
    for (int i = 1; i < argc; i++)
        failed |= replay(argv[i]);
    if (argc == 1)
        make_rubbish();
    puts(argc == 1 ? "20000 lines of rubbish read" : "files replayed");
    return failed;
}
#endif
