/* SPDX-License-Identifier: GPL-3.0-or-later
   test_file.c -- files that are replaced whole or not at all, reading, the XDG folders.
   It works in a folder of its own and removes it. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#undef fail /* the name is base/error.h's */

#include <fcntl.h>
#include <glob.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/file.h"
#include "base/memory.h"
#include "base/text.h"

static char folder[PATH_MAX];

/* "FOLDER/NAME", good until the next but three. */
static const char *inside(const char *name)
{
    static char paths[4][PATH_MAX + 64];
    static int next;
    char *path = paths[next++ % 4];
    snprintf(path, sizeof paths[0], "%s/%s", folder, name);
    return path;
}

static void write_plainly(const char *path, const char *words)
{
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    assert_true(fputs(words, f) >= 0);
    assert_int_equal(fclose(f), 0);
}

static void assert_content(const char *path, const char *words)
{
    void *bytes;
    size_t length;
    assert_int_equal(file_read(path, 1 << 20, &bytes, &length, NULL), E_OK);
    assert_int_equal(length, strlen(words));
    assert_memory_equal(bytes, words, length);
    memory_free(bytes);
}

/* Files whose names begin with those of NAME. */
static size_t count_files(const char *name)
{
    glob_t found;
    char *pattern = memory_format(NULL, "%s*", inside(name));
    size_t count = glob(pattern, 0, NULL, &found) == 0 ? found.gl_pathc : 0;
    if (count)
        globfree(&found);
    memory_free(pattern);
    return count;
}

static void commit_replaces(void **state)
{
    (void)state;
    const char *path = inside("model");
    atomic_file f;
    assert_int_equal(atomic_open(&f, path, NULL), E_OK);
    assert_true(fputs("first", f.stream) >= 0);
    assert_false(file_exists(path)); /* nothing to see until the end */
    assert_int_equal(atomic_commit(&f, NULL), E_OK);
    atomic_abandon(&f);
    assert_content(path, "first");
    assert_int_equal(chmod(path, 0640), 0);
    assert_int_equal(atomic_open(&f, path, NULL), E_OK);
    assert_true(fputs("second", f.stream) >= 0);
    assert_content(path, "first");
    assert_int_equal(atomic_commit(&f, NULL), E_OK);
    assert_content(path, "second");
    struct stat about;
    assert_int_equal(stat(path, &about), 0);
    assert_int_equal(about.st_mode & 0777, 0640);
    assert_int_equal(count_files("model"), 1);
}

static void new_files_follow_the_mask(void **state)
{
    (void)state;
    mode_t old = umask(027);
    atomic_file f;
    assert_int_equal(atomic_open(&f, inside("masked"), NULL), E_OK);
    assert_int_equal(atomic_commit(&f, NULL), E_OK);
    umask(old);
    struct stat about;
    assert_int_equal(stat(inside("masked"), &about), 0);
    assert_int_equal(about.st_mode & 0777, 0640);
}

static void folders_on_the_way_are_made(void **state)
{
    (void)state;
    atomic_file f;
    assert_int_equal(atomic_open(&f, inside("not/yet/there"), NULL), E_OK);
    assert_true(fputs("deep", f.stream) >= 0);
    assert_int_equal(atomic_commit(&f, NULL), E_OK);
    assert_content(inside("not/yet/there"), "deep");
    assert_int_equal(count_files("not/yet/"), 1);
}

static void abandon_keeps_the_old(void **state)
{
    (void)state;
    write_plainly(inside("kept"), "old");
    atomic_file f;
    assert_int_equal(atomic_open(&f, inside("kept"), NULL), E_OK);
    assert_true(fputs("new", f.stream) >= 0);
    atomic_abandon(&f);
    atomic_abandon(&f);
    assert_content(inside("kept"), "old");
    assert_int_equal(count_files("kept"), 1);
}

