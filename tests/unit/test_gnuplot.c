/* SPDX-License-Identifier: GPL-3.0-or-later
   test_gnuplot.c -- a program called gnuplot that hangs, dies, babbles or is missing:
   what the caller gets, and that no process is left. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include "support.h"
#include "base/memory.h"
#include "plots/gnuplot.h"

static char folder[] = "/tmp/lathe-gnuplot-XXXXXX";

static int set_up(void **state)
{
    (void)state;
    assert_non_null(mkdtemp(folder));
    assert_int_equal(chdir(folder), 0);
    return mkdir("fake", 0700);
}

static int tear_down(void **state)
{
    (void)state;
    unlink("fake/gnuplot");
    rmdir("fake");
    return chdir("/") == 0 ? rmdir(folder) : -1;
}

/* A program called gnuplot that does as BODY says, found first. */
static char *fake_gnuplot(const char *body)
{
    char *old = memory_text(getenv("PATH"), NULL);
    FILE *f = fopen("fake/gnuplot", "w");
    assert_non_null(f);
    fprintf(f, "#!/bin/sh\n%s\n", body);
    fclose(f);
    chmod("fake/gnuplot", 0700);
    char *path = memory_format(NULL, "%s/fake:%s", folder, old);
    setenv("PATH", path, 1);
    memory_free(path);
    return old;
}

static void restore_path(char *old)
{
    setenv("PATH", old, 1);
    memory_free(old);
}

static void check_run(const char *body, double seconds, const task *watch, status wanted,
                      const char *words)
{
    error e = {0};
    text out = {0};
    char *old = fake_gnuplot(body);
    double start = task_clock();
    assert_int_equal(gnuplot_run(folder, "x.gp", seconds, watch, &out, &e), wanted);
    assert_true(task_clock() - start < 5);
    if (!strstr(e.text, words))
        fail_msg("'%s' lacks '%s'", e.text, words);
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1); /* no child is left */
    restore_path(old);
    text_clear(&out);
}

static void test_child(void **state)
{
    (void)state;
    volatile sig_atomic_t stop = 1;
    task watch = {.cancel = &stop};
    check_run("exec sleep 30", 0.2, NULL, E_FILE, "not done after 0.2 s");
    check_run("sleep 30 & exec sleep 30", 0.2, NULL, E_FILE, "not done");
    check_run("exec >&- 2>&-; sleep 30", 0.2, NULL, E_FILE, "not done");
    check_run("exec sleep 30", 30, &watch, E_STOPPED, "stopped");
    check_run("kill -SEGV $$", 5, NULL, E_FILE, "ended by signal 11");
    check_run("exit 3", 5, NULL, E_FILE, "status 3");
    check_run("echo '\"x.gp\" line 3: oh no' >&2; exit 1", 5, NULL, E_FILE,
              "gnuplot: line 3: oh no");
    check_run("printf 'bad \\033[31m\\n' >&2; exit 1", 5, NULL, E_FILE, "bad  [31m");
    check_run("head -c 2000000 /dev/zero; exit 0", 5, NULL, E_OK, "");
    check_run("head -c 100000 /dev/zero >&2; exit 1", 5, NULL, E_FILE,
              "wrote over 0 MiB");
}

/* What the child sees is the same for everybody. */
static void test_environment(void **state)
{
    (void)state;
    error e = {0};
    text out = {0};
    setenv("LC_NUMERIC", "de_DE.UTF-8", 1);
    unsetenv("SOURCE_DATE_EPOCH");
    char *old =
        fake_gnuplot("echo $LC_ALL $LC_NUMERIC $TZ $SOURCE_DATE_EPOCH $1 $2; pwd");
    assert_int_equal(gnuplot_run(folder, "x.gp", 5, NULL, &out, &e), E_OK);
    restore_path(old);
    unsetenv("LC_NUMERIC");
    char *wanted = memory_format(NULL, "C UTC0 0 -d x.gp\n%s\n", folder);
    assert_string_equal(text_get(&out), wanted);
    memory_free(wanted);
    text_clear(&out);
}

static void test_find(void **state)
{
    (void)state;
    error e = {0};
    char *old = fake_gnuplot("exit 0");
    char *path = gnuplot_find(&e),
         *wanted = memory_format(NULL, "%s/fake/gnuplot", folder);
    assert_string_equal(path, wanted);
    memory_free(path);
    memory_free(wanted);
    setenv("PATH", "/nonexistent:fake:.::./fake", 1); /* relative folders do not count */
    assert_null(gnuplot_find(&e));
    assert_int_equal(e.code, E_FILE);
    assert_int_equal(gnuplot_run(folder, "x.gp", 5, NULL, &(text){0}, &e), E_FILE);
    restore_path(old);
}

static void test_epoch(void **state)
{
    (void)state;
    static const struct {
        const char *words;
        int64_t epoch;
    } rows[] = {{"1000000000", 1000000000}, {"-5", 0}, {"soon", 0}, {"", 0}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        setenv("SOURCE_DATE_EPOCH", rows[i].words, 1);
        assert_int_equal(gnuplot_epoch(), rows[i].epoch);
    }
    unsetenv("SOURCE_DATE_EPOCH");
    assert_int_equal(gnuplot_epoch(), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_child),
        cmocka_unit_test(test_environment),
        cmocka_unit_test(test_find),
        cmocka_unit_test(test_epoch),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
