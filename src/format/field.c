/* SPDX-License-Identifier: GPL-3.0-or-later
   field.c -- checked reading and writing of JSON fields.  It keeps nothing. */
#include "format/field.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/memory.h"

status field_put(json_t *object, const char *key, json_t *value, error *e)
{
    if (!value || json_object_set_new(object, key, value))
        return fail(e, E_MEMORY, "json: no room for the field '%s'", key);
    return E_OK;
}

status field_append(json_t *array, json_t *value, error *e)
{
    if (!value || json_array_append_new(array, value))
        return fail(e, E_MEMORY, "json: no room for a list");
    return E_OK;
}

json_t *field_put_object(json_t *object, const char *key, error *e)
{
    return field_put(object, key, json_object(), e) ? NULL : json_object_get(object, key);
}

json_t *field_put_array(json_t *object, const char *key, error *e)
{
    return field_put(object, key, json_array(), e) ? NULL : json_object_get(object, key);
}

json_t *field_append_object(json_t *array, error *e)
{
    if (field_append(array, json_object(), e))
        return NULL;
    return json_array_get(array, json_array_size(array) - 1);
}

json_t *field_from_real(double value)
{
    if (isfinite(value))
        return json_real(value);
    return json_string(isnan(value) ? "nan" : value > 0 ? "inf" : "-inf");
}

json_t *field_from_text(const char *words)
{
    if (!words)
        return json_null();
    json_t *text = json_string(words);
    if (text)
        return text;
    char *copy = memory_text(words, NULL);
    for (char *c = copy; c && *c; c++)
        if ((unsigned char)*c >= 0x80)
            *c = '?';
    text = copy ? json_string(copy) : NULL;
    memory_free(copy);
    return text;
}

json_t *field_from_shape(shape s)
{
    json_t *list = json_array();
    for (int i = 0; list && i < s.rank; i++)
        if (json_array_append_new(list, json_integer(s.dim[i]))) {
            json_decref(list);
            list = NULL;
        }
    return list;
}

json_t *field_from_unsigned(uint64_t value)
{
    char words[24];
    snprintf(words, sizeof words, "%" PRIu64, value);
    return json_string(words);
}

static status find(const json_t *object, const char *key, const json_t **value, error *e)
{
    *value = json_object_get(object, key);
    if (!*value)
        return fail(e, E_FORMAT, "the field '%s' is missing", key);
    return E_OK;
}

static status wrong_type(const char *key, const char *wanted, error *e)
{
    return fail(e, E_FORMAT, "the field '%s' is of another type, wanted %s", key, wanted);
}

static status check_integer(const json_t *value, const char *key, int64_t low,
                            int64_t high, int64_t *number, error *e)
{
    if (!json_is_integer(value))
        return wrong_type(key, "a whole number", e);
    *number = json_integer_value(value);
    if (*number < low || *number > high)
        return fail(e, E_FORMAT,
                    "the field '%s' is %" PRId64 ", wanted %" PRId64 " to %" PRId64, key,
                    *number, low, high);
    return E_OK;
}

status field_integer(const json_t *object, const char *key, int64_t low, int64_t high,
                     int64_t *value, error *e)
{
    const json_t *found;
    TRY(find(object, key, &found, e));
    return check_integer(found, key, low, high, value, e);
}

status field_real(const json_t *object, const char *key, double *value, error *e)
{
    const json_t *found;
    TRY(find(object, key, &found, e));
    const char *words = json_string_value(found);
    if (json_is_number(found))
        *value = json_number_value(found);
    else if (words && !strcmp(words, "nan"))
        *value = (double)NAN;
    else if (words && !strcmp(words, "inf"))
        *value = (double)INFINITY;
    else if (words && !strcmp(words, "-inf"))
        *value = (double)-INFINITY;
    else
        return wrong_type(key, "a number", e);
    return E_OK;
}

status field_flag(const json_t *object, const char *key, bool *value, error *e)
{
    const json_t *found;
    TRY(find(object, key, &found, e));
    if (!json_is_boolean(found))
        return wrong_type(key, "true or false", e);
    *value = json_is_true(found);
    return E_OK;
}

