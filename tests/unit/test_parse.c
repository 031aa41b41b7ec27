/* SPDX-License-Identifier: GPL-3.0-or-later
   test_parse.c -- words to commands and options: every kind of option, arguments with and
   without keys, abbreviations, and what is said of mistakes.  The commands are its own,
   so that it stays as the program's change; the table of the program is only checked. */
#include "support.h"

#include <stdio.h>
#include <string.h>
#include "base/memory.h"
#include "base/random.h"
#include "ui/command/parse.h"
#include "ui/manual.h"

static const option basic_options[] = {
    {"model", OPTION_MODEL, NULL, NULL, NULL, "a model"},
    {"data", OPTION_DATASET, NULL, NULL, NULL, "a dataset"},
    {"epochs", OPTION_INTEGER, "1..", "10", NULL, "how many"},
    {"rate", OPTION_REAL, "0..1", "0.1", NULL, "a share"},
    {"nesterov", OPTION_FLAG, NULL, "no", NULL, "yes or no"},
    {"scope", OPTION_WORD, "global|layer", "global", NULL, "a choice"},
    {"title", OPTION_TEXT, NULL, NULL, NULL, "any text"},
    {"amounts", OPTION_REALS, "0..1", NULL, NULL, "shares"},
    {"sizes", OPTION_INTEGERS, "1..", NULL, NULL, "counts"},
    {"keep", OPTION_WORDS, "first|last", NULL, NULL, "choices"},
    {"g", OPTION_SPAN, NULL, "50:500", NULL, "a span"},
    {"table", OPTION_TABLE, NULL, NULL, NULL, "a table"},
    {"as", OPTION_NAME, NULL, NULL, NULL, "a name"},
    {"file", OPTION_FILE, NULL, NULL, NULL, "a file"},
    {0},
};

static const command basic = {
    .name = "basic", .options = basic_options, .arguments = 2, .required = 1};

static const option list_options[] = {
    {"models", OPTION_WORDS, NULL, NULL, NULL, "models"},
    {"data", OPTION_DATASET, NULL, NULL, NULL, "a dataset"},
    {"split", OPTION_WORD, "train|test", "test", NULL, "a split"},
    {0},
};

static const command listing = {
    .name = "listing", .options = list_options, .arguments = 2, .required = 2};

static const option kind_options[] = {
    {"kind", OPTION_TEXT, NULL, NULL, NULL, "what kind"},
    {"width", OPTION_INTEGER, "1..", NULL, NULL, "of all kinds"},
    {0},
};

static const option curve_options[] = {
    {"tables", OPTION_WORDS, NULL, NULL, NULL, "tables"},
    {"log", OPTION_FLAG, NULL, NULL, NULL, "of curves alone"},
    {0},
};

static const option phase_options[] = {
    {"data", OPTION_DATASET, NULL, NULL, NULL, "a dataset"},
    {"model", OPTION_MODEL, NULL, NULL, NULL, "a model"},
    {0},
};

static bool more(const char *word, extra *out, error *e)
{
    if (strcmp(word, "curve") == 0)
        *out = (extra){.options = curve_options, .arguments = 1, .required = 1};
    else if (strcmp(word, "phase") == 0)
        *out = (extra){.options = phase_options, .arguments = 2, .required = 1};
    else
        fail(e, E_NAME, "no kind '%s'", word);
    return out->options != NULL;
}

static const command figure = {.name = "figure",
                               .options = kind_options,
                               .arguments = 1,
                               .required = 1,
                               .more = more,
                               .more_argument = 0};

static const option rest_options[] = {
    {"name", OPTION_NAME, NULL, NULL, NULL, "a name"},
    {"command", OPTION_TEXT, NULL, NULL, NULL, "the rest"},
    {0},
};

static const command rest = {.name = "rest",
                             .options = rest_options,
                             .arguments = 2,
                             .required = 2,
                             .flags = COMMAND_REST};

