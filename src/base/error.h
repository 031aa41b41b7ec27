/* SPDX-License-Identifier: GPL-3.0-or-later
   error.h -- how a failure travels: a status up the stack, one sentence in `error`.
   It never prints and never ends the program.

   A function that can fail returns `status` and takes `error *e` last; or it returns
   a pointer, NULL on failure.  The sentence reads "who: what was found, what was
   wanted", in lower case, without a full stop; the hint says what to do about it. */
#ifndef LATHE_BASE_ERROR_H
#define LATHE_BASE_ERROR_H

typedef enum status {
    E_OK = 0,
    E_USAGE,   /* the words of a command */
    E_NAME,    /* no such thing, or it exists already */
    E_SHAPE,   /* shapes or types that do not fit */
    E_RANGE,   /* a number outside its range */
    E_FILE,    /* the operating system refused */
    E_FORMAT,  /* a file's bytes are not what they should be */
    E_MEMORY,  /* an allocation failed */
    E_NUMERIC, /* NaN, infinity, divergence */
    E_STOPPED  /* the user stopped the work */
} status;

typedef struct error {
    status code;
    char text[600];
    char hint[300];
} error;

/* Fills E (which may be NULL) with CODE and the sentence, clears the hint; returns CODE. */
status fail(error *e, status code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Adds what the user can do about it; returns e->code (E_USAGE where E is NULL). */
status fail_hint(error *e, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Puts "PREFIX: " before the sentence; returns e->code. */
status fail_prefix(error *e, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

void error_clear(error *e);

/* Leaves the function with the status of CALL unless that is E_OK. */
#define TRY(call)                                                                        \
    do {                                                                                 \
        status try_status_ = (call);                                                     \
        if (try_status_ != E_OK)                                                         \
            return try_status_;                                                          \
    } while (0)

#endif
