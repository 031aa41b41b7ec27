/* SPDX-License-Identifier: GPL-3.0-or-later
   support_source.h -- data sources called as the command does, and files for them to
   read.  What the files should say is the tests' business. */
#ifndef LATHE_TESTS_SUPPORT_SOURCE_H
#define LATHE_TESTS_SUPPORT_SOURCE_H

#include "data/dataset.h"

/* `data d SOURCE FIRST WORDS...`: FIRST (or NULL) is the first argument, WORDS are
   "key=value key=value".  The seed is 5. */
dataset *source_read_words(const data_source *source, const char *first,
                           const char *words, error *e);
dataset *source_derive_words(const data_source *source, const dataset *from,
                             const char *words, error *e);

/* N samples of SHAPE, all in split test; the caller fills them. */
dataset *support_plain_data(int64_t n, shape sample);

/* A fresh folder (the caller frees the name), and the way out for all that is in it. */
char *source_folder(void);
void source_folder_remove(char *folder);

/* FOLDER/NAME, in a static buffer. */
const char *source_path(const char *folder, const char *name);
void source_file(const char *folder, const char *name, const void *bytes, size_t length);

#endif
