/* SPDX-License-Identifier: GPL-3.0-or-later
   text.c -- the growing string, and questions about words and numbers as words.
   It knows nothing of files or terminals. */
#include "base/text.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>
#include "base/memory.h"

/* Room for MORE bytes and the closing NUL. */
static bool text_reserve(text *t, size_t more)
{
    if (t->failed)
        return false;
    size_t needed;
    if (__builtin_add_overflow(t->length, more, &needed) || needed >= PTRDIFF_MAX / 2) {
        t->failed = true;
        return false;
    }
    void *data = t->data;
    int64_t capacity = (int64_t)t->capacity;
    if (memory_grow(&data, &capacity, (int64_t)needed + 1, 1, NULL) != E_OK) {
        t->failed = true;
        return false;
    }
    t->data = data;
    t->capacity = (size_t)capacity;
    return true;
}

void text_add_bytes(text *t, const char *bytes, size_t length)
{
    if (!text_reserve(t, length))
        return;
    if (length)
        memcpy(t->data + t->length, bytes, length);
    t->length += length;
    t->data[t->length] = '\0';
}

void text_add(text *t, const char *words)
{
    text_add_bytes(t, words, strlen(words));
}

void text_addf(text *t, const char *format, ...)
{
    va_list arguments, again;
    va_start(arguments, format);
    va_copy(again, arguments);
    int length = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    if (length < 0)
        t->failed = true;
    else if (text_reserve(t, (size_t)length)) {
        vsnprintf(t->data + t->length, (size_t)length + 1, format, again);
        t->length += (size_t)length;
    }
    va_end(again);
}

void text_clear(text *t)
{
    memory_free(t->data);
    *t = (text){0};
}

const char *text_get(const text *t)
{
    return t->data ? t->data : "";
}

status text_ok(const text *t, error *e)
{
    return t->failed
               ? fail(e, E_MEMORY, "memory: no room for a text of %zu bytes", t->length)
               : E_OK;
}

char *text_take(text *t, error *e)
{
    char *words = NULL;
    if (text_ok(t, e) == E_OK && text_reserve(t, 0)) {
        words = t->data;
        words[t->length] = '\0';
        *t = (text){0};
        return words;
    }
    text_ok(t, e);
    text_clear(t);
    return NULL;
}

/* Source: Damerau, CACM 7 (1964) 171; Wagner and Fischer, JACM 21 (1974) 168. */
int text_distance(const char *a, const char *b)
{
    enum { LONGEST = 63 };
    size_t rows = strlen(a), columns = strlen(b);
    if (rows > LONGEST || columns > LONGEST)
        return 99;
    int d[LONGEST + 1][LONGEST + 1];
    for (size_t i = 0; i <= rows; i++)
        d[i][0] = (int)i;
    for (size_t j = 0; j <= columns; j++)
        d[0][j] = (int)j;
    for (size_t i = 1; i <= rows; i++) {
        for (size_t j = 1; j <= columns; j++) {
            int best = d[i - 1][j - 1] + (a[i - 1] != b[j - 1]);
            if (d[i - 1][j] + 1 < best)
                best = d[i - 1][j] + 1;
            if (d[i][j - 1] + 1 < best)
                best = d[i][j - 1] + 1;
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
                d[i - 2][j - 2] + 1 < best)
                best = d[i - 2][j - 2] + 1;
            d[i][j] = best;
        }
    }
    return d[rows][columns];
}

const char *text_nearest(const char *word, const char *const *words, int64_t count)
{
    size_t third = strlen(word) / 3;
    int best = third < 2 ? (int)third : 2;
    const char *nearest = NULL;
    for (int64_t i = 0; i < count; i++) {
        int distance = text_distance(word, words[i]);
        if (distance < best || (distance == best && !nearest)) {
            best = distance;
            nearest = words[i];
        }
    }
    return nearest;
}

bool text_starts(const char *word, const char *prefix)
{
    return strncmp(word, prefix, strlen(prefix)) == 0;
}

bool text_ends(const char *word, const char *suffix)
{
    size_t whole = strlen(word), part = strlen(suffix);
    return part <= whole && strcmp(word + whole - part, suffix) == 0;
}

bool text_equal(const char *a, const char *b)
{
    if (!a || !b)
        return a == b;
    return strcmp(a, b) == 0;
}

bool text_to_real(const char *word, double *value)
{
    /* strtod alone would take "0x1p3", "inf", "nan" and leading blanks too. */
    if (!*word || word[strspn(word, "0123456789.eE+-")])
        return false;
    char *end;
    double number = strtod(word, &end);
    if (*end || end == word || !isfinite(number))
        return false;
    *value = number;
    return true;
}

