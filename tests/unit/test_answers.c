/* SPDX-License-Identifier: GPL-3.0-or-later
   test_answers.c -- how soon the program answers in a terminal: the prompt after the
   start, and the screen after a key while a network trains.  Of several tries the best or
   the middle one counts, so that a busy machine does not decide. */
#include "support.h"

#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include "base/task.h"
#include "base/text.h"

#define LIMIT_SECONDS    0.05 /* nobody waits for that */
#define PATIENCE_SECONDS 60.0

enum { STARTS = 20, KEYS = 40, ROUNDS = 3 };

static char home[] = "/tmp/lathe-answers-XXXXXX";

typedef struct terminal {
    pid_t process;
    int master;
    text shown; /* since it was last forgotten */
} terminal;

/* The program with WORDS in a terminal of 100 x 30 cells and an empty home. */
static terminal start(const char *word)
{
    const char *path = getenv("LATHE");
    const struct winsize size = {.ws_row = 30, .ws_col = 100};
    terminal t = {0};
    t.process = forkpty(&t.master, NULL, NULL, &size);
    assert_true(t.process >= 0);
    if (t.process == 0) {
        path = path ? path : "./lathe";
        execl(path, path, "--db", "none", word, (char *)NULL);
        _exit(127);
    }
    return t;
}

/* Takes what comes until WORDS stand in it; false where they do not within SECONDS. */
static bool await(terminal *t, const char *words, double seconds)
{
    const double until = task_clock() + seconds;
    while (!strstr(text_get(&t->shown), words)) {
        char bytes[4096];
        struct pollfd in = {.fd = t->master, .events = POLLIN};
        const double left = until - task_clock();
        if (left <= 0 || poll(&in, 1, (int)(left * 1e3) + 1) < 0)
            return false;
        const ssize_t got = in.revents ? read(t->master, bytes, sizeof bytes) : 0;
        if (got < 0)
            return false;
        text_add_bytes(&t->shown, bytes, (size_t)got);
    }
    return true;
}

static void type(terminal *t, const char *words)
{
    text_clear(&t->shown);
    assert_int_equal(write(t->master, words, strlen(words)), (ssize_t)strlen(words));
}

static void end(terminal *t)
{
    int ended;
    kill(t->process, SIGKILL);
    waitpid(t->process, &ended, 0);
    close(t->master);
    text_clear(&t->shown);
}

static void the_prompt_is_there_at_once(void **state)
{
    (void)state;
    double best = PATIENCE_SECONDS;
    for (int i = 0; i < STARTS; i++) {
        const double began = task_clock();
        terminal t = start("-q");
        assert_true(await(&t, "lathe> ", PATIENCE_SECONDS));
        const double taken = task_clock() - began;
        best = taken < best ? taken : best;
        end(&t);
    }
    print_message("the prompt after %.1f ms at best\n", best * 1e3);
#if !defined(__SANITIZE_ADDRESS__) && defined(__OPTIMIZE__)
    assert_true(best < LIMIT_SECONDS);
#endif
}

static int compare(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* From a key to the page that it opens, the middle one of several. */
static double middle_of_keys(terminal *t)
{
    double taken[KEYS];
    for (int i = 0; i < KEYS; i++) {
        usleep(20000 + 7000 * (useconds_t)(i % 5)); /* at any place of a batch */
        const double began = task_clock();
        type(t, "?");
        assert_true(await(t, "keys in the pane", PATIENCE_SECONDS));
        taken[i] = task_clock() - began;
        type(t, "?"); /* and away */
        assert_true(await(t, "1 session", PATIENCE_SECONDS));
    }
    qsort(taken, KEYS, sizeof *taken, compare);
    print_message("a key: %.1f ms in the middle, %.1f at most\n", taken[KEYS / 2] * 1e3,
                  taken[KEYS - 1] * 1e3);
    return taken[KEYS / 2];
}

static void keys_answer_while_a_network_trains(void **state)
{
    (void)state;
    double best = PATIENCE_SECONDS;
    terminal t = start("--screen");
    assert_true(await(&t, "ready", PATIENCE_SECONDS));
    type(&t, ":data d gpe n=8 grid=32 starts=1 seed=1; split d; "
             "model m unet-phase levels=3 channels=8 size=32\r");
    assert_true(await(&t, "undoes: model m", PATIENCE_SECONDS));
    type(&t, ":train m d epochs=1000000 batch=4\r");
    assert_true(await(&t, "epoch ", PATIENCE_SECONDS));
    for (int i = 0; i < ROUNDS && best >= LIMIT_SECONDS; i++) {
        const double middle = middle_of_keys(&t);
        best = middle < best ? middle : best;
    }
    assert_true(best < LIMIT_SECONDS);
    end(&t);
}

static int make_home(void **state)
{
    (void)state;
    setenv("TERM", "xterm", 1);
    setenv("LC_ALL", "C.UTF-8", 1);
    unsetenv("XDG_STATE_HOME");
    return mkdtemp(home) ? setenv("HOME", home, 1) : -1;
}

static int remove_home(void **state)
{
    char words[64];
    (void)state;
    snprintf(words, sizeof words, "rm -rf '%s'", home);
    return system(words) == 0 ? 0 : -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_prompt_is_there_at_once),
        cmocka_unit_test(keys_answer_while_a_network_trains),
    };
    return cmocka_run_group_tests(tests, make_home, remove_home);
}