/* The disk is full: a file-size limit makes the system say so. */
static void failure_keeps_the_old(void **state)
{
    (void)state;
    write_plainly(inside("limited"), "old");
    struct rlimit old, tight;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
    signal(SIGXFSZ, SIG_IGN);
    atomic_file f;
    error e = {0};
    assert_int_equal(atomic_open(&f, inside("limited"), &e), E_OK);
    tight = (struct rlimit){1000, old.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &tight), 0);
    for (int i = 0; i < 1000; i++)
        fputs("more than fits\n", f.stream);
    status result = atomic_commit(&f, &e);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
    assert_int_equal(result, E_FILE);
    assert_non_null(strstr(e.text, "limited: cannot be written: "));
    assert_content(inside("limited"), "old");
    assert_int_equal(count_files("limited"), 1);
}

static void places_that_refuse(void **state)
{
    (void)state;
    atomic_file f;
    error e = {0};
    write_plainly(inside("file"), "");
    assert_int_equal(atomic_open(&f, inside("file/below"), &e), E_FILE);
    assert_non_null(strstr(e.text, "Not a directory"));
    assert_int_equal(atomic_open(&f, inside("file/far/below"), &e), E_FILE);
    assert_int_equal(atomic_open(&f, folder, &e), E_FILE);
    assert_non_null(strstr(e.text, "it is a folder"));
    assert_int_equal(atomic_open(&f, folder, NULL), E_FILE);
    atomic_abandon(&f);
}

static void links_stay_links(void **state)
{
    (void)state;
    write_plainly(inside("target"), "old");
    assert_int_equal(symlink("target", inside("link")), 0);
    atomic_file f;
    assert_int_equal(atomic_open(&f, inside("link"), NULL), E_OK);
    fputs("new", f.stream);
    assert_int_equal(atomic_commit(&f, NULL), E_OK);
    struct stat about;
    assert_int_equal(lstat(inside("link"), &about), 0);
    assert_true(S_ISLNK(about.st_mode));
    assert_content(inside("target"), "new");
}

static void devices_stay_devices(void **state)
{
    (void)state;
    atomic_file f;
    error e = {0};
    assert_int_equal(atomic_open(&f, "/dev/null", &e), E_OK);
    fputs("into nothing", f.stream);
    assert_int_equal(atomic_commit(&f, &e), E_OK);
    assert_int_equal(atomic_open(&f, "/dev/full", &e), E_OK);
    fputs("no room", f.stream);
    assert_int_equal(atomic_commit(&f, &e), E_FILE);
    assert_string_equal(e.text, "/dev/full: cannot be written: No space left on device");
    struct stat about;
    assert_int_equal(stat("/dev/null", &about), 0);
    assert_true(S_ISCHR(about.st_mode));
    assert_int_equal(stat("/dev/full", &about), 0);
    assert_true(S_ISCHR(about.st_mode));
}

static void reading(void **state)
{
    (void)state;
    void *bytes;
    size_t length;
    error e = {0};
    write_plainly(inside("ten"), "0123456789");
    assert_int_equal(file_read(inside("ten"), 10, &bytes, &length, &e), E_OK);
    assert_int_equal(length, 10);
    assert_string_equal(bytes, "0123456789"); /* closed by a NUL for those who parse */
    memory_free(bytes);
    assert_int_equal(file_read(inside("ten"), 9, &bytes, &length, &e), E_FORMAT);
    assert_non_null(strstr(e.text, "longer than the 9 B"));
    assert_null(bytes);
    write_plainly(inside("none"), "");
    assert_int_equal(file_read(inside("none"), 9, &bytes, &length, &e), E_OK);
    assert_int_equal(length, 0);
    memory_free(bytes);
    assert_int_equal(file_read(inside("missing"), 9, &bytes, &length, &e), E_FILE);
    assert_non_null(strstr(e.text, "missing: cannot be opened: No such file"));
    assert_int_equal(file_read(folder, 9, &bytes, &length, &e), E_FILE);
    assert_int_equal(file_read("/proc/self/status", 1 << 20, &bytes, &length, &e), E_OK);
    assert_true(length > 100); /* the system says its size is 0 */
    memory_free(bytes);
    assert_int_equal(file_read("/dev/zero", 200000, &bytes, &length, &e), E_FORMAT);
}

