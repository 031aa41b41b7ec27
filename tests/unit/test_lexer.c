/* SPDX-License-Identifier: GPL-3.0-or-later
   test_lexer.c -- lines cut into commands and words, and words written so that they are
   read back.  It holds the answers itself. */
#include "support.h"

#include <stdio.h>
#include <string.h>
#include "base/memory.h"
#include "base/random.h"
#include "ui/lexer.h"

static session *with_variables(void)
{
    session *s = session_new(1, NULL);
    assert_non_null(s);
    assert_int_equal(session_let(s, "x", "0.9", NULL), E_OK);
    assert_int_equal(session_let(s, "two", "a b", NULL), E_OK);
    assert_int_equal(session_let(s, "sharp", "#;>\"", NULL), E_OK);
    assert_int_equal(session_let(s, "empty", "", NULL), E_OK);
    return s;
}

/* The words of every command of LINE: "a|b;c>FILE", or "error AT". */
static void cut(const char *line, const session *s, text *out)
{
    size_t at = 0;
    error e;
    do {
        sentence w;
        status result = lexer_next(line, &at, s, &w, &e);
        if (result != E_OK) {
            text_clear(out);
            text_addf(out, "error %zu", at);
            sentence_clear(&w);
            assert_true(e.text[0] != '\0');
            return;
        }
        text_add(out, out->length ? ";" : "");
        for (int64_t i = 0; i < w.count; i++)
            text_addf(out, "%s%s", i ? "|" : "", w.items[i].words);
        if (w.output)
            text_addf(out, ">%s", w.output);
        sentence_clear(&w);
    } while (line[at]);
}

static void words_are_cut(void **state)
{
    static const struct {
        const char *line, *words;
    } rows[] = {
        {"", ""},
        {"   ", ""},
        {"list", "list"},
        {"  train\tm   d ", "train|m|d"},
        {"a;b ; c", "a;b;c"},
        {"a;;b", "a;;b"},
        {"a # b; c", "a"},
        {"a#b c", "a#b|c"},
        {"# all of it", ""},
        {"save m \"my file.npz\"", "save|m|my file.npz"},
        {"save m 'it is $x; #'", "save|m|it is $x; #"},
        {"a\"b c\"d", "ab cd"},
        {"a \"\" b", "a||b"},
        {"a \"say \\\"hi\\\" \\\\ \\n\"", "a|say \"hi\" \\ \\n"},
        {"a my\\ file \\; \\# \\$x \\\"", "a|my file|;|#|$x|\""},
        {"t epochs=3 lr=$x", "t|epochs=3|lr=0.9"},
        {"t lr=${x}5 \"$x\"", "t|lr=0.95|0.9"},
        {"t $two", "t|a|b"},
        {"t \"$two\"", "t|a b"},
        {"t $two$two", "t|a|ba|b"},
        {"t $sharp", "t|#;>\""},
        {"t $empty x", "t|x"},
        {"t cost$ $", "t|cost$|$"},
        {"show m > t.csv", "show|m>t.csv"},
        {"show m>t.csv; b", "show|m>t.csv;b"},
        {"show m > \"my table.csv\"", "show|m>my table.csv"},
        {"show m > $two.csv", "show|m>a b.csv"},
        {"show > t.csv # why", "show>t.csv"},
        {"a\\\nb \\\n c", "ab|c"},
        {"x = 3", "x|=|3"},
        {"a \"open", "error 2"},
        {"a 'open", "error 2"},
        {"a $none", "error 2"},
        {"a ${x", "error 2"},
        {"a ${", "error 2"},
        {"a >", "error 3"},
        {"a > ; b", "error 4"},
        {"a > \"\"", "error 6"},
        {"a >> b", "error 2"},
        {"a > b > c", "error 6"},
        {"a > b c", "error 7"},
        {"> b", "error 3"},
    };
    (void)state;
    session *s = with_variables();
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        text out = {0};
        cut(rows[i].line, s, &out);
        if (strcmp(text_get(&out), rows[i].words) != 0)
            fail_msg("%s: %s, want %s", rows[i].line, text_get(&out), rows[i].words);
        text_clear(&out);
    }
    session_free(s);
}

