/* SPDX-License-Identifier: GPL-3.0-or-later
   field.h -- the fields of JSON objects, written and read with checks: every reader names
   the field that is missing or wrong.  It knows no model. */
#ifndef LATHE_FORMAT_FIELD_H
#define LATHE_FORMAT_FIELD_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include "base/error.h"
#include "graph/operator.h"

/* Sets KEY of OBJECT to VALUE, which is taken, also on failure; a NULL value is one that
   found no memory: E_MEMORY. */
status field_put(json_t *object, const char *key, json_t *value, error *e);
status field_append(json_t *array, json_t *value, error *e); /* the same for arrays */

/* A new empty object or list under KEY, or at the end of a list: lent, or NULL. */
json_t *field_put_object(json_t *object, const char *key, error *e);
json_t *field_put_array(json_t *object, const char *key, error *e);
json_t *field_append_object(json_t *array, error *e);

/* Any double: "nan", "inf" and "-inf" are words, for JSON has no such numbers. */
json_t *field_from_real(double value);
/* Any text: bytes that are not UTF-8 become "?"; NULL becomes null. */
json_t *field_from_text(const char *words);
json_t *field_from_shape(shape s);

/* Readers: E_FORMAT where KEY is missing, of another type or out of range. */
status field_integer(const json_t *object, const char *key, int64_t low, int64_t high,
                     int64_t *value, error *e);
status field_real(const json_t *object, const char *key, double *value, error *e);
status field_flag(const json_t *object, const char *key, bool *value, error *e);
status field_text(const json_t *object, const char *key, const char **words, /* lent */
                  error *e);
status field_array(const json_t *object, const char *key, json_t **array, error *e);
status field_object(const json_t *object, const char *key, json_t **value, error *e);
/* Dimensions of 1 or more, rank 1..SHAPE_MAX - 1. */
status field_shape(const json_t *object, const char *key, shape *s, error *e);
/* Which of COUNT words KEY is. */
status field_word(const json_t *object, const char *key, const char *const *words,
                  int count, int *which, error *e);
/* An unsigned 64-bit number, as a text of decimal digits. */
status field_unsigned(const json_t *object, const char *key, uint64_t *value, error *e);
json_t *field_from_unsigned(uint64_t value);

/* All fields that ROWS name (NULL: none), in the struct at BASE.  Whole numbers read are
   0 .. HIGH. */
status fields_put(json_t *object, const attribute *rows, const void *base, error *e);
status fields_get(const json_t *object, const attribute *rows, int64_t high, void *base,
                  error *e);

#endif
