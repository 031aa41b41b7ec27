/* SPDX-License-Identifier: GPL-3.0-or-later
   tex_words.h -- words as LaTeX source, and back.  It knows no document. */
#ifndef LATHE_REPORT_TEX_WORDS_H
#define LATHE_REPORT_TEX_WORDS_H

#include "base/text.h"

/* Appends WORDS so that LaTeX sets every sign of them. */
void tex_words_write(const char *words, text *out);
/* Appends what LENGTH bytes of such source say. */
void tex_words_read(const char *source, size_t length, text *out);

#endif
