/* SPDX-License-Identifier: GPL-3.0-or-later
   support_source.c -- data sources called with words, in folders of their own.  It tests
   nothing. */
#include "support.h"
#include "support_source.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "base/memory.h"

static void put_words(option_set *set, const data_source *source, const char *first,
                      const char *words)
{
    char buffer[400];
    error e = {0};
    assert_int_equal(option_set_init(set, source->options, NULL, &e), E_OK);
    if (first)
        assert_int_equal(option_set_put(set, source->options[0].name, first, &e), E_OK);
    snprintf(buffer, sizeof buffer, "%s", words);
    for (char *save, *word = strtok_r(buffer, " ", &save); word;
         word = strtok_r(NULL, " ", &save)) {
        char *value = strchr(word, '=');
        *value++ = 0;
        if (option_set_put(set, word, value, &e) != E_OK)
            fail_msg("%s", e.text);
    }
}

dataset *source_read_words(const data_source *source, const char *first,
                           const char *words, error *e)
{
    option_set set;
    put_words(&set, source, first, words);
    dataset *d = source->read(&set, 5, NULL, e);
    option_set_clear(&set);
    return d;
}

dataset *source_derive_words(const data_source *source, const dataset *from,
                             const char *words, error *e)
{
    option_set set;
    put_words(&set, source, "from", words);
    dataset *d = source->derive(from, &set, 5, NULL, e);
    option_set_clear(&set);
    return d;
}

dataset *support_plain_data(int64_t n, shape sample)
{
    dataset *d = dataset_new(NULL);
    shape whole = {.rank = sample.rank + 1, .dim = {n}};
    for (int i = 0; i < sample.rank; i++)
        whole.dim[i + 1] = sample.dim[i];
    d->count = n;
    d->input = tensor_new(DTYPE_F32, whole, NULL);
    d->split = memory_new(n, sizeof *d->split, NULL);
    memset(d->split, SPLIT_TEST, (size_t)n);
    return d;
}

char *source_folder(void)
{
    error e = {0};
    char *folder = memory_text("/tmp/lathe-test-XXXXXX", &e);
    assert_non_null(folder);
    assert_non_null(mkdtemp(folder));
    return folder;
}

static int remove_one(const char *path, const struct stat *about, int kind,
                      struct FTW *where)
{
    (void)about;
    (void)kind;
    (void)where;
    return remove(path);
}

void source_folder_remove(char *folder)
{
    nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
    memory_free(folder);
}

const char *source_path(const char *folder, const char *name)
{
    static char path[400];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

void source_file(const char *folder, const char *name, const void *bytes, size_t length)
{
    FILE *f = fopen(source_path(folder, name), "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(bytes, 1, length, f), length);
    assert_int_equal(fclose(f), 0);
}
