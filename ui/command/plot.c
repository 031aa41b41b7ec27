/* SPDX-License-Identifier: GPL-3.0-or-later
   plot.c -- the command `plot`: draws a figure of plots/ into a file or, in characters,
   for the terminal.  It changes no name, draws nothing itself and prints nothing. */
#include <string.h>
#include "plots/style.h"
#include "ui/command/command.h"
#include "ui/command/plot_terminal.h"
#include "ui/command/rows.h"
#include "ui/interpreter.h"

static const option options[] = {
    {"kind", OPTION_TEXT, NULL, NULL, NULL, "what is drawn"},
    {"width", OPTION_REAL, "20..500", NULL, "mm",
     "width of the page (default: the figure's)"},
    {"height", OPTION_REAL, "20..500", NULL, "mm", "its height (default: the figure's)"},
    {"style", OPTION_WORD, "print|screen|slides", "print", NULL,
     "size of type and weight of lines: 8, 10 or 14 points"},
    {"data", OPTION_FLAG, NULL, "no", NULL,
     "leave FILE.dat and FILE.gp, from which gnuplot draws it again"},
    {0},
};

static const char *figure_word(int i)
{
    const figure_row *row = figure_at(i);
    return row ? row->name : NULL;
}

static bool figure_options(const char *word, extra *out, error *e)
{
    const figure_row *row = figure_find(word);
    if (!row)
        return rows_unknown("figure", word, figure_word, e) == E_OK;
    *out = (extra){.options = row->options,
                   .arguments = row->arguments,
                   .required = row->required,
                   .summary = row->summary,
                   .example = row->example};
    return true;
}

/* A picture in characters is as wide as the terminal and has a page's shape. */
static figure_target target_of(const call *c)
{
    const settings *s = c->interpreter ? interpreter_settings(c->interpreter) : NULL;
    int columns = s && s->columns > 0 ? s->columns : 80;
    return (figure_target){
        .path = c->output_file,
        .keep_data = option_flag(&c->options, "data"),
        .columns = columns < 200 ? columns : 200,
        .rows = columns < 70    ? 21
                : columns < 130 ? columns * 3 / 10
                                : 39,
        .unicode = c->output_file || !s || s->unicode,
        .colour = s && s->colour,
    };
}

static status put_answer(call *c, const figure_target *to, const text *picture,
                         int64_t bytes, error *e)
{
    const settings *s = c->interpreter ? interpreter_settings(c->interpreter) : NULL;
    const char *kind = option_words(&c->options, "kind");
    if (!to->path && (!s || s->format == FORMAT_TEXT)) {
        text_add(&c->picture, text_get(picture));
        return E_OK;
    }
    table_row(c->rows);
    table_text(c->rows, "figure", kind);
    if (!to->path) {
        table_text(c->rows, "text", text_get(picture));
        return E_OK;
    }
    int stem = (int)(strrchr(to->path, '.') - to->path);
    table_text(c->rows, "file", to->path);
    table_integer(c->rows, "bytes", bytes);
    TRY(rows_put_digest(c->rows, to->path, e));
    if (text_ends(to->path, ".tex"))
        rows_note(c, "plot: %.*s-inc.pdf belongs to %s", stem, to->path, to->path);
    if (to->keep_data)
        rows_note(c, "plot: gnuplot %.*s.gp draws %s again", stem, to->path, to->path);
    return E_OK;
}

static status fail_no_file(error *e)
{
    text endings = {0};
    figure_endings(&endings);
    fail(e, E_USAGE, "plot: data=yes writes beside a file, and none is named");
    fail_hint(e, "add '> FILE' with the ending %s", text_get(&endings));
    text_clear(&endings);
    return E_USAGE;
}

/* How it is shown; in files and for programs pixels have no place among words. */
static graphics_form form_of(const call *c)
{
    const settings *s = c->interpreter ? interpreter_settings(c->interpreter) : NULL;
    if (c->output_file || (s && s->format != FORMAT_TEXT))
        return GRAPHICS_CHARACTERS;
    return plot_terminal_form(c);
}

static void put_nothing(call *c)
{
    table_row(c->rows);
    table_text(c->rows, "figure", option_words(&c->options, "kind"));
    rows_note(c, "plot: it is not shown: set picture=auto does, '> FILE' keeps it");
}

static status plot_command(call *c, error *e)
{
    const figure_row *row = figure_find(option_words(&c->options, "kind"));
    figure_target to = target_of(c);
    if (to.keep_data && !to.path)
        return fail_no_file(e);
    text data = {0}, script = {0}, picture = {0};
    figure_call f = {.session = c->session,
                     .options = &c->options,
                     .task = c->task,
                     .data = &data,
                     .script = &script,
                     .style = style_find(option_words(&c->options, "style")),
                     .width_mm = option_real(&c->options, "width"),
                     .height_mm = option_real(&c->options, "height")};
    int64_t bytes = 0;
    const graphics_form form = form_of(c);
    status result = E_OK;
    if (form == GRAPHICS_OFF) {
        put_nothing(c);
    } else if (form != GRAPHICS_CHARACTERS) {
        result = plot_terminal_draw(c, row, &f, form, e);
    } else {
        result = figure_render(row, &f, &to, &picture, &bytes, e);
        if (result == E_OK)
            result = put_answer(c, &to, &picture, bytes, e);
    }
    text_clear(&data);
    text_clear(&script);
    text_clear(&picture);
    return result;
}

const command command_plot = {
    .name = "plot",
    .group = "measure",
    .summary = "draw a figure into a file, or into the terminal",
    .options = options,
    .arguments = 1,
    .required = 1,
    .more = figure_options,
    .more_argument = 0,
    .more_word = figure_word,
    .flags = COMMAND_LONG | COMMAND_FILE | COMMAND_DRAWS,
    .example = "plot training m > training.svg",
    .details =
        "The file's ending says how: .png, .svg, .pdf, .tex (LaTeX source with "
        "FILE-inc.pdf beside it, its words in the document's fonts), .txt or .gif, in "
        "which the histograms of several models or of a model's history move.  Without "
        "'> FILE' it is shown: as pixels at a terminal that has them (kitty, sixel), "
        "else "
        "as half blocks in its colours with the words between them, or in characters; "
        "'set picture=characters' and the like choose.  style=print is for paper (8 pt; "
        "png has 300 dots an inch), screen for a window (10 pt and a faint grid), slides "
        "for a room (14 pt and heavy lines); width= and height= are of the finished "
        "page.  Lines differ in colour, dash and marker, so that they hold in grey; the "
        "same data give the same bytes.  "
        "Of models: weights, layers (bars of parameters, zeros, bits, time) and "
        "training.  "
        "Of models and data: confusion, filmstrip and slices (what is made of images "
        "and blocks, and errors), phase and circulation.  Of tables: curve, pareto and "
        "latency.  For instance 'sweep t prune m amount=0.5,0.9 seed=1,2,3 data=d', then "
        "'plot curve t x=sparsity group=amount > seeds.pdf'; 'sweep b bench m q', then "
        "'plot latency b limit=5'; 'plot weights m history=yes > m.gif'; 'plot filmstrip "
        "m q d index=0,3 style=slides > film.png'.  'help plot phase' tells the options "
        "of "
        "one figure.",
    .see = "show, sweep, eval, pareto",
    .run = plot_command,
};