static status parse(const command *c, const char *line, bool abbreviate, option_set *set,
                    int64_t *blame, error *e)
{
    sentence w;
    size_t at = 0;
    assert_int_equal(lexer_next(line, &at, NULL, &w, e), E_OK);
    status result = parse_options(c, &w, abbreviate, set, blame, e);
    sentence_clear(&w);
    return result;
}

/* "key=words" of everything that was written. */
static void given(const option_set *set, text *out)
{
    for (int64_t i = 0; i < set->count; i++)
        if (set->values[i].given)
            text_addf(out, "%s%s=%s", out->length ? " " : "", set->values[i].row->name,
                      set->values[i].words);
}

static void options_are_read(void **state)
{
    static const struct {
        const command *c;
        const char *line, *given;
    } rows[] = {
        {&basic, "basic m", "model=m"},
        {&basic, "basic m d", "model=m data=d"},
        {&basic, "basic data=d m", "model=m data=d"},
        {&basic, "basic model=m d", "model=m data=d"},
        {&basic, "basic d model=m epochs=3", "model=m data=d epochs=3"},
        {&basic, "basic m rate=1e-3 nesterov=yes scope=layer",
         "model=m rate=1e-3 nesterov=yes scope=layer"},
        {&basic, "basic m title=\"a b = c\"", "model=m title=a b = c"},
        {&basic, "basic m amounts=0.5,.7 sizes=1,2 keep=first,last g=1:2",
         "model=m amounts=0.5,.7 sizes=1,2 keep=first,last g=1:2"},
        {&basic, "basic m table=s as=n file=a/b=c.npz",
         "model=m table=s as=n file=a/b=c.npz"},
        {&listing, "listing m1 m2 d", "models=m1,m2 data=d"},
        {&listing, "listing m1 d", "models=m1 data=d"},
        {&listing, "listing m1,m2 d split=train", "models=m1,m2 data=d split=train"},
        {&listing, "listing m1 m2 m3 data=d", "models=m1,m2,m3 data=d"},
        {&listing, "listing models=m1 d", "models=m1 data=d"},
        {&figure, "figure curve a b width=3 log=yes",
         "kind=curve width=3 tables=a,b log=yes"},
        {&figure, "figure width=3 phase d", "kind=phase width=3 data=d"},
        {&figure, "figure kind=phase d m", "kind=phase data=d model=m"},
        {&rest, "rest s prune m amount=.5,.9", "name=s command=prune m amount=.5,.9"},
        {&rest, "rest s run \"a b\" x=\"c d\"", "name=s command=run \"a b\" x=\"c d\""},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        option_set set;
        text out = {0};
        int64_t blame;
        error e = {0};
        if (parse(rows[i].c, rows[i].line, false, &set, &blame, &e) != E_OK)
            fail_msg("%s: %s", rows[i].line, e.text);
        given(&set, &out);
        assert_string_equal(text_get(&out), rows[i].given);
        text_clear(&out);
        option_set_clear(&set);
    }
}

