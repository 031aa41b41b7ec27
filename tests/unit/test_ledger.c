/* SPDX-License-Identifier: GPL-3.0-or-later
   test_ledger.c -- receipts, read back by SQLite itself; writers at once, writers that are
   killed, files that are not ours; the grammar of conditions. */
#include "support.h"

#include <math.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/process.h"
#include "ledger/filter.h"
#include "ledger/ledger.h"
#include "ledger/runs.h"

enum { VALUES = 12 };

static char folder[64], path[96];

static int make_folder(void **state)
{
    (void)state;
    snprintf(folder, sizeof folder, "/tmp/lathe-ledger-XXXXXX");
    if (!mkdtemp(folder))
        return -1;
    snprintf(path, sizeof path, "%s/in/side/runs.db", folder);
    return 0;
}

static int remove_folder(void **state)
{
    (void)state;
    char line[128];
    snprintf(line, sizeof line, "rm -rf %s", folder);
    return system(line);
}

/* The number that SQL answers with in the file, asked without the ledger. */
static double ask(const char *sql)
{
    sqlite3 *handle = NULL;
    sqlite3_stmt *s = NULL;
    assert_int_equal(sqlite3_open(path, &handle), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(handle, sql, -1, &s, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(s), SQLITE_ROW);
    double answer = sqlite3_column_double(s, 0);
    sqlite3_finalize(s);
    sqlite3_close(handle);
    return answer;
}

static void write_sql(const char *sql)
{
    sqlite3 *handle = NULL;
    assert_int_equal(sqlite3_open(path, &handle), SQLITE_OK);
    assert_int_equal(sqlite3_exec(handle, sql, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(handle);
}

static ledger *open_it(void)
{
    error e = {0};
    ledger *l = ledger_open(path, &e);
    if (!l)
        print_error("%s\n", e.text);
    assert_non_null(l);
    return l;
}

/* An answer of VALUES columns, all of which are NUMBER. */
static table *make_answer(int64_t number)
{
    table *t = table_new(NULL);
    assert_non_null(t);
    table_row(t);
    for (int k = 0; k < VALUES; k++) {
        char name[24];
        snprintf(name, sizeof name, "value%d", k);
        table_integer(t, name, number);
    }
    return t;
}

static receipt plain_receipt(const table *rows)
{
    return (receipt){.session = "s",
                     .command = "eval",
                     .line = "eval m d",
                     .seed = 7,
                     .started = 1767225600.125,
                     .seconds = 0.5,
                     .status = "done",
                     .machine = "machine",
                     .level = "avx2",
                     .threads = 2,
                     .version = "1",
                     .rows = rows};
}

static void a_receipt_is_read_back(void **state)
{
    (void)state;
    ledger *l = open_it();
    const ledger_argument arguments[] = {{"amount", "0.5", true},
                                         {"kind", "weight", false}};
    const ledger_model models[] = {{"m", "model", 1, "mlp", 100, 90, -1, 10},
                                   {"m", "output", 2, "mlp", 100, 45, 400, 10}};
    const ledger_point points[] = {{"m", "loss", 1, 0.5}, {"m", "loss", 2, NAN}};
    table *t = table_new(NULL);
    table_row(t);
    table_text(t, "model", "m");
    table_text(t, "split", "val");
    table_real(t, "accuracy", 0.9);
    table_real(t, "accuracy_low", 0.8);
    table_real(t, "accuracy_high", 0.95);
    table_integer(t, "bytes", INT64_C(9007199254740993)); /* no double has it */
    table_flag(t, "met", true);
    receipt r = plain_receipt(t);
    r.arguments = arguments;
    r.argument_count = 2;
    r.models = models;
    r.model_count = 2;
    r.points = points;
    r.point_count = 2;
    r.warnings = "one\ntwo\n";
    int64_t id = 0;
    assert_int_equal(ledger_record(l, &r, &id, NULL), E_OK);
    assert_int_equal(id, 1);
    ledger_close(l);
    table_free(t);
    assert_true(
        ask("SELECT started = '2026-01-01T00:00:00.125Z' AND seed = 7 AND threads = 2"
            " FROM run") == 1);
    assert_true(ask("SELECT count(*) FROM value") == 5); /* ends of intervals are none */
    assert_true(ask("SELECT number = 0.9 AND low = 0.8 AND high = 0.95 AND split = 'val'"
                    " FROM value WHERE key = 'accuracy'") == 1);
    assert_true(ask("SELECT number = 9007199254740993 FROM value WHERE key = 'bytes'") ==
                1);
    assert_true(ask("SELECT number = 1 AND words = 'yes' FROM value WHERE key = 'met'") ==
                1);
    assert_true(ask("SELECT number FROM argument WHERE key = 'amount' AND given") == 0.5);
    assert_true(ask("SELECT count(*) FROM point") == 1);
    assert_true(ask("SELECT count(*) FROM warning") == 2);
    assert_true(ask("SELECT nonzero FROM version JOIN model USING (hash)"
                    " WHERE role = 'output'") == 45);
}

static void a_run_is_begun_and_ended(void **state)
{
    (void)state;
    ledger *l = open_it();
    receipt r = plain_receipt(NULL);
    int64_t outer = 0, inner = 0;
    r.status = "running";
    assert_int_equal(ledger_record(l, &r, &outer, NULL), E_OK);
    r.parent = outer;
    r.status = "done";
    assert_int_equal(ledger_record(l, &r, &inner, NULL), E_OK);
    r.parent = 0;
    int64_t same = outer;
    assert_int_equal(ledger_record(l, &r, &same, NULL), E_OK);
    assert_int_equal(same, outer);
    ledger_close(l);
    assert_true(ask("SELECT count(*) FROM run WHERE status = 'done'") == 2);
    assert_true(ask("SELECT parent FROM run WHERE parent IS NOT NULL") == (double)outer);
}

/* ---- several writers ---- */

/* Writes COUNT receipts (0: for ever); in a process of its own, which ends here. */
static void write_receipts(int64_t first, int64_t count)
{
    ledger *l = ledger_open(path, NULL);
    for (int64_t i = 0; l && (count == 0 || i < count); i++) {
        table *t = make_answer(first + i);
        receipt r = plain_receipt(t);
        int64_t id = 0;
        if (ledger_record(l, &r, &id, NULL) != E_OK)
            _exit(2);
        table_free(t);
    }
    ledger_close(l);
    _exit(l ? 0 : 1);
}

/* Who comes first makes the file; nobody may take it for a stranger's meanwhile. */
static void many_open_a_new_file(void **state)
{
    enum { FILES = 100, OPENERS = 4 };
    int refused = 0;
    (void)state;
    for (int file = 0; file < FILES; file++) {
        snprintf(path, sizeof path, "%s/%d.db", folder, file);
        for (int k = 0; k < OPENERS; k++)
            if (fork() == 0)
                write_receipts(k, 1);
        for (int k = 0, code; k < OPENERS; k++)
            refused += wait(&code) < 0 || code != 0;
    }
    assert_int_equal(refused, 0);
}

static void two_write_at_once(void **state)
{
    (void)state;
    enum { WRITERS = 3, EACH = 40 };
    pid_t writers[WRITERS];
    for (int k = 0; k < WRITERS; k++) { /* the file itself is made by all of them, too */
        writers[k] = fork();
        if (writers[k] == 0)
            write_receipts(1000 * k, EACH);
        assert_true(writers[k] > 0);
    }
    for (int k = 0; k < WRITERS; k++) {
        int code;
        assert_int_equal(waitpid(writers[k], &code, 0), writers[k]);
        assert_int_equal(code, 0);
    }
    assert_true(ask("SELECT count(*) FROM run") == WRITERS * EACH);
    assert_true(ask("SELECT count(DISTINCT number) FROM value") == WRITERS * EACH);
    assert_true(ask("SELECT count(*) FROM value") == WRITERS * EACH * VALUES);
}

static void a_killed_writer_leaves_it_whole(void **state)
{
    (void)state;
    enum { KILLS = 20 };
    double before = 0;
    for (int k = 0; k < KILLS; k++) {
        pid_t writer = fork();
        if (writer == 0)
            write_receipts(0, 0);
        assert_true(writer > 0);
        /* The first are killed while they make the tables, later ones in their work. */
        nanosleep(&(struct timespec){.tv_nsec = 300000L + k * 1370000L}, NULL);
        assert_int_equal(kill(writer, SIGKILL), 0);
        assert_int_equal(waitpid(writer, NULL, 0), writer);
        ledger *l = open_it();
        error e = {0};
        assert_int_equal(ledger_check(l, &e), E_OK);
        ledger_close(l);
        assert_true(
            ask("SELECT count(*) FROM (SELECT r.id FROM run r LEFT JOIN value v ON"
                " v.run = r.id GROUP BY r.id HAVING count(*) <> 12 OR"
                " min(number) <> max(number))") == 0);
        double now = ask("SELECT count(*) FROM run");
        assert_true(now >= before);
        before = now;
    }
    assert_true(before > KILLS); /* they did write */
}

/* ---- files of others ---- */

static status open_status(error *e)
{
    ledger *l = ledger_open(path, e);
    ledger_close(l);
    return l ? E_OK : e->code;
}

static void write_bytes(const void *bytes, size_t length)
{
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(bytes, 1, length, f), length);
    assert_int_equal(fclose(f), 0);
}

static void files_of_others_are_refused(void **state)
{
    (void)state;
    error e = {0};
    snprintf(path, sizeof path, "%s/runs.db", folder);
    write_bytes("these are only words, but longer than a head of a database would be: "
                "0123456789 0123456789 0123456789 0123456789",
                110);
    assert_int_equal(open_status(&e), E_FORMAT);
    write_bytes("", 0); /* an empty file is a database without tables */
    assert_int_equal(open_status(&e), E_OK);
    unlink(path);
    write_sql("CREATE TABLE run (id)");
    assert_int_equal(open_status(&e), E_FORMAT);
    assert_non_null(strstr(e.text, "another program"));
    assert_true(ask("SELECT count(*) FROM sqlite_schema") ==
                1); /* nothing was made there */
    unlink(path);
    assert_int_equal(open_status(&e), E_OK);
    write_sql("PRAGMA user_version = 99");
    assert_int_equal(open_status(&e), E_FORMAT);
    assert_non_null(strstr(e.text, "later lathe"));
    write_sql("PRAGMA user_version = -3");
    assert_int_equal(open_status(&e), E_FORMAT);
    unlink(path);
    assert_int_equal(mkdir(path, 0700), 0);
    assert_int_equal(open_status(&e), E_FILE);
    rmdir(path);
    snprintf(path, sizeof path, "/proc/lathe/runs.db");
    assert_int_equal(open_status(&e), E_FILE);
}

static int64_t record_as(ledger *l, const char *state, const char *process)
{
    int64_t id = 0;
    receipt r = plain_receipt(NULL);
    r.status = state;
    r.process = process;
    assert_int_equal(ledger_record(l, &r, &id, NULL), E_OK);
    return id;
}

/* A child that has ended was killed, we ourselves and what nobody knows were not. */
static void runs_of_processes_that_are_gone_were_killed(void **state)
{
    (void)state;
    char own[PROCESS_NAME], other[PROCESS_NAME] = "";
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    const pid_t child = fork();
    if (child == 0) {
        char name[PROCESS_NAME] = "";
        process_name(name);
        _exit(write(ends[1], name, sizeof name) == (ssize_t)sizeof name ? 0 : 1);
    }
    assert_int_equal(read(ends[0], other, sizeof other), (int)sizeof other);
    assert_int_equal(waitpid(child, NULL, 0), child);
    close(ends[0]);
    close(ends[1]);
    process_name(own);
    assert_string_not_equal(own, other);
    assert_false(process_is_gone(own));
    assert_true(process_is_gone(other));
    assert_false(process_is_gone("") || process_is_gone(NULL));
    assert_true(process_is_gone("00000000-0-1-1")); /* another boot */
    ledger *l = open_it();
    record_as(l, "running", own);
    record_as(l, "running", other);
    record_as(l, "done", other);
    record_as(l, "running", "words");
    ledger_mark_killed(l);
    ledger_close(l);
    assert_true(ask("SELECT count(*) FROM run WHERE status = 'killed'") == 1);
    assert_true(ask("SELECT id FROM run WHERE status = 'killed'") == 2);
}

/* A file of the first version keeps its runs and gets the new tables. */
static void older_files_are_brought_up(void **state)
{
    (void)state;
    ledger *l = open_it();
    record_as(l, "done", NULL);
    record_as(l, "running", NULL);
    ledger_close(l);
    write_sql("DROP TABLE data; DROP TABLE dataset; DROP INDEX run_at_work;"
              "ALTER TABLE run DROP COLUMN process; PRAGMA user_version = 1");
    l = open_it();
    const ledger_data d = {.name = "d",
                           .role = "data",
                           .digest = 5,
                           .source = "gpe",
                           .samples = 6,
                           .train = 4,
                           .val = 1,
                           .test = 1};
    receipt r = plain_receipt(NULL);
    int64_t id = 0;
    r.data = &d;
    r.data_count = 1;
    assert_int_equal(ledger_record(l, &r, &id, NULL), E_OK);
    assert_int_equal(ledger_check(l, NULL), E_OK);
    ledger_close(l);
    assert_true(ask("SELECT count(*) FROM run") == 3);
    assert_true(ask("SELECT id FROM run WHERE status = 'killed'") == 2);
    assert_true(ask("SELECT train FROM dataset JOIN data USING (digest)"
                    " WHERE run = 3") == 4);
}

/* Tables that lost a column, triggers, damaged pages: errors, and nothing else. */
static void hostile_files_cost_nothing(void **state)
{
    (void)state;
    error e = {0};
    receipt r = plain_receipt(NULL);
    int64_t id = 0;
    ledger_close(open_it());
    write_sql(
        "CREATE TRIGGER t AFTER INSERT ON run BEGIN DELETE FROM run; END;"
        "CREATE TRIGGER u BEFORE INSERT ON run BEGIN SELECT RAISE(FAIL, 'no'); END");
    ledger *l = open_it();
    assert_int_equal(ledger_record(l, &r, &id, NULL), E_OK);
    ledger_close(l);
    assert_true(ask("SELECT count(*) FROM run") == 1);
    write_sql(
        "DROP TRIGGER t; DROP TRIGGER u; ALTER TABLE run RENAME COLUMN line TO lines");
    l = open_it();
    id = 0;
    assert_int_equal(ledger_record(l, &r, &id, &e), E_FORMAT);
    assert_int_equal(id, 0);
    ledger_close(l);
    write_sql("ALTER TABLE run RENAME COLUMN lines TO line");
    FILE *f = fopen(path, "r+b");
    assert_non_null(f);
    assert_int_equal(fseek(f, 4096, SEEK_SET), 0);
    for (int k = 0; k < 20000; k++)
        fputc(k * 37 % 251, f);
    assert_int_equal(fclose(f), 0);
    l = ledger_open(path, &e);
    if (l) {
        id = 0;
        assert_int_not_equal(ledger_record(l, &r, &id, &e), E_OK);
        assert_int_equal(ledger_check(l, &e), E_FORMAT);
    }
    ledger_close(l);
}

/* ---- questions ---- */

/* Runs 1 to 4: amounts 0.1 to 0.4, accuracies 0.95 to 0.80, bytes 4096 down to 1024. */
static ledger *make_study(void)
{
    ledger *l = open_it();
    for (int k = 1; k <= 4; k++) {
        char amount[16];
        snprintf(amount, sizeof amount, "0.%d", k);
        const ledger_argument arguments[] = {{"amount", amount, true}};
        table *t = table_new(NULL);
        table_row(t);
        table_text(t, "model", k == 4 ? "O'Neil \"x\"" : "m");
        table_real(t, "accuracy", 1 - 0.05 * k);
        table_integer(t, "bytes", 5120 - 1024 * k);
        table_flag(t, "met", k < 3);
        receipt r = plain_receipt(t);
        r.arguments = arguments;
        r.argument_count = 1;
        r.command = k == 4 ? "prune" : "eval";
        int64_t id = 0;
        assert_int_equal(ledger_record(l, &r, &id, NULL), E_OK);
        table_free(t);
    }
    return l;
}

static void conditions_find_runs(void **state)
{
    (void)state;
    static const struct {
        const char *where, *found; /* numbers of runs, in order */
    } rows[] = {
        {"accuracy > 0.88", "12"},
        {"accuracy>0.88 and bytes<4KiB", "2"},
        {"accuracy < 0.82 or amount = 0.1", "14"},
        {"not accuracy > 0.88", "34"},
        {"not (accuracy > 0.88 or command = prune)", "3"},
        {"met = yes", "12"},
        {"met = false and amount != 0.3", "4"},
        {"model ~ NEIL", "4"},
        {"model = \"O'Neil\"", ""},
        {"command <> 'prune' AND amount >= 0.2", "23"},
        {"a = 1 or run <= 2", "12"},
        {"missing > 1", ""},
        {"not missing > 1", ""}, /* what is not there is never true */
        {"status = done and started > '2025' and started < 2027-01-01", "1234"},
        {"model = ''' or 1=1 --'", NULL},
        {"amount > -1e3", "1234"},
        {"accuracy", NULL},
        {"", NULL},
        {"accuracy > ", NULL},
        {"(accuracy > 0.5", NULL},
        {"accuracy > 0.5)", NULL},
        {"accuracy > 0.5; DROP TABLE run", NULL},
        {"1 = 1", NULL},
        {"accuracy > (SELECT 1)", NULL},
        {"\"x\" = 1", NULL},
        {"model = 'open", NULL},
        {"bytes ~ 4", NULL},
        {"load_extension(x) = 1", NULL},
    };
    ledger *l = make_study();
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        error e = {0};
        char found[16] = "";
        table *t = table_new(NULL);
        const runs_query q = {.where = rows[i].where};
        status s = ledger_runs(l, &q, t, &e);
        for (int64_t k = 0; k < t->row_count; k++)
            snprintf(found + k, 2, "%d",
                     (int)table_get(t, k, table_column(t, "run"))->integer);
        if (!rows[i].found ? s == E_OK || e.text[0] == '\0'
                           : s != E_OK || strcmp(found, rows[i].found) != 0)
            fail_msg("%s: found '%s' %s", rows[i].where, found, e.text);
        table_free(t);
    }
    ledger_close(l);
    assert_true(ask("SELECT count(*) FROM run") == 4);
}

static void deep_and_long_conditions_are_refused(void **state)
{
    (void)state;
    char *words = malloc(10000);
    assert_non_null(words);
    memset(words, '(', 3000);
    words[3000] = '\0';
    filter f = {0};
    error e = {0};
    assert_int_equal(filter_read(&f, words, &e), E_RANGE);
    filter_clear(&f);
    memset(words, 'a', 9999);
    words[9999] = '\0';
    assert_int_equal(filter_read(&f, words, &e), E_RANGE);
    filter_clear(&f);
    words[0] = '\0';
    for (int k = 0; k < 300; k++)
        strcat(words, k ? " or a=1" : "a=1");
    assert_int_equal(filter_read(&f, words, &e), E_RANGE);
    filter_clear(&f);
    free(words);
}

static void sorted_and_bounded(void **state)
{
    (void)state;
    ledger *l = make_study();
    table *t = table_new(NULL);
    const char *const columns[] = {"accuracy", "amount", "amount"};
    runs_query q = {.sort = "bytes", .most = 2, .columns = columns, .column_count = 3};
    assert_int_equal(ledger_runs(l, &q, t, NULL), E_OK);
    assert_int_equal(t->row_count, 2);
    assert_int_equal(table_get(t, 0, table_column(t, "bytes"))->integer, 1024);
    assert_true(table_get(t, 1, table_column(t, "amount"))->real == 0.3);
    table_free(t);
    t = table_new(NULL);
    q = (runs_query){.sort = "accuracy", .descending = true, .last = 2};
    assert_int_equal(ledger_runs(l, &q, t, NULL), E_OK);
    assert_int_equal(table_get(t, 0, table_column(t, "run"))->integer, 3);
    assert_int_equal(t->row_count, 2);
    table_free(t);
    t = table_new(NULL);
    q = (runs_query){.sort = "x\" --"};
    assert_int_equal(ledger_runs(l, &q, t, NULL), E_NAME);
    error e = {0};
    assert_int_equal(ledger_show_run(l, 77, t, &e), E_NAME);
    table_free(t);
    t = table_new(NULL);
    q = (runs_query){0};
    assert_int_equal(ledger_export(l, &q, t, NULL), E_OK);
    assert_int_equal(t->row_count, 4);
    assert_true(table_get(t, 3, table_column(t, "argument.amount"))->real == 0.4);
    table_free(t);
    ledger_close(l);
}

int main(void)
{
#define ROW(test) cmocka_unit_test_setup_teardown(test, make_folder, remove_folder)
    const struct CMUnitTest tests[] = {
        ROW(a_receipt_is_read_back),
        ROW(a_run_is_begun_and_ended),
        ROW(two_write_at_once),
        ROW(many_open_a_new_file),
        ROW(a_killed_writer_leaves_it_whole),
        ROW(files_of_others_are_refused),
        ROW(hostile_files_cost_nothing),
        ROW(conditions_find_runs),
        ROW(deep_and_long_conditions_are_refused),
        ROW(sorted_and_bounded),
        ROW(runs_of_processes_that_are_gone_were_killed),
        ROW(older_files_are_brought_up),
    };
#undef ROW
    return cmocka_run_group_tests(tests, NULL, NULL);
}