static void folders(void **state)
{
    (void)state;
    error e = {0};
    assert_int_equal(file_make_folder(inside("a/b/c"), &e), E_OK);
    assert_int_equal(file_make_folder(inside("a/b/c"), &e), E_OK);
    assert_int_equal(file_make_folder(inside("a/b/d/"), &e), E_OK);
    struct stat about;
    assert_int_equal(stat(inside("a/b/c"), &about), 0);
    assert_true(S_ISDIR(about.st_mode));
    assert_int_equal(about.st_mode & 0777, 0700);
    assert_true(file_exists(inside("a/b/d")));
    write_plainly(inside("a/file"), "");
    assert_int_equal(file_make_folder(inside("a/file"), &e), E_FILE);
    assert_int_equal(file_make_folder(inside("a/file/below"), &e), E_FILE);
}

static void xdg_folders(void **state)
{
    (void)state;
    static const struct {
        const char *variable, *standard;
        char *(*ask)(error *e);
    } rows[] = {
        {"XDG_STATE_HOME", "/home/somebody/.local/state/lathe", file_state_folder},
        {"XDG_CONFIG_HOME", "/home/somebody/.config/lathe", file_config_folder},
        {"XDG_CACHE_HOME", "/home/somebody/.cache/lathe", file_cache_folder}};
    setenv("HOME", "/home/somebody", 1);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        static const char *const values[] = {"/elsewhere", "", "relative/path", NULL};
        for (int j = 0; j < 4; j++) {
            if (values[j])
                setenv(rows[i].variable, values[j], 1);
            else
                unsetenv(rows[i].variable);
            char *path = rows[i].ask(NULL);
            assert_string_equal(path, j ? rows[i].standard : "/elsewhere/lathe");
            memory_free(path);
        }
    }
    unsetenv("HOME"); /* the user database knows */
    char *path = file_state_folder(NULL);
    assert_non_null(path);
    assert_true(text_ends(path, "/.local/state/lathe"));
    memory_free(path);
}

static void temporary_files(void **state)
{
    (void)state;
    setenv("TMPDIR", folder, 1);
    char *a = file_temporary(".png", NULL), *b = file_temporary(".png", NULL);
    assert_true(text_starts(a, folder));
    assert_true(text_ends(a, ".png"));
    assert_string_not_equal(a, b);
    assert_content(a, "");
    memory_free(a);
    memory_free(b);
    setenv("TMPDIR", inside("nowhere"), 1);
    error e = {0};
    assert_null(file_temporary(NULL, &e));
    assert_int_equal(e.code, E_FILE);
    unsetenv("TMPDIR");
}

static int make_folder(void **state)
{
    (void)state;
    char name[] = "/tmp/lathe-test-XXXXXX";
    return mkdtemp(name) && realpath(name, folder) ? 0 : 1;
}

static int remove_folder(void **state)
{
    (void)state;
    char *command = memory_format(NULL, "rm -rf '%s'", folder);
    int result = system(command);
    memory_free(command);
    return result;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(commit_replaces),
        cmocka_unit_test(new_files_follow_the_mask),
        cmocka_unit_test(folders_on_the_way_are_made),
        cmocka_unit_test(abandon_keeps_the_old),
        cmocka_unit_test(failure_keeps_the_old),
        cmocka_unit_test(places_that_refuse),
        cmocka_unit_test(links_stay_links),
        cmocka_unit_test(devices_stay_devices),
        cmocka_unit_test(reading),
        cmocka_unit_test(folders),
        cmocka_unit_test(xdg_folders),
        cmocka_unit_test(temporary_files),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
