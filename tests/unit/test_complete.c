/* SPDX-License-Identifier: GPL-3.0-or-later
   test_complete.c -- what Tab offers in every place of a line, and the help pages: no
   line wider than the terminal, every command there. */
#include "support.h"

#include <locale.h>
#include <string.h>
#include "base/memory.h"
#include "ui/complete.h"
#include "ui/manual.h"

static session *make_session(void)
{
    session *s = session_new(1, NULL);
    static const char *const names[] = {"sweep-a", "sweep-b", "other"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        table *t = table_new(NULL);
        table_row(t);
        assert_int_equal(session_put_table(s, names[i], t, NULL), E_OK);
    }
    session_let(s, "amounts", "0.5,0.7", NULL);
    session_let(s, "all", "1", NULL);
    return s;
}

/* The words offered at the end of LINE, with blanks between; "FILES" for those. */
static void offered(const session *s, const char *line, text *out)
{
    completions found;
    size_t end = strlen(line);
    assert_int_equal(complete_line(s, line, complete_begin(line, end), end, &found, NULL),
                     E_OK);
    for (int64_t i = 0; i < found.count; i++)
        text_addf(out, "%s%s", i ? " " : "", found.words[i]);
    if (found.files)
        text_add(out, out->length ? " FILES" : "FILES");
    completions_clear(&found);
}

static void words_are_offered(void **state)
{
    static const struct {
        const char *line, *words;
    } rows[] = {
        {"tr", "train"},
        {"  tr", "train"},
        {"list; tr", "train"},
        {"list;tr", "train"},
        {"zz", ""},
        {"zz a", ""},
        {"list ", "all models datasets tables architectures criteria observers corrections"},
        {"list m", "models"},
        {"list kind=t", "tables"},
        {"prune m kind=", "weight channel 4x1 1x4 2:4 1:4"},
        {"prune m kind=2:", "2:4"},
        {"goal m d budget=", "10m"},
        {"li m", "models"}, /* an abbreviation is understood */
        {"show ", "other sweep-a sweep-b"},
        {"show sw", "sweep-a sweep-b"},
        {"show sweep-a,s", "sweep-a sweep-b"},
        {"show other sweep-a ste", "steps="},
        {"show other steps=yes ste", ""}, /* it is given */
        {"show other steps=", "yes no"},
        {"show other steps=y", "yes"},
        {"model m unet-p", "unet-phase"},
        {"model m unet-phase lev", "levels="},
        {"model m architecture=u",
         "unet-phase unet-sid unet-light unet-lighter unet-fire"},
        {"data d npz ", "FILES"},
        {"data d npz some", "FILES"},
        {"data d gpe n=3 gr", "grid="},
        {"load m ", "FILES"},
        {"list > ", "FILES"},
        {"list >", "FILES"},
        {"list > some", "FILES"},
        {"load m \"my fi", "FILES"},
        {"train m d epochs=", "10"},
        {"train m d epochs=1", ""},
        {"train m d optimizer=ad", "adam adamw adadelta"},
        {"train m d nonsense=", ""},
        {"sweep s ", "FILES?"},
        {"sweep s prune m sco", "scope="},
        {"sweep s prune m scope=", "global layer"},
        {"help und", "undo"},
        {"help set ti", "timer"},
        {"help data g", "gpe"},
        {"let x", ""},
        {"let y = $a", "$amounts $all"},
        {"show $am", "$amounts"},
    };
    (void)state;
    session *s = make_session();
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        text out = {0};
        offered(s, rows[i].line, &out);
        if (strcmp(rows[i].words, "FILES?") == 0)
            assert_non_null(strstr(text_get(&out), "prune")); /* every command */
        else if (strcmp(text_get(&out), rows[i].words) != 0)
            fail_msg("%s: '%s', want '%s'", rows[i].line, text_get(&out), rows[i].words);
        text_clear(&out);
    }
    session_free(s);
}

static void assert_fits(const text *page, int columns)
{
    char *words = memory_text(text_get(page), NULL);
    for (char *line = strtok(words, "\n"); line; line = strtok(NULL, "\n"))
        if (text_columns(line) > columns && strchr(line + 2, ' ') &&
            !strstr(line, "Usage: "))
            fail_msg("wider than %d: %s", columns, line);
    memory_free(words);
}

static void pages_are_whole(void **state)
{
    (void)state;
    text overview = {0};
    manual_overview(80, &overview);
    assert_fits(&overview, 80);
    for (int i = 0; command_at(i); i++) {
        const command *c = command_at(i);
        text page = {0};
        error e = {0};
        assert_non_null(strstr(text_get(&overview), c->summary));
        assert_int_equal(manual_page(c, NULL, 60, &page, &e), E_OK);
        assert_fits(&page, 60);
        assert_non_null(strstr(text_get(&page), "\nExample: "));
        assert_non_null(strstr(text_get(&page), "\nUsage: "));
        for (const option *row = c->options; row && row->name; row++)
            assert_non_null(strstr(text_get(&page), row->name));
        text_clear(&page);
        for (int k = 0; c->more_word && c->more_word(k); k++) {
            assert_int_equal(manual_page(c, c->more_word(k), 60, &page, &e), E_OK);
            assert_fits(&page, 60);
            text_clear(&page);
        }
        assert_int_equal(manual_page(c, "nonsense", 60, &page, &e), E_NAME);
        assert_true(e.text[0] != '\0');
        text_clear(&page);
    }
    text_clear(&overview);
}

static void words_are_found(void **state)
{
    (void)state;
    text out = {0};
    error e = {0};
    assert_true(manual_search("seed", 80, &out));
    assert_non_null(strstr(text_get(&out), "train "));
    assert_non_null(strstr(text_get(&out), "seed="));
    text_clear(&out);
    assert_true(manual_search("SEED", 80, &out));
    text_clear(&out);
    assert_false(manual_search("no such words", 80, &out));
    assert_string_equal(text_get(&out), "");
    assert_int_equal(manual_page(command_find("train"), "lr", 80, &out, &e), E_OK);
    assert_true(text_starts(text_get(&out), "  lr="));
    text_clear(&out);
    assert_int_equal(manual_page(command_find("data"), "grid", 80, &out, &e), E_OK);
    assert_true(text_starts(text_get(&out), "With gpe:\n  grid="));
    text_clear(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_are_offered),
        cmocka_unit_test(pages_are_whole),
        cmocka_unit_test(words_are_found),
    };
    setlocale(LC_CTYPE, "C.UTF-8");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