static void places_are_kept(void **state)
{
    (void)state;
    const char *line = "train  m epochs=\"3 4\"=5 'a=b'";
    size_t at = 0;
    sentence w;
    assert_int_equal(lexer_next(line, &at, NULL, &w, NULL), E_OK);
    assert_int_equal(w.count, 4);
    assert_int_equal(w.items[1].begin, 7);
    assert_int_equal(w.items[1].end, 8);
    assert_int_equal(w.items[1].equals, LEXER_NONE);
    assert_int_equal(w.items[2].begin, 9);
    assert_int_equal(w.items[2].equals, 6);
    assert_string_equal(w.items[2].words, "epochs=3 4=5");
    assert_int_equal(w.items[3].equals, LEXER_NONE); /* its "=" is quoted */
    assert_int_equal(at, strlen(line));
    sentence_clear(&w);
    /* without a session, variables stay */
    at = 0;
    assert_int_equal(lexer_next("a $x ${y}", &at, NULL, &w, NULL), E_OK);
    assert_string_equal(w.items[1].words, "$x");
    assert_string_equal(w.items[2].words, "${y}");
    sentence_clear(&w);
}

static void lines_go_on(void **state)
{
    static const struct {
        const char *line;
        bool on;
    } rows[] = {{"", false},         {"a", false},       {"a \\", true},
                {"a \\\\", false},   {"a \\\\\\", true}, {"# a \\", false},
                {"a # b \\", false}, {"a#b \\", true},   {"a \"b \\", true},
                {"a 'b \\", false},  {"a 'b' \\", true}, {"a \"#\" \\", true},
                {"a; # \\", false},  {"\\", true}};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (lexer_continues(rows[i].line) != rows[i].on)
            fail_msg("%s: want %s", rows[i].line, rows[i].on ? "more" : "no more");
}

/* Any words at all are read back from what is written. */
static void words_are_read_back(void **state)
{
    static const char letters[] = "ab=\"'\\$#;> {}\t-,.é0";
    (void)state;
    random_stream r = random_new(7, "lexer", 0);
    for (int round = 0; round < 20000; round++) {
        char made[3][12];
        text line = {0};
        for (int i = 0; i < 3; i++) {
            int64_t length = random_below(&r, sizeof made[i]);
            for (int64_t k = 0; k < length; k++)
                made[i][k] = letters[random_below(&r, sizeof letters - 1)];
            made[i][length] = '\0';
            text_add(&line, i ? " " : "");
            lexer_quote(made[i], &line);
        }
        size_t at = 0;
        sentence w;
        assert_int_equal(lexer_next(text_get(&line), &at, NULL, &w, NULL), E_OK);
        assert_int_equal(w.count, 3);
        for (int i = 0; i < 3; i++) {
            assert_string_equal(w.items[i].words, made[i]);
            assert_int_equal(w.items[i].equals, LEXER_NONE);
        }
        text_clear(&line);
        sentence_clear(&w);
    }
}

static bool same_words(const sentence *a, const sentence *b)
{
    bool same = a->count == b->count;
    for (int64_t i = 0; same && i < a->count; i++)
        same = strcmp(a->items[i].words, b->items[i].words) == 0 &&
               a->items[i].equals == b->items[i].equals;
    return same;
}

/* Rubbish is cut or refused; what was cut can be written and cut again. */
static void rubbish_is_survived(void **state)
{
    static const char letters[] = "abx=\"'\\$#;>{}\n \t,.12";
    (void)state;
    session *s = with_variables();
    random_stream r = random_new(8, "lexer", 0);
    for (int round = 0; round < 50000; round++) {
        char line[24];
        int64_t length = random_below(&r, sizeof line);
        for (int64_t k = 0; k < length; k++)
            line[k] = letters[random_below(&r, sizeof letters - 1)];
        line[length] = '\0';
        for (size_t at = 0; line[at];) {
            size_t before = at, again = 0;
            sentence w, back;
            text written = {0};
            status result = lexer_next(line, &at, s, &w, NULL);
            assert_true(at <= strlen(line));
            if (result != E_OK) {
                sentence_clear(&w);
                break;
            }
            assert_true(at > before);
            sentence_write(&w, 0, &written);
            /* a line's end within quotes cannot be written in one line */
            assert_int_equal(lexer_next(text_get(&written), &again, NULL, &back, NULL),
                             E_OK);
            if (!same_words(&w, &back))
                fail_msg("%s: read back from %s as something else", line,
                         text_get(&written));
            text_clear(&written);
            sentence_clear(&w);
            sentence_clear(&back);
        }
    }
    session_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_are_cut),       cmocka_unit_test(places_are_kept),
        cmocka_unit_test(lines_go_on),         cmocka_unit_test(words_are_read_back),
        cmocka_unit_test(rubbish_is_survived),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
