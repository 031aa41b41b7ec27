/* SPDX-License-Identifier: GPL-3.0-or-later
   plot_words.c -- the words of a figure and where they stand, out of the SVG that gnuplot
   makes of it.  It reads gnuplot's own writing, and no other SVG. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/memory.h"
#include "ui/command/plot_terminal.h"

/* WORDS up to END with the five characters of XML that have names. */
static char *plain_words(const char *words, const char *end, error *e)
{
    static const char *const names[] = {"&lt;", "&gt;", "&amp;", "&quot;", "&apos;"};
    text out = {0};
    while (words < end) {
        size_t k = 0;
        while (k < 5 && !text_starts(words, names[k]))
            k++;
        text_add_bytes(&out, k < 5 ? &"<>&\"'"[k] : words, 1);
        words += k < 5 ? strlen(names[k]) : 1;
    }
    if (text_ok(&out, e) != E_OK) {
        text_clear(&out);
        return NULL;
    }
    return out.data ? text_take(&out, e) : memory_text("", e);
}

/* The value of ATTRIBUTE='...' between BEGIN and END; NULL where it is not there. */
static const char *value_of(const char *begin, const char *end, const char *attribute)
{
    const char *at = strstr(begin, attribute);
    return at && at < end ? at + strlen(attribute) : NULL;
}

static status add_label(plot_words *w, const char *group, const char *words,
                        const double page[2], error *e)
{
    double x, y;
    const char *size = value_of(group, words, "font-size=\""),
               *anchor = value_of(group, words, "text-anchor=\""),
               *turn = value_of(group, words, ") rotate("), *begin = strchr(words, '>');
    const char *end = begin ? strstr(begin, "</text>") : NULL;
    if (!end || !size || sscanf(group, "translate(%lf,%lf", &x, &y) != 2)
        return E_OK;
    TRY(memory_grow((void **)&w->items, &w->capacity, w->count + 1, sizeof *w->items, e));
    char *plain = plain_words(begin + 1, end, e);
    if (!plain)
        return E_MEMORY;
    w->items[w->count++] = (graphics_label){
        .x = x / page[0],
        .y = y / page[1],
        .size = strtod(size, NULL) / page[1],
        .align = !anchor || text_starts(anchor, "start") ? -1
                 : text_starts(anchor, "middle")         ? 0
                                                         : 1,
        .upright = turn != NULL,
        .words = plain,
    };
    return E_OK;
}

status plot_words_read(plot_words *w, const char *svg, error *e)
{
    double page[2];
    const char *box = strstr(svg, "viewBox=\"0 0 ");
    if (!box || sscanf(box, "viewBox=\"0 0 %lf %lf", &page[0], &page[1]) != 2 ||
        !(page[0] > 0) || !(page[1] > 0))
        return fail(e, E_FORMAT, "gnuplot's SVG has no size");
    const char *group = box;
    while ((group = strstr(group, "translate("))) {
        const char *words = strstr(group, "<text"), *next = strstr(group + 1, "<g ");
        if (words && (!next || words < next))
            TRY(add_label(w, group, words, page, e));
        group++;
    }
    return E_OK;
}

void plot_words_clear(plot_words *w)
{
    for (int64_t i = 0; i < w->count; i++)
        memory_free((char *)w->items[i].words);
    memory_free(w->items);
    *w = (plot_words){0};
}