bool text_to_integer(const char *word, int64_t *value)
{
    const char *digits = *word == '-' || *word == '+' ? word + 1 : word;
    if (!*digits || digits[strspn(digits, "0123456789")])
        return false;
    errno = 0;
    intmax_t number = strtoimax(word, NULL, 10);
    if (errno == ERANGE)
        return false;
    *value = number;
    return true;
}

bool text_to_bytes(const char *word, double *bytes)
{
    static const struct {
        const char *name;
        double bytes;
    } units[] = {
        {"KiB", 0x1p10}, {"MiB", 0x1p20}, {"GiB", 0x1p30}, {"TiB", 0x1p40}, {"kB", 1e3},
        {"MB", 1e6},     {"GB", 1e9},     {"TB", 1e12},    {"", 1},
    };
    char number[32];
    size_t unit = 0;
    while (!text_ends(word, units[unit].name))
        unit++; /* every word ends in nothing */
    const size_t length = strlen(word) - strlen(units[unit].name);
    if (length >= sizeof number)
        return false;
    memcpy(number, word, length);
    number[length] = 0;
    if (!text_to_real(number, bytes) || *bytes < 0)
        return false;
    *bytes *= units[unit].bytes;
    return true;
}

char *text_real(char buffer[32], double value)
{
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(buffer, 32, "%.*g", digits, value);
        if (strtod(buffer, NULL) == value)
            break;
    }
    return buffer;
}

char *text_bytes(char buffer[32], double bytes)
{
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB"};
    size_t unit = 0;
    /* 1023.95 would be printed as 1024.0 of the smaller unit. */
    while (fabs(bytes) >= 1023.95 && unit + 1 < sizeof units / sizeof *units) {
        bytes /= 1024;
        unit++;
    }
    snprintf(buffer, 32, unit ? "%.1f %s" : "%.0f %s", bytes, units[unit]);
    return buffer;
}

char *text_seconds(char buffer[32], double seconds)
{
    static const struct {
        double below, factor;
        const char *unit;
    } rows[] = {{9.995e-7, 1e9, "ns"},
                {9.995e-4, 1e6, "us"},
                {0.9995, 1e3, "ms"},
                {59.95, 1, "s"}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (fabs(seconds) < rows[i].below) {
            snprintf(buffer, 32, "%.3g %s", seconds * rows[i].factor, rows[i].unit);
            return buffer;
        }
    }
    double minutes = floor((seconds + 0.5) / 60);
    if (!isfinite(minutes) || minutes < 0 || minutes > 1e9)
        snprintf(buffer, 32, "%.3g s", seconds);
    else if (minutes < 60)
        snprintf(buffer, 32, "%.0f min %02.0f s", minutes,
                 floor(seconds + 0.5 - 60 * minutes));
    else
        snprintf(buffer, 32, "%.0f h %02.0f min", floor(minutes / 60), fmod(minutes, 60));
    return buffer;
}

/* Bytes of the UTF-8 character at WORDS and its CODE point; 1 and -1 where it is none. */
static int decode(const unsigned char *words, int32_t *code)
{
    static const struct {
        unsigned char mask, lead;
        int32_t least;
    } forms[] = {
        {0x80, 0x00, 0}, {0xe0, 0xc0, 0x80}, {0xf0, 0xe0, 0x800}, {0xf8, 0xf0, 0x10000}};
    for (int more = 0; more < 4; more++) {
        if ((words[0] & forms[more].mask) != forms[more].lead)
            continue;
        int32_t value = words[0] & ~forms[more].mask;
        for (int i = 1; i <= more; i++) {
            if ((words[i] & 0xc0) != 0x80)
                goto none;
            value = value << 6 | (words[i] & 0x3f);
        }
        if (value < forms[more].least || value > 0x10ffff)
            goto none;
        *code = value;
        return more + 1;
    }
none:
    *code = -1;
    return 1;
}

/* Columns of the character at AT, of *LENGTH bytes. */
static int character_columns(const unsigned char *at, int *length)
{
    int32_t code;
    *length = decode(at, &code);
    const int width = code < 0 ? 1 : wcwidth((wchar_t)code);
    return width < 0 ? 1 : width; /* not printable in this locale */
}

int text_columns(const char *words)
{
    const unsigned char *at = (const unsigned char *)words;
    int columns = 0;
    for (int length; *at; at += length)
        columns += character_columns(at, &length);
    return columns;
}

size_t text_fitting(const char *words, int columns)
{
    const unsigned char *at = (const unsigned char *)words;
    size_t blank = 0, i = 0;
    int used = 0, length;
    for (; at[i]; i += (size_t)length) {
        used += character_columns(at + i, &length);
        if (used > columns && i > 0)
            break;
        blank = at[i] == ' ' ? i : blank;
    }
    return !at[i] || at[i] == ' ' || blank == 0 ? i : blank;
}
