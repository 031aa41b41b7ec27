/* SPDX-License-Identifier: GPL-3.0-or-later
   filter.h -- which runs are meant: "accuracy > 0.9 and not (command = prune or bits < 8)",
   read by a grammar of its own and made into SQL that holds no word of the user's.

     expression = term {"or" term}       term   = factor {"and" factor}
     factor     = "not" factor | "(" expression ")" | key operator literal
     operator   = "=" "!=" "<" "<=" ">" ">=" "~" (contains)
     literal    = number ("0.9", "30KiB") | word | 'string'
   A key is a column of the run, or else a value of its answer, or else an argument.  What
   a run does not have is never true of it, and neither is its contrary. */
#ifndef LATHE_LEDGER_FILTER_H
#define LATHE_LEDGER_FILTER_H

#include "ledger/ledger.h"

#define FILTER_VALUES_MAX 400

typedef struct filter {
    text sql; /* a condition on run r and row w of its answer */
    ledger_value values[FILTER_VALUES_MAX]; /* of ?1, ?2, ... */
    int64_t count;
    char **words; /* what the values lend, owned */
    int64_t word_count, word_capacity;
    char **keys; /* lent from words: keys that were named, each once */
    int64_t key_count, key_capacity;
    bool by_row; /* some key is not a column of the run */
} filter;

/* Appends the condition WORDS to F (which began as zeroes).  E_USAGE says where and what was
   wanted. */
status filter_read(filter *f, const char *words, error *e);
void filter_clear(filter *f);

/* Appends what KEY is, as a number or else as words, to f->sql, and notes KEY.  E_NAME for
   what can be no key. */
status filter_add_key(filter *f, const char *key, error *e);

/* Is KEY a column of every run? */
bool filter_is_column(const char *key);

#endif