status field_text(const json_t *object, const char *key, const char **words, error *e)
{
    const json_t *found;
    TRY(find(object, key, &found, e));
    *words = json_string_value(found);
    return *words ? E_OK : wrong_type(key, "a text", e);
}

status field_array(const json_t *object, const char *key, json_t **array, error *e)
{
    *array = json_object_get(object, key);
    return json_is_array(*array) ? E_OK : wrong_type(key, "a list", e);
}

status field_object(const json_t *object, const char *key, json_t **value, error *e)
{
    *value = json_object_get(object, key);
    return json_is_object(*value) ? E_OK : wrong_type(key, "an object", e);
}

status field_shape(const json_t *object, const char *key, shape *s, error *e)
{
    json_t *list;
    TRY(field_array(object, key, &list, e));
    size_t rank = json_array_size(list);
    if (rank < 1 || rank >= SHAPE_MAX)
        return fail(e, E_FORMAT, "the field '%s' has %zu dimensions, wanted 1 to %d", key,
                    rank, SHAPE_MAX - 1);
    *s = (shape){.rank = (int)rank};
    for (size_t i = 0; i < rank; i++)
        TRY(check_integer(json_array_get(list, i), key, 1, INT32_MAX, &s->dim[i], e));
    return E_OK;
}

status field_word(const json_t *object, const char *key, const char *const *words,
                  int count, int *which, error *e)
{
    const char *found;
    TRY(field_text(object, key, &found, e));
    for (*which = 0; *which < count; (*which)++)
        if (!strcmp(found, words[*which]))
            return E_OK;
    return fail(e, E_FORMAT, "the field '%s' is '%.40s', which is unknown", key, found);
}

status field_unsigned(const json_t *object, const char *key, uint64_t *value, error *e)
{
    const char *words;
    TRY(field_text(object, key, &words, e));
    size_t digits = strspn(words, "0123456789");
    if (digits == 0 || digits > 20 || words[digits])
        return fail(e, E_FORMAT, "the field '%s' is '%.40s', wanted decimal digits", key,
                    words);
    *value = strtoull(words, NULL, 10);
    return E_OK;
}

static json_t *field_from(const attribute *row, const void *at)
{
    const int64_t *whole = at;
    switch (row->kind) {
    case ATTR_INTEGER:
        return json_integer(*whole);
    case ATTR_REAL:
        return field_from_real(*(const double *)at);
    case ATTR_FLAG:
        return json_boolean(*(const bool *)at);
    case ATTR_INTEGERS:
        return json_pack("[I,I,I]", (json_int_t)whole[0], (json_int_t)whole[1],
                         (json_int_t)whole[2]);
    }
    return NULL;
}

status fields_put(json_t *object, const attribute *rows, const void *base, error *e)
{
    for (const attribute *row = rows; row && row->name; row++)
        TRY(field_put(object, row->name,
                      field_from(row, (const char *)base + row->offset), e));
    return E_OK;
}

static status get_triple(const json_t *object, const char *key, int64_t high, int64_t *to,
                         error *e)
{
    json_t *list;
    TRY(field_array(object, key, &list, e));
    if (json_array_size(list) != 3)
        return fail(e, E_FORMAT, "the field '%s' has %zu numbers, wanted 3", key,
                    json_array_size(list));
    for (size_t i = 0; i < 3; i++)
        TRY(check_integer(json_array_get(list, i), key, 0, high, &to[i], e));
    return E_OK;
}

status fields_get(const json_t *object, const attribute *rows, int64_t high, void *base,
                  error *e)
{
    for (const attribute *row = rows; row && row->name; row++) {
        void *at = (char *)base + row->offset;
        switch (row->kind) {
        case ATTR_INTEGER:
            TRY(field_integer(object, row->name, 0, high, at, e));
            break;
        case ATTR_REAL:
            TRY(field_real(object, row->name, at, e));
            break;
        case ATTR_FLAG:
            TRY(field_flag(object, row->name, at, e));
            break;
        case ATTR_INTEGERS:
            TRY(get_triple(object, row->name, high, at, e));
            break;
        }
    }
    return E_OK;
}