static void mistakes_are_named(void **state)
{
    static const struct {
        const command *c;
        const char *line;
        status code;
        int64_t blame;
        const char *said; /* in the sentence or the hint */
    } rows[] = {
        {&basic, "basic", E_USAGE, -1, "model is missing"},
        {&basic, "basic m d x", E_USAGE, 3, "'x'"},
        {&basic, "basic m d epochs 5", E_USAGE, 3, "epochs=VALUE"},
        {&basic, "basic m d = 5", E_USAGE, 3, "key=value"},
        {&basic, "basic m epoch=5", E_NAME, 2, "did you mean 'epochs'?"},
        {&basic, "basic m epohcs=5", E_NAME, 2, "did you mean 'epochs'?"},
        {&basic, "basic m epochs=0", E_RANGE, 2, "1.."},
        {&basic, "basic m epochs=1.5", E_USAGE, 2, "whole number"},
        {&basic, "basic m epochs=", E_USAGE, 2, "whole number"},
        {&basic, "basic m rate=2", E_RANGE, 2, "0..1"},
        {&basic, "basic m rate=nan", E_USAGE, 2, "number"},
        {&basic, "basic m nesterov=maybe", E_USAGE, 2, "yes"},
        {&basic, "basic m scope=layr", E_USAGE, 2, "did you mean 'layer'?"},
        {&basic, "basic m amounts=0.5,2", E_RANGE, 2, "0..1"},
        {&basic, "basic m amounts=0.5,,1", E_USAGE, 2, "empty"},
        {&basic, "basic m g=5:1", E_RANGE, 2, "low end"},
        {&basic, "basic m as=3x", E_USAGE, 2, "name"},
        {&basic, "basic m epochs=3 epochs=4", E_USAGE, 3, "twice"},
        {&basic, "basic m ep=3", E_NAME, 2, "no option 'ep'"},
        {&listing, "listing", E_USAGE, -1, "models is missing"},
        {&listing, "listing m", E_USAGE, -1, "models is missing"},
        {&figure, "figure", E_USAGE, -1, "kind is missing"},
        {&figure, "figure pie", E_NAME, 1, "no kind 'pie'"},
        {&figure, "figure curve", E_USAGE, -1, "tables is missing"},
        {&figure, "figure phase d log=yes", E_NAME, 3, "no option 'log'"},
        {&rest, "rest s", E_USAGE, -1, "command is missing"},
        {&rest, "rest 3 list", E_USAGE, 1, "name"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        option_set set;
        int64_t blame = -2;
        error e = {0};
        status code = parse(rows[i].c, rows[i].line, false, &set, &blame, &e);
        if (code != rows[i].code || blame != rows[i].blame ||
            (!strstr(e.text, rows[i].said) && !strstr(e.hint, rows[i].said)))
            fail_msg("%s: %d, word %d: %s; %s", rows[i].line, code, (int)blame, e.text,
                     e.hint);
        option_set_clear(&set);
    }
}

static void keys_are_completed(void **state)
{
    (void)state;
    option_set set;
    int64_t blame;
    size_t at = 0;
    sentence w;
    text written = {0};
    error e = {0};
    assert_int_equal(lexer_next("basic m ep=3 ne=yes", &at, NULL, &w, NULL), E_OK);
    assert_int_equal(parse_options(&basic, &w, true, &set, &blame, &e), E_OK);
    assert_int_equal(option_integer(&set, "epochs"), 3);
    assert_true(option_flag(&set, "nesterov"));
    sentence_write(&w, 0, &written); /* what a journal gets is whole */
    assert_string_equal(text_get(&written), "basic m epochs=3 nesterov=yes");
    text_clear(&written);
    sentence_clear(&w);
    option_set_clear(&set);
    /* "t" begins title and table */
    assert_int_equal(parse(&basic, "basic m t=3", true, &set, &blame, &e), E_NAME);
    assert_non_null(strstr(e.text, "title or table"));
    assert_int_equal(blame, 2);
    option_set_clear(&set);
    /* a whole key is no abbreviation of a longer one */
    assert_int_equal(parse(&basic, "basic m g=3:4", true, &set, &blame, &e), E_OK);
    option_set_clear(&set);
}

static void commands_are_found(void **state)
{
    (void)state;
    error e = {0};
    assert_ptr_equal(parse_command("train", false, &e), command_find("train"));
    assert_null(parse_command("trai", false, &e));
    assert_string_equal(e.hint, "did you mean 'train'?");
    assert_null(parse_command("tarin", false, &e));
    assert_string_equal(e.hint, "did you mean 'train'?");
    assert_ptr_equal(parse_command("tr", true, &e), command_find("train"));
    assert_ptr_equal(parse_command("?", true, &e), command_find("help"));
    assert_null(parse_command("re", true, &e));
    assert_non_null(strstr(e.text, "redo, rename or report"));
    assert_null(parse_command("", true, &e));
    assert_null(parse_command("zzzzzz", true, &e));
    assert_int_equal(e.code, E_NAME);
}

static void check_options(const command *c, const option *rows, int arguments,
                          int required)
{
    int count = 0;
    for (; rows && rows[count].name; count++) {
        const option *row = &rows[count];
        if (!row->help || row->help[0] == '\0' || row->help[strlen(row->help) - 1] == '.')
            fail_msg("%s %s: help is one line without a full stop", c->name, row->name);
    }
    assert_in_range(arguments, 0, count);
    assert_in_range(required, 0, arguments);
}

/* Everything that the manual and completion read is there. */
static void table_is_sound(void **state)
{
    (void)state;
    for (int i = 0; command_at(i); i++) {
        const command *c = command_at(i), *next = command_at(i + 1);
        bool known = false;
        if (next && strcmp(c->name, next->name) >= 0)
            fail_msg("%s stands before %s", c->name, next->name);
        for (int g = 0; manual_group(g); g++)
            known = known || strcmp(c->group, manual_group(g)) == 0;
        if (!known || !c->summary || !c->example || !c->run || !c->more != !c->more_word)
            fail_msg("%s: its row is not whole", c->name);
        check_options(c, c->options, c->arguments, c->required);
        option_set set;
        assert_int_equal(option_set_init(&set, c->options, NULL, NULL), E_OK);
        option_set_clear(&set);
        for (int k = 0; c->more_word && c->more_word(k); k++) {
            extra x = {0};
            assert_true(c->more(c->more_word(k), &x, NULL));
            check_options(c, x.options, x.arguments, x.required);
            for (const option *row = x.options; row && row->name; row++)
                if (option_find(c->options, row->name))
                    fail_msg("%s %s: %s is there twice", c->name, c->more_word(k),
                             row->name);
            assert_int_equal(option_set_init(&set, c->options, x.options, NULL), E_OK);
            option_set_clear(&set);
        }
        size_t at = 0;
        sentence w;
        assert_int_equal(lexer_next(c->example, &at, NULL, &w, NULL), E_OK);
        assert_string_equal(w.items[0].words, c->name);
        sentence_clear(&w);
    }
}

/* Any words at all end in options or in a sentence. */
static void rubbish_is_survived(void **state)
{
    static const char *const pieces[] = {
        "m",        "d",       "=",       "epochs",      "epochs=",
        "rate=0.1", "g=1:",    "g=:",     "amounts=,",   "keep=x",
        "curve",    "phase",   "kind=",   "tables=a,,b", "\"\"",
        "a=b=c",    "=x",      "1e999",   "-5",          "sizes=9999999999999999999999",
        "model=m",  "models=", "width=2", "command=x",   "'",
    };
    static const command *const commands[] = {&basic, &listing, &figure, &rest};
    (void)state;
    random_stream r = random_new(9, "parse", 0);
    for (int round = 0; round < 30000; round++) {
        text line = {0};
        text_add(&line, "c");
        for (int64_t k = random_below(&r, 8); k > 0; k--)
            text_addf(&line, " %s",
                      pieces[random_below(&r, sizeof pieces / sizeof *pieces)]);
        size_t at = 0;
        sentence w;
        if (lexer_next(text_get(&line), &at, NULL, &w, NULL) == E_OK) {
            option_set set;
            int64_t blame = -2, words = w.count;
            error e = {0};
            status code =
                parse_options(commands[round % 4], &w, round & 4, &set, &blame, &e);
            assert_true((code == E_OK) == (e.text[0] == '\0'));
            assert_in_range(blame + 1, 0, words);
            option_set_clear(&set);
        }
        sentence_clear(&w);
        text_clear(&line);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(options_are_read),   cmocka_unit_test(mistakes_are_named),
        cmocka_unit_test(keys_are_completed), cmocka_unit_test(commands_are_found),
        cmocka_unit_test(table_is_sound),     cmocka_unit_test(rubbish_is_survived),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
